// SPDX-License-Identifier: MIT
#pragma once

#include "ops/element_types.h"

namespace tessera::ops {

/// The sum in T: integers wrap around, bool is "or", 16-bit numbers are rounded.
template <class T>
T plus(T a, T b) {
  if constexpr (std::is_same_v<T, bool>) {
    return a || b;
  } else if constexpr (std::is_integral_v<T>) {
    return static_cast<T>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
  } else {
    return static_cast<T>(static_cast<Compute<T>>(a) + static_cast<Compute<T>>(b));
  }
}

}  // namespace tessera::ops
