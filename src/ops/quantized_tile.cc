// SPDX-License-Identifier: MIT
#include "ops/quantized_tile.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "ops/quantized_tile_vnni.h"
#include "ops/vnni.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace tessera::ops {
namespace {

template <class T>
T load(const std::byte* from, std::int64_t index) {
  T value;
  std::memcpy(&value, from + index * static_cast<std::int64_t>(sizeof(T)), sizeof(T));
  return value;
}

void run_plainly(const QuantizedTile& tile) {
  for (std::int64_t i = 0; i < tile.num_pixels * tile.num_channels; ++i) {
    const std::int64_t pixel = i / tile.num_channels, channel = i % tile.num_channels;
    auto sum = load<std::uint32_t>(tile.block, channel);
    const auto scale = load<float>(tile.block, tile.num_lanes + channel);
    std::int64_t row = 2 * tile.num_lanes + channel;
    for (const QuantizedRun& run : tile.runs) {
      const std::uint8_t* inputs = tile.inputs + run.offset + pixel * tile.pixel_stride;
      for (std::int64_t step = 0; step < run.num_steps; ++step, row += tile.num_lanes) {
        for (std::int64_t k = 0; k < kStepInputs; ++k) {
          const std::int32_t weight = load<std::int8_t>(tile.block, row * kStepInputs + k);
          sum += static_cast<std::uint32_t>(inputs[k] * weight);
        }
        inputs += tile.step_distance;
      }
    }
    tile.outputs[pixel * tile.output_stride + channel] =
        requantize(static_cast<std::int32_t>(sum), scale, tile.range);
  }
}

void gather(const std::uint8_t* from, std::int64_t distance, std::int64_t count, std::uint8_t* to) {
  for (std::int64_t i = 0; i < count; ++i) {
    std::memcpy(to + i * kStepInputs, from + i * distance, kStepInputs);
  }
}

#if defined(__x86_64__)
bool has_amx() {
  constexpr unsigned kAmxInt8 = 1u << 25;
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  return __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) != 0 && (edx & kAmxInt8) != 0;
}
#endif

QuantizedTileFunctions find_functions() {
#if defined(__x86_64__)
  if (has_vnni()) {
    QuantizedTileFunctions functions = vnni_quantized_tile_functions();
    functions.is_fast = !has_amx();
    return functions;
  }
#endif
  return plain_quantized_tile_functions();
}

}  // namespace

const QuantizedTileFunctions& quantized_tile_functions() {
  static const QuantizedTileFunctions functions = find_functions();
  return functions;
}

QuantizedTileFunctions plain_quantized_tile_functions() {
  return {run_plainly, run_plainly, gather, /*is_fast=*/false};
}

std::int8_t requantize(std::int32_t sum, float scale, const QuantizedOutput& range) {
  const float scaled =
      std::min(static_cast<float>(sum) * scale, static_cast<float>(range.high - range.zero_point));
  // What does not fit becomes the smallest number, as in cvtps2dq, and the sum wraps.
  const std::int32_t rounded = scaled >= -0x1p31f
                                   ? static_cast<std::int32_t>(std::nearbyint(scaled))
                                   : std::numeric_limits<std::int32_t>::min();
  const auto moved = static_cast<std::int32_t>(static_cast<std::uint32_t>(rounded) +
                                               static_cast<std::uint32_t>(range.zero_point));
  return static_cast<std::int8_t>(std::max(std::clamp(moved, -128, 127), range.low));
}

}  // namespace tessera::ops
