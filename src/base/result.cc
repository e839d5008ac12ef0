// SPDX-License-Identifier: MIT
#include "tessera/program.h"

namespace tessera {

std::string_view name_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInternal:
      return "Internal";
    case ErrorCode::kInvalidState:
      return "InvalidState";
    case ErrorCode::kNotSupported:
      return "NotSupported";
    case ErrorCode::kNotImplemented:
      return "NotImplemented";
    case ErrorCode::kInvalidArgument:
      return "InvalidArgument";
    case ErrorCode::kInvalidType:
      return "InvalidType";
    case ErrorCode::kOperatorMissing:
      return "OperatorMissing";
    case ErrorCode::kNotFound:
      return "NotFound";
    case ErrorCode::kMemoryAllocationFailed:
      return "MemoryAllocationFailed";
    case ErrorCode::kAccessFailed:
      return "AccessFailed";
    case ErrorCode::kInvalidProgram:
      return "InvalidProgram";
    case ErrorCode::kInvalidExternalData:
      return "InvalidExternalData";
    case ErrorCode::kOutOfResources:
      return "OutOfResources";
    case ErrorCode::kDelegateInvalidCompatibility:
      return "DelegateInvalidCompatibility";
    case ErrorCode::kDelegateMemoryAllocationFailed:
      return "DelegateMemoryAllocationFailed";
    case ErrorCode::kDelegateInvalidHandle:
      return "DelegateInvalidHandle";
  }
  return code == kCancelled ? "Cancelled" : "Unknown";
}

std::string Error::to_string() const { return std::format("{}: {}", name_of(code), message); }

}  // namespace tessera
