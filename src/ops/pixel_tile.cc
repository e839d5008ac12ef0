// SPDX-License-Identifier: MIT
#include "ops/pixel_tile.h"

#include <algorithm>
#include <cmath>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace tessera::ops {

namespace {

template <std::int64_t kWidth>
void run_plainly(const PixelTile& tile) {
  for (std::int64_t pixel = 0; pixel < kTilePixels; ++pixel) {
    float sums[kWidth];
    std::copy_n(tile.weights, kWidth, sums);
    const float* weights = tile.weights + kWidth;
    for (const PixelRun& run : tile.runs) {
      const float* inputs =
          tile.images[run.image] + run.offset + pixel * tile.pixel_strides[run.image];
      for (std::int64_t k = 0; k < run.count; ++k, weights += kWidth) {
        for (std::int64_t i = 0; i < kWidth; ++i)
          sums[i] = std::fma(inputs[k], weights[i], sums[i]);
      }
    }
    for (std::int64_t i = 0; i < tile.num_channels; ++i) {
      // In this order of comparisons a NaN stays one.
      tile.outputs[pixel * tile.output_stride + i] =
          std::min(std::max(sums[i], tile.low), tile.high);
    }
  }
}

#if defined(__x86_64__)

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
  // In this order of operands, too, a NaN stays one.
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

#endif

PixelTileFunctions find_functions() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f")) return {run_tile<1>, run_tile<2>, /*is_fast=*/true};
#endif
  return {run_plainly<kTileLanes>, run_plainly<kTileChannels>, /*is_fast=*/false};
}

}  // namespace

const PixelTileFunctions& pixel_tile_functions() {
  static const PixelTileFunctions functions = find_functions();
  return functions;
}

}  // namespace tessera::ops
