// SPDX-License-Identifier: MIT
#include "xnnpack/tensor_dtype.h"

namespace tessera::xnnpack {

std::optional<DType> tensor_dtype(Datatype datatype) {
  switch (datatype) {
    case Datatype::kF32:
      return DType::kF32;
    case Datatype::kF16:
      return DType::kF16;
    case Datatype::kBF16:
      return DType::kBF16;
    case Datatype::kQInt8:
      return DType::kI8;
    case Datatype::kQUInt8:
      return DType::kU8;
    case Datatype::kQInt32:
    case Datatype::kInt32:
      return DType::kI32;
    default:
      return std::nullopt;
  }
}

}  // namespace tessera::xnnpack
