// SPDX-License-Identifier: MIT
#include "ops/pixel_tile.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace tessera::ops {

#if defined(__x86_64__)
namespace {

/// 8 pixels of one or two vectors need at most 16 of the 32 registers for sums, and a number that
/// is read from memory goes into two sums.
template <int kVectors>
__attribute__((target("avx512f"))) void run_tile(const PixelTile& tile) {
  static_assert(kTilePixels == 8 && kTileLanes == 16 && kTileChannels == 32);
  const float* weights = tile.weights;
  __m512 sums[kTilePixels][kVectors];
#pragma GCC unroll 2
  for (int i = 0; i < kVectors; ++i) {
    const __m512 start = _mm512_loadu_ps(weights + i * kTileLanes);
#pragma GCC unroll 8
    for (int pixel = 0; pixel < kTilePixels; ++pixel) sums[pixel][i] = start;
  }
  weights += kVectors * kTileLanes;
  for (const PixelRun& run : tile.runs) {
    // Two addresses and three distances reach all pixels without a register for each.
    const std::int64_t stride = tile.pixel_strides[run.image];
    const std::int64_t distances[4] = {0, stride, 2 * stride, 3 * stride};
    const float* first = tile.images[run.image] + run.offset;
    const float* fifth = first + 4 * stride;
    for (const float* end = first + run.count; first != end; ++first, ++fifth) {
      __m512 factors[kVectors];
#pragma GCC unroll 2
      for (int i = 0; i < kVectors; ++i) factors[i] = _mm512_loadu_ps(weights + i * kTileLanes);
      weights += kVectors * kTileLanes;
#pragma GCC unroll 8
      for (int pixel = 0; pixel < kTilePixels; ++pixel) {
        const float* from = pixel < 4 ? first : fifth;
        const __m512 input = _mm512_set1_ps(from[distances[pixel % 4]]);
#pragma GCC unroll 2
        for (int i = 0; i < kVectors; ++i) {
          sums[pixel][i] = _mm512_fmadd_ps(input, factors[i], sums[pixel][i]);
        }
      }
    }
  }
  // In this order of operands a NaN stays one.
  const __m512 low = _mm512_set1_ps(tile.low), high = _mm512_set1_ps(tile.high);
#pragma GCC unroll 2
  for (int i = 0; i < kVectors; ++i) {
    const std::int64_t rest = tile.num_channels - i * kTileLanes;
    const auto mask = static_cast<__mmask16>(rest >= kTileLanes ? 0xffff : (1 << rest) - 1);
#pragma GCC unroll 8
    for (int pixel = 0; pixel < kTilePixels; ++pixel) {
      const __m512 result = _mm512_min_ps(high, _mm512_max_ps(low, sums[pixel][i]));
      _mm512_mask_storeu_ps(tile.outputs + pixel * tile.output_stride + i * kTileLanes, mask,
                            result);
    }
  }
}

}  // namespace

const PixelTileFunctions* pixel_tile_functions() {
  static constexpr PixelTileFunctions kFunctions = {.narrow = run_tile<1>, .wide = run_tile<2>};
  static const bool is_supported = __builtin_cpu_supports("avx512f") != 0;
  return is_supported ? &kFunctions : nullptr;
}
#else
const PixelTileFunctions* pixel_tile_functions() { return nullptr; }
#endif

}  // namespace tessera::ops
