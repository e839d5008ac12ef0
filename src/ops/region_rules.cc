// SPDX-License-Identifier: MIT
#include "ops/region_rules.h"

#include <algorithm>
#include <cmath>

#include "ops/exact_scale.h"

namespace tessera::ops {

namespace {

std::int64_t floor_quotient(std::int64_t a, std::int64_t b) {
  return a / b - (a % b != 0 && (a < 0) != (b < 0) ? 1 : 0);
}
std::int64_t ceil_quotient(std::int64_t a, std::int64_t b) { return -floor_quotient(-a, b); }

}  // namespace

Interval window_region(Interval output, const Window& window) {
  const std::int64_t reach = window.dilation * (window.kernel - 1);
  return {output.begin * window.stride - window.padding_before,
          (output.end - 1) * window.stride - window.padding_before + reach + 1};
}

Interval transposed_window_region(Interval output, const Window& window) {
  // Input i adds to outputs i * stride - padding + k * dilation. With gaps between the windows
  // (kernel below stride) an output may have no input; it still belongs to the one before it.
  const std::int64_t reach = window.dilation * (window.kernel - 1);
  const std::int64_t first = output.begin + window.padding_before;
  return {
      std::min(ceil_quotient(first - reach, window.stride), floor_quotient(first, window.stride)),
      floor_quotient(output.end - 1 + window.padding_before, window.stride) + 1};
}

Interval bilinear_region(Interval output, double scale, bool align_corners,
                         std::int64_t input_size) {
  const auto source = [&](std::int64_t position) {
    const double center = static_cast<double>(position);
    return align_corners ? scale * center : std::max(scale * (center + 0.5) - 0.5, 0.0);
  };
  // A product that is not exact may fall on the other side of an integer in a kernel's arithmetic.
  const double slack = !align_corners && is_power_of_two(scale) ? 0.0 : 1e-3;
  const auto last = input_size - 1;
  return {
      std::min(static_cast<std::int64_t>(std::floor(source(output.begin) - slack)), last),
      std::min(static_cast<std::int64_t>(std::floor(source(output.end - 1) + slack)), last) + 2};
}

Region broadcast_region(const Region& output, const Shape& input) {
  Region region;
  const std::size_t offset = output.rank() - input.rank();
  for (std::size_t dim = 0; dim < input.rank(); ++dim) {
    region.push_back(input[dim] == 1 ? Interval{0, 1} : output[offset + dim]);
  }
  return region;
}

}  // namespace tessera::ops
