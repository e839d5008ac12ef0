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
  const std::int64_t part_lanes = kDepthwiseChannels / row.num_parts;
  for (std::int64_t i = 0; i < row.num_quads * kStepInputs * row.num_parts; ++i) {
    const std::int64_t column = i / row.num_parts, part = i % row.num_parts;
    std::uint8_t* quad = row.quads + column / kStepInputs * kQuadBytes + column % kStepInputs;
    const std::int8_t* pixels = row.pixels[static_cast<std::size_t>(part)];
    const bool is_inside = pixels != nullptr && column >= row.begin && column < row.end;
    for (std::int64_t channel = 0; channel < row.num_channels; ++channel) {
      quad[depthwise_lane(part * part_lanes + channel) * kStepInputs] =
          to_unsigned(is_inside ? pixels[column * row.pixel_stride + channel] : row.padding);
    }
  }
}

std::int32_t sum_of(const DepthwiseTile& tile, std::int64_t pixel, std::int64_t lane) {
  auto sum = load<std::uint32_t>(tile.starts_and_scales, lane);
  for (std::int64_t step = 0; step < tile.num_rows * tile.num_quads; ++step) {
    const std::uint8_t* inputs = tile.inputs + pixel * tile.pixel_distance +
                                 step / tile.num_quads * tile.row_distance +
                                 step % tile.num_quads * kQuadBytes + lane * kStepInputs;
    const std::int64_t first = step * kQuadBytes + lane * kStepInputs;
    for (std::int64_t k = 0; k < kStepInputs; ++k) {
      sum += static_cast<std::uint32_t>(inputs[k] * load<std::int8_t>(tile.weights, first + k));
    }
  }
  return static_cast<std::int32_t>(sum);
}

void run_plainly(const DepthwiseTile& tile) {
  const std::int64_t part_lanes = kDepthwiseChannels / tile.num_parts;
  for (std::int64_t part = 0; part < tile.num_stored; ++part) {
    std::int8_t* outputs = tile.outputs + part * tile.part_distance;
    for (std::int64_t i = 0; i < tile.num_pixels * tile.num_channels; ++i) {
      const std::int64_t pixel = i / tile.num_channels, channel = i % tile.num_channels;
      const std::int64_t lane = depthwise_lane(part * part_lanes + channel);
      const auto scale = load<float>(tile.starts_and_scales, kDepthwiseChannels + lane);
      outputs[pixel * tile.output_stride + channel] =
          requantize_saturating(sum_of(tile, pixel, lane), scale, tile.range);
    }
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
