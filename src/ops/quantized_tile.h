// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

/// The innermost loops of convolutions of 8-bit integers: sums of products in 32 bits, then scaled
/// to 8 bits by XNNPACK's rule, to the same bits.
namespace tessera::ops {

/// Inputs whose products are added to a sum at once.
inline constexpr std::int64_t kStepInputs = 4;
/// Wide tiles have their channels side by side in vectors of 16: one to four of them.
inline constexpr std::int64_t kWideLanes = 16, kMaxWideChannels = 64, kMaxWidePixels = 6;
/// Narrow tiles have few channels and their pixels side by side in vectors of 16.
inline constexpr std::int64_t kMaxNarrowChannels = 8, kNarrowLanes = 16, kMaxNarrowPixels = 48;
/// Bytes behind the last input of a narrow tile, or that is gathered, that may be read (but are not
/// used).
inline constexpr std::int64_t kNarrowReadBytes = kMaxNarrowPixels * kStepInputs;

/// Steps whose inputs lie at the same distance from each other.
struct QuantizedRun {
  std::int64_t offset = 0;  ///< bytes from QuantizedTile::inputs
  std::int64_t num_steps = 0;
};

/// An output is round(float(sum) * scale) + zero_point, rounded to even, and low .. high.
struct QuantizedOutput {
  std::int32_t zero_point = 0, low = -128, high = 127;
};

/// sums[pixel][channel] = start[channel] + inputs * weights, where a pixel's inputs lie
/// `pixel_stride` bytes behind those of the pixel before it.
struct QuantizedTile {
  std::span<const QuantizedRun> runs;
  const std::uint8_t* inputs = nullptr;
  std::int64_t step_distance = kStepInputs;  ///< bytes
  std::int64_t pixel_stride = 0;             ///< of narrow tiles kStepInputs
  std::int64_t num_pixels = 0;
  /// What the sums start from and the scales, a number of 4 bytes for each lane, then for every
  /// step kStepInputs signed weights for each lane.
  const std::byte* block = nullptr;
  std::int64_t num_lanes = 0;     ///< narrow: the channels; wide: rounded up to whole vectors
  std::int64_t num_channels = 0;  ///< to store
  std::int8_t* outputs = nullptr;
  std::int64_t output_stride = 0;  ///< of narrow tiles num_channels
  QuantizedOutput range;
};

/// To the same bits on all processors; fast on those with AVX-512 VNNI, but XNNPACK is faster where
/// it has AMX.
struct QuantizedTileFunctions {
  void (*wide)(const QuantizedTile&);    ///< at most kMaxWidePixels and kMaxWideChannels
  void (*narrow)(const QuantizedTile&);  ///< at most kMaxNarrowPixels and kMaxNarrowChannels
  /// For narrow tiles: to[i] = the kStepInputs bytes at from + i * distance, for `count` pixels and
  /// more, up to a multiple of kNarrowLanes.
  void (*gather)(const std::uint8_t* from, std::int64_t distance, std::int64_t count,
                 std::uint8_t* to);
  bool is_fast;
};
/// Those for this processor.
const QuantizedTileFunctions& quantized_tile_functions();
/// Those for any.
QuantizedTileFunctions plain_quantized_tile_functions();

/// XNNPACK's rule for one sum.
std::int8_t requantize(std::int32_t sum, float scale, const QuantizedOutput& range);

}  // namespace tessera::ops
