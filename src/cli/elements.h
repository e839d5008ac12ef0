// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <span>
#include <type_traits>

#include "tessera/tensor.h"

namespace tessera::cli {

/// Calls visit(elements) with a span of the element type, all of which convert to and from double.
/// Booleans come as bytes: whoever wrote the file may have put other numbers than 0 and 1.
template <class Visit>
decltype(auto) visit_elements(Tensor tensor, const Visit& visit) {
  const auto as = [&]<class T>(std::type_identity<T>) -> decltype(auto) {
    return visit(std::span<T>(tensor.data<T>(), static_cast<std::size_t>(tensor.num_elements())));
  };
  switch (tensor.dtype()) {
    case DType::kU8:
    case DType::kBool:
      return as(std::type_identity<std::uint8_t>());
    case DType::kI8:
      return as(std::type_identity<std::int8_t>());
    case DType::kI16:
      return as(std::type_identity<std::int16_t>());
    case DType::kI32:
      return as(std::type_identity<std::int32_t>());
    case DType::kI64:
      return as(std::type_identity<std::int64_t>());
    case DType::kU16:
      return as(std::type_identity<std::uint16_t>());
    case DType::kU32:
      return as(std::type_identity<std::uint32_t>());
    case DType::kU64:
      return as(std::type_identity<std::uint64_t>());
    case DType::kF16:
      return as(std::type_identity<Half>());
    case DType::kBF16:
      return as(std::type_identity<BFloat16>());
    case DType::kF64:
      return as(std::type_identity<double>());
    case DType::kF32:
      break;
  }
  return as(std::type_identity<float>());
}

}  // namespace tessera::cli
