// SPDX-License-Identifier: MIT
#include "ops/depthwise_tile.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "ops/depthwise_tile_vnni.h"
#include "ops/vnni.h"

namespace tessera::ops {
namespace {

template <class T>
T load(const std::byte* from, std::int64_t index) {
  T value;
  std::memcpy(&value, from + index * static_cast<std::int64_t>(sizeof(T)), sizeof(T));
  return value;
}

void interleave_plainly(const QuadRow& row) {
  for (std::int64_t column = 0; column < row.num_quads * kStepInputs; ++column) {
    std::uint8_t* quad = row.quads + column / kStepInputs * kQuadBytes + column % kStepInputs;
    const bool is_inside = column >= row.begin && column < row.end;
    for (std::int64_t channel = 0; channel < row.num_channels; ++channel) {
      quad[depthwise_lane(channel) * kStepInputs] =
          is_inside ? to_unsigned(row.pixels[column * row.pixel_stride + channel]) : row.padding;
    }
  }
}

void run_plainly(const DepthwiseTile& tile) {
  for (std::int64_t i = 0; i < tile.num_pixels * tile.num_channels; ++i) {
    const std::int64_t pixel = i / tile.num_channels, channel = i % tile.num_channels;
    const std::int64_t lane = depthwise_lane(channel);
    auto sum = load<std::uint32_t>(tile.starts_and_scales, lane);
    const auto scale = load<float>(tile.starts_and_scales, kDepthwiseChannels + lane);
    for (std::int64_t step = 0; step < tile.num_rows * tile.num_quads; ++step) {
      const std::uint8_t* inputs = tile.inputs + pixel * tile.pixel_distance +
                                   step / tile.num_quads * tile.row_distance +
                                   step % tile.num_quads * kQuadBytes + lane * kStepInputs;
      const std::int64_t first = step * kQuadBytes + lane * kStepInputs;
      for (std::int64_t k = 0; k < kStepInputs; ++k) {
        sum += static_cast<std::uint32_t>(inputs[k] * load<std::int8_t>(tile.weights, first + k));
      }
    }
    tile.outputs[pixel * tile.output_stride + channel] =
        requantize_saturating(static_cast<std::int32_t>(sum), scale, tile.range);
  }
}

}  // namespace

const DepthwiseFunctions& depthwise_functions() {
#if defined(__x86_64__)
  static const DepthwiseFunctions functions =
      has_vnni() ? vnni_depthwise_functions() : plain_depthwise_functions();
#else
  static const DepthwiseFunctions functions = plain_depthwise_functions();
#endif
  return functions;
}

DepthwiseFunctions plain_depthwise_functions() { return {interleave_plainly, run_plainly}; }

std::int8_t requantize_saturating(std::int32_t sum, float scale, const QuantizedOutput& range) {
  constexpr float kMost = 1 << 15;  // what is beyond it is saturated anyway
  const float scaled =
      std::min(static_cast<float>(sum) * scale, static_cast<float>(range.high - range.zero_point));
  const auto rounded = static_cast<std::int32_t>(std::nearbyint(std::max(scaled, -kMost)));
  return static_cast<std::int8_t>(
      std::max(std::clamp(rounded + range.zero_point, -128, 127), range.low));
}

}  // namespace tessera::ops
