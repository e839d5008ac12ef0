// SPDX-License-Identifier: MIT
#include "ops/quantized_filter.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "ops/vnni.h"

namespace tessera::ops {
QuantizedFilter quantized_filter(std::int64_t kernel_height, std::int64_t kernel_width,
                                 std::int64_t width_dilation, std::int64_t input_channels,
                                 std::int64_t output_channels) {
  const bool is_joined = kernel_width == 1 || width_dilation == 1;
  return {.num_segments = kernel_height * (is_joined ? 1 : kernel_width),
          .segment_inputs = input_channels * (is_joined ? kernel_width : 1),
          .output_channels = output_channels};
}

std::int64_t QuantizedFilter::block_lanes(std::int64_t first_channel) const {
  if (is_narrow()) return output_channels;
  const std::int64_t rest = std::min(output_channels - first_channel, kMaxWideChannels);
  return (rest + kWideLanes - 1) / kWideLanes * kWideLanes;
}

std::int64_t QuantizedFilter::block_bytes(std::int64_t num_lanes) const {
  return num_lanes * kStepInputs * (2 + num_steps());
}

std::int64_t QuantizedFilter::packed_bytes() const {
  std::int64_t bytes = 0;
  for (std::int64_t first = 0; first < output_channels; first += kMaxWideChannels) {
    bytes += block_bytes(block_lanes(first));
  }
  return bytes;
}

void pack_quantized_filter(const QuantizedFilter& filter, const QuantizedWeights& weights,
                           std::byte* packed) {
  const std::int64_t num_inputs = filter.num_segments * filter.segment_inputs;
  const std::int64_t steps = filter.steps_per_segment();
  std::memset(packed, 0, static_cast<std::size_t>(filter.packed_bytes()));
  for (std::int64_t first = 0; first < filter.output_channels; first += kMaxWideChannels) {
    const std::int64_t lanes = filter.block_lanes(first);
    const std::int64_t count = std::min(lanes, filter.output_channels - first);
    const auto store = [&](auto value, std::int64_t number) {
      std::memcpy(packed + number * kStepInputs, &value, kStepInputs);
    };
    for (std::int64_t lane = 0; lane < count; ++lane) {
      const std::int8_t* from = weights.weights + (first + lane) * weights.output_step;
      std::uint32_t sum = 0;
      for (std::int64_t i = 0; i < num_inputs; ++i) {
        sum += static_cast<std::uint32_t>(from[i * weights.input_step]);
      }
      // An input of the zero point adds nothing to a sum that starts here.
      const std::uint32_t bias =
          weights.bias == nullptr ? 0 : static_cast<std::uint32_t>(weights.bias[first + lane]);
      store(bias - sum * static_cast<std::uint32_t>(weights.input_zero_point + kUnsignedOffset),
            lane);
      store(weights.scales[first + lane], lanes + lane);
      for (std::int64_t step = 0; step < filter.num_steps(); ++step) {
        const std::int64_t i = step % steps * kStepInputs;
        const std::int64_t input = step / steps * filter.segment_inputs + i;
        std::array<std::int8_t, kStepInputs> factors{};
        for (std::int64_t k = 0; k < std::min(kStepInputs, filter.segment_inputs - i); ++k) {
          factors[static_cast<std::size_t>(k)] = from[(input + k) * weights.input_step];
        }
        store(factors, (2 + step) * lanes + lane);
      }
    }
    packed += filter.block_bytes(lanes);
  }
}

}  // namespace tessera::ops
