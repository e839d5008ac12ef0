// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>

namespace tessera::ops {

/// Whether multiplying by the scale is exact in floating point. Then an interpolation's weights
/// depend on the position within one period only, so a part of an image gives the bits of the
/// whole.
inline bool is_power_of_two(double scale) {
  int exponent = 0;
  return scale > 0 && std::frexp(scale, &exponent) == 0.5;
}

}  // namespace tessera::ops
