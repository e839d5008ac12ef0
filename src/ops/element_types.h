// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>

#include "ir/operator.h"
#include "tessera/tensor.h"

/// Lists of element types that kernels are made for, and what follows from a type.
namespace tessera::ops {

template <class... Ts>
struct TypeList {};

template <class... Lists>
struct JoinedTypes;
template <class... As>
struct JoinedTypes<TypeList<As...>> {
  using Type = TypeList<As...>;
};
template <class... As, class... Bs, class... More>
struct JoinedTypes<TypeList<As...>, TypeList<Bs...>, More...>
    : JoinedTypes<TypeList<As..., Bs...>, More...> {};
template <class... Lists>
using Joined = typename JoinedTypes<Lists...>::Type;

using FloatTypes = TypeList<float, double, Half, BFloat16>;
using IntegerTypes = TypeList<std::uint8_t, std::int8_t, std::int16_t, std::int32_t, std::int64_t>;
using RealTypes = Joined<FloatTypes, IntegerTypes>;
using IntegerOrBoolTypes = Joined<IntegerTypes, TypeList<bool>>;
using AllTypes = Joined<RealTypes, TypeList<bool>>;  ///< ExecuTorch's REALHBBF16
/// One type for each size, for kernels that only move elements.
using MovedTypes = TypeList<std::uint8_t, std::uint16_t, std::uint32_t, std::uint64_t>;

template <class T>
inline constexpr bool kIsFloat =
    std::is_floating_point_v<T> || std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>;

/// What elements of T are computed in: float for the 16-bit floating point types.
template <class T>
using Compute =
    std::conditional_t<std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>, float, T>;
/// What sums of T are kept in, as ATen's acc_type on CPUs: float for 16-bit types and float (its
/// kernels sum in blocks), int64 for integers.
template <class T>
using Accumulator = std::conditional_t<kIsFloat<T>, Compute<T>, std::int64_t>;

template <class... Ts>
bool contains(TypeList<Ts...>, DType dtype) {
  return ((dtype == dtype_of<Ts>()) || ...);
}

template <class... Ts>
std::string names_of(TypeList<Ts...>) {
  std::string names;
  ((names += (names.empty() ? "" : ", ") + std::string(name_of(dtype_of<Ts>()))), ...);
  return names;
}

/// Fails with "argument 'self' is i8, expected f32, f64, f16, bf16".
template <class List>
Result<void> expect_types(const ir::TensorType& type, std::string_view name) {
  if (contains(List(), type.dtype)) return {};
  return fail(ErrorCode::kInvalidType, "argument '{}' is {}, expected {}", name,
              name_of(type.dtype), names_of(List()));
}

inline bool is_float(DType dtype) { return contains(FloatTypes(), dtype); }
inline bool is_integer(DType dtype) { return contains(IntegerTypes(), dtype); }

}  // namespace tessera::ops
