// SPDX-License-Identifier: MIT
#include "quantize/affine_params.h"

#include <algorithm>
#include <cmath>

namespace tessera::quantize {

AffineParams affine_params(ValueRange range, int quant_min, int quant_max, float smallest_scale) {
  const double min = std::min(range.min, 0.0f), max = std::max(range.max, 0.0f);
  const auto scale =
      std::max(static_cast<float>((max - min) / (quant_max - quant_min)), smallest_scale);
  const double zero_point = quant_min - std::nearbyint(min / static_cast<double>(scale));
  return {scale, static_cast<std::int32_t>(std::clamp(zero_point, static_cast<double>(quant_min),
                                                      static_cast<double>(quant_max)))};
}

}  // namespace tessera::quantize
