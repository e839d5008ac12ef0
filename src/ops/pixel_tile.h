// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <span>

/// The innermost loop of convolutions over memory whose channels lie side by side.
namespace tessera::ops {

/// Neighbouring output pixels that a tile computes, and the most channels it computes of each.
inline constexpr std::int64_t kTilePixels = 8;
inline constexpr std::int64_t kTileChannels = 32;
/// Blocks of channels are this or twice this wide; the last may be filled up.
inline constexpr std::int64_t kTileLanes = 16;

/// Inputs that follow each other in the sum and in memory: `count` numbers from
/// images[image] + offset, for the next pixel `pixel_strides[image]` further on.
struct PixelRun {
  std::int64_t image = 0, offset = 0, count = 0;
};

/// sums[pixel][channel] = start[channel] + all inputs of the pixel's runs times their weights, each
/// product fused into the sum, in the order of the runs; then clamped. The order makes the bits of
/// a sum the same for every tile that it may be part of.
struct PixelTile {
  std::span<const PixelRun> runs;
  const float* const* images = nullptr;
  const std::int64_t* pixel_strides = nullptr;
  /// A row of the block's width: what the sums start from, then one for each input.
  const float* weights = nullptr;
  std::int64_t num_channels = 0;  ///< to store: 1 .. the block's width
  float* outputs = nullptr;
  std::int64_t output_stride = 0;
  float low = 0, high = 0;
};

/// A tile of kTilePixels pixels with blocks of kTileLanes and of kTileChannels channels, to the
/// same bits on all processors; fast on those with AVX-512.
struct PixelTileFunctions {
  void (*narrow)(const PixelTile&);
  void (*wide)(const PixelTile&);
  bool is_fast;
};
const PixelTileFunctions& pixel_tile_functions();

}  // namespace tessera::ops
