// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>

#include "ops/quantized_tile.h"

namespace tessera::ops {

/// A filter as tiles read it: for every output segments of inputs that lie side by side in memory
/// (rows of the window, or its pixels), in the order kernel row, kernel column, channel.
struct QuantizedFilter {
  std::int64_t num_segments = 1, segment_inputs = 1, output_channels = 1;

  std::int64_t steps_per_segment() const {
    return (segment_inputs + kStepInputs - 1) / kStepInputs;
  }
  std::int64_t num_steps() const { return num_segments * steps_per_segment(); }
  bool is_narrow() const { return output_channels <= kMaxNarrowChannels; }
  /// Lanes of the block of channels that starts at `first_channel`.
  std::int64_t block_lanes(std::int64_t first_channel) const;
  std::int64_t block_bytes(std::int64_t num_lanes) const;
  std::int64_t packed_bytes() const;
};
QuantizedFilter quantized_filter(std::int64_t kernel_height, std::int64_t kernel_width,
                                 std::int64_t width_dilation, std::int64_t input_channels,
                                 std::int64_t output_channels);

/// What a filter is packed from: weights[output * output_step + input * input_step] for the inputs
/// in the filter's order. Sums of an output are multiplied with scales[output].
struct QuantizedWeights {
  const std::int8_t* weights = nullptr;
  std::int64_t output_step = 0, input_step = 1;
  const std::int32_t* bias = nullptr;  ///< may be null
  const float* scales = nullptr;
  std::int32_t input_zero_point = 0;
};
/// Writes packed_bytes: blocks as QuantizedTile reads them, whose inputs are 128 larger than the
/// image's.
void pack_quantized_filter(const QuantizedFilter& filter, const QuantizedWeights& weights,
                           std::byte* packed);

}  // namespace tessera::ops
