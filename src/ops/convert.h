// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <limits>
#include <type_traits>

#include "ops/element_types.h"
#include "tessera/tensor.h"

namespace tessera::ops {

/// A number as another type, defined for every value: integers wrap around, bool is "not 0", and
/// what is too large for an integer (or NaN) becomes the smallest number of its int32 or int64
/// before that, as x86 processors do it.
template <class To, class From>
To convert_element(From value) {
  if constexpr (std::is_same_v<To, bool>) {
    return static_cast<Compute<From>>(value) != 0;
  } else if constexpr (kIsFloat<From> && std::is_integral_v<To>) {
    using Wide = std::conditional_t<sizeof(To) == 8, std::int64_t, std::int32_t>;
    using Float = std::conditional_t<std::is_same_v<From, double>, double, float>;
    constexpr Float kLimit = sizeof(Wide) == 8 ? Float(0x1p63) : Float(0x1p31);
    const auto number = static_cast<Float>(value);
    const bool fits = number >= -kLimit && number < kLimit;
    return static_cast<To>(static_cast<Wide>(fits ? number : -kLimit));
  } else {
    return static_cast<To>(static_cast<Compute<From>>(value));
  }
}

/// Converts `count` elements by convert_element. The memory does not overlap. Any of AllTypes.
void convert_elements(DType from, const void* in, DType to, void* out, std::size_t count);

}  // namespace tessera::ops
