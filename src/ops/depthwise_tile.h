// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "ops/quantized_tile.h"

/// The innermost loops of depthwise convolutions of 8-bit integers, for kDepthwiseChannels at once.
/// A tap reads one number of a channel: to add kStepInputs products at once, neighbouring columns
/// of a row are brought side by side, channel by channel.
namespace tessera::ops {

inline constexpr std::int64_t kDepthwiseChannels = 64;
/// Half or a quarter as many channels leave room for two or four parts of an image side by side:
/// what is said of kDepthwiseChannels then holds for the channels of all parts, one after the
/// other.
inline constexpr std::int64_t kMaxImageParts = 4;
/// kStepInputs columns of all channels.
inline constexpr std::int64_t kQuadBytes = kDepthwiseChannels * kStepInputs;
inline constexpr std::int64_t kMaxDepthwisePixels = 4;

/// Where the channel with this place among kDepthwiseChannels is in a quad, in weights, starts and
/// scales: in the order in which vectors of bytes are interleaved, which is the one that saturating
/// them to bytes undoes.
constexpr std::int64_t depthwise_lane(std::int64_t channel) {
  return channel % 16 / 4 * 16 + channel / 16 * 4 + channel % 4;
}

/// A row of an image to interleave: columns `begin` .. `end` of the quads are the image's, the
/// others are `padding`.
struct QuadRow {
  /// By part, of column 0, even if that is outside of the image. Null: the row is.
  std::array<const std::int8_t*, kMaxImageParts> pixels = {};
  std::int64_t num_parts = 1;  ///< 1, 2 or 4
  std::int64_t pixel_stride = 0;
  std::int64_t begin = 0, end = 0;
  std::int64_t num_channels = 0;  ///< of a part; others are anything
  std::int8_t padding = 0;
  std::int64_t num_quads = 0;
  std::uint8_t* quads = nullptr;
};

/// Output pixels whose windows start at the same column of a quad.
struct DepthwiseTile {
  const std::uint8_t* inputs = nullptr;  ///< the first quad of the first pixel's window
  std::int64_t pixel_distance = 0;       ///< bytes from a pixel's to the next one's
  std::int64_t row_distance = 0;         ///< bytes between rows of a window
  std::int64_t num_rows = 0, num_quads = 0;
  std::int64_t num_pixels = 0;  ///< 1 .. kMaxDepthwisePixels
  /// By lane: starts and scales, of 4 bytes; and weights, kStepInputs for each quad of each row.
  const std::byte* starts_and_scales = nullptr;
  const std::byte* weights = nullptr;
  std::int64_t num_channels = 0;  ///< of a part, to store
  std::int64_t num_parts = 1;
  std::int64_t num_stored = 1;  ///< the first so many parts are stored
  std::int8_t* outputs = nullptr;
  std::int64_t part_distance = 0;
  std::int64_t output_stride = 0;
  QuantizedOutput range;
};

/// To the same bits on all processors; fast on those with AVX-512 VNNI.
struct DepthwiseFunctions {
  void (*interleave)(const QuadRow&);
  void (*run)(const DepthwiseTile&);
};
/// Those for this processor.
const DepthwiseFunctions& depthwise_functions();
/// Those for any.
DepthwiseFunctions plain_depthwise_functions();

/// XNNPACK's rule for a sum of a depthwise convolution; it differs from requantize in that
/// nothing wraps.
std::int8_t requantize_saturating(std::int32_t sum, float scale, const QuantizedOutput& range);

}  // namespace tessera::ops
