// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <expected>
#include <format>
#include <string>
#include <string_view>
#include <utility>

namespace tessera {

/// What went wrong, in ExecuTorch 1.4's numbers where both have the code (runtime/core/error.h).
enum class ErrorCode : std::uint32_t {
  kInternal = 0x01,
  kInvalidState = 0x02,
  kNotSupported = 0x10,
  kNotImplemented = 0x11,
  kInvalidArgument = 0x12,
  kInvalidType = 0x13,
  kOperatorMissing = 0x14,
  kNotFound = 0x20,
  kMemoryAllocationFailed = 0x21,
  kAccessFailed = 0x22,
  kInvalidProgram = 0x23,
  kInvalidExternalData = 0x24,
  kOutOfResources = 0x25,
  kDelegateInvalidCompatibility = 0x30,
  kDelegateMemoryAllocationFailed = 0x31,
  kDelegateInvalidHandle = 0x32,
};

/// The code's name as users see it, for example "InvalidArgument".
std::string_view name_of(ErrorCode code);

/// Something the world got wrong: a file, an argument, an operator Tessera does not have, memory.
/// The message says what, where, expected and found; callers on the way up put their own context in
/// front of it with `with_context`.
struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;

  /// "InvalidProgram: model.pte: segment 3 ends at 8192, the file at 4096".
  std::string to_string() const;
};

/// Value or Error. Nothing in Tessera throws across its API.
template <class T>
using Result = std::expected<T, Error>;

/// `return fail(ErrorCode::kNotFound, "no method '{}'", name);`
template <class... Args>
std::unexpected<Error> fail(ErrorCode code, std::format_string<Args...> format, Args&&... args) {
  return std::unexpected(Error{code, std::format(format, std::forward<Args>(args)...)});
}

/// Puts "context: " in front of the message.
inline std::unexpected<Error> with_context(Error error, std::string_view context) {
  error.message = std::format("{}: {}", context, error.message);
  return std::unexpected(std::move(error));
}

}  // namespace tessera
