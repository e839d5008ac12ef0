// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include "quantize/value_range.h"

namespace tessera::quantize {

/// An integer q stands for scale * (q - zero_point).
struct AffineParams {
  float scale = 1;
  std::int32_t zero_point = 0;
  friend bool operator==(const AffineParams&, const AffineParams&) = default;
};

/// The smallest scale that XNNPACKQuantizer gives an activation (its eps). XNNPACK itself asks for
/// positive normal numbers, and that quotients of scales stay in bounds.
inline constexpr float kSmallestScale = 0x1p-12f;

/// What represents the range, widened so that it has 0, by the integers from quant_min to
/// quant_max; zero is exactly the zero point. Valid for every finite range, {0, 0} too.
AffineParams affine_params(ValueRange range, int quant_min = -128, int quant_max = 127,
                           float smallest_scale = kSmallestScale);

}  // namespace tessera::quantize
