// SPDX-License-Identifier: MIT
#include "ops/quantized_tile_vnni.h"

#if defined(__x86_64__)

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "ops/vnni_vectors.h"

namespace tessera::ops {
namespace {

TESSERA_VNNI_INLINE __m512i broadcast_4(const void* from) {
  std::int32_t bytes;
  std::memcpy(&bytes, from, sizeof bytes);
  return _mm512_set1_epi32(bytes);
}

/// QuantizedOutput in vectors.
struct OutputVectors {
  __m512 high;
  __m512i zero_point;
};

TESSERA_VNNI_INLINE OutputVectors vectors_of(const QuantizedOutput& range) {
  return {_mm512_set1_ps(static_cast<float>(range.high - range.zero_point)),
          _mm512_set1_epi32(range.zero_point)};
}

/// Not saturated yet, and not raised to the least output.
TESSERA_VNNI_INLINE __m512i scaled(Sums sums, __m512 scales, const OutputVectors& output) {
  const __m512 product = _mm512_mul_ps(_mm512_cvtepi32_ps(reinterpret_cast<__m512i>(sums)), scales);
  const __m512i rounded = _mm512_cvtps_epi32(_mm512_min_ps(product, output.high));
  return _mm512_add_epi32(rounded, output.zero_point);
}

template <int kVectors, int kPixels>
TESSERA_VNNI void run_wide(const QuantizedTile& tile) {
  static_assert(kPixels <= 6);
  const std::byte* weights = tile.block;
  Sums sums[kPixels][kVectors];
#pragma GCC unroll 4
  for (int i = 0; i < kVectors; ++i) {
    const auto start = reinterpret_cast<Sums>(_mm512_loadu_si512(weights + i * kVectorBytes));
#pragma GCC unroll 6
    for (int pixel = 0; pixel < kPixels; ++pixel) sums[pixel][i] = start;
  }
  const std::byte* scales = weights + kVectors * kVectorBytes;
  weights = scales + kVectors * kVectorBytes;
  // Two addresses and three distances reach all pixels without a register for each.
  const std::int64_t distances[3] = {0, tile.pixel_stride, 2 * tile.pixel_stride};
  for (const QuantizedRun& run : tile.runs) {
    const std::uint8_t* first = tile.inputs + run.offset;
    const std::uint8_t* fourth = first + 3 * tile.pixel_stride;
    for (const std::uint8_t* end = first + run.num_steps * kStepInputs; first != end;
         first += kStepInputs, fourth += kStepInputs) {
      __m512i factors[kVectors];
#pragma GCC unroll 4
      for (int i = 0; i < kVectors; ++i)
        factors[i] = _mm512_loadu_si512(weights + i * kVectorBytes);
      weights += kVectors * kVectorBytes;
#pragma GCC unroll 6
      for (int pixel = 0; pixel < kPixels; ++pixel) {
        const __m512i inputs = broadcast_4((pixel < 3 ? first : fourth) + distances[pixel % 3]);
#pragma GCC unroll 4
        for (int i = 0; i < kVectors; ++i) {
          sums[pixel][i] = add_products(sums[pixel][i], inputs, factors[i]);
        }
      }
    }
  }
  const OutputVectors output = vectors_of(tile.range);
  const __m128i low = _mm_set1_epi8(static_cast<char>(tile.range.low));
#pragma GCC unroll 4
  for (int i = 0; i < kVectors; ++i) {
    const __m512 factors = _mm512_loadu_ps(scales + i * kVectorBytes);
    const std::int64_t rest = tile.num_channels - i * kWideLanes;
    const auto mask = static_cast<__mmask16>(rest >= kWideLanes ? 0xffff : (1 << rest) - 1);
#pragma GCC unroll 6
    for (int pixel = 0; pixel < kPixels; ++pixel) {
      const __m128i bytes = _mm512_cvtsepi32_epi8(scaled(sums[pixel][i], factors, output));
      _mm_mask_storeu_epi8(tile.outputs + pixel * tile.output_stride + i * kWideLanes, mask,
                           _mm_max_epi8(bytes, low));
    }
  }
}

/// The low bytes of four vectors of 16 numbers side by side.
TESSERA_VNNI_INLINE __m512i joined_bytes(const __m512i* numbers, int count) {
  const __m512i mask = _mm512_set1_epi32(0xff);
  __m512i joined = _mm512_and_si512(numbers[0], mask);
  if (count > 1) {
    joined = _mm512_or_si512(joined, _mm512_slli_epi32(_mm512_and_si512(numbers[1], mask), 8));
  }
  if (count > 2) {
    joined = _mm512_or_si512(joined, _mm512_slli_epi32(_mm512_and_si512(numbers[2], mask), 16));
  }
  if (count > 3) joined = _mm512_or_si512(joined, _mm512_slli_epi32(numbers[3], 24));
  return joined;
}

/// The first kBytes bytes of each of `count` numbers, packed.
template <int kBytes, class T>
void store_first_bytes(const T* numbers, std::int64_t count, std::int8_t* to) {
  const std::int8_t* end = to + count * kBytes;
  for (std::int64_t i = 0; i < count; ++i, to += kBytes) {
    // Where there is room, the next number overwrites the bytes that are too many.
    if (end - to >= static_cast<std::int64_t>(sizeof(T))) {
      std::memcpy(to, numbers + i, sizeof(T));
    } else {
      std::memcpy(to, numbers + i, kBytes);
    }
  }
}

/// Of 16 pixels the first `count`, which may be more.
template <int kChannels>
TESSERA_VNNI_INLINE void store_pixels(const __m512i (&channels)[kChannels], std::int64_t count,
                                      std::int8_t* to) {
  count = std::min(count, kNarrowLanes);
  const auto mask = static_cast<__mmask16>((1 << count) - 1);
  const __m512i first = joined_bytes(channels, std::min(kChannels, 4));
  if constexpr (kChannels == 1) {
    _mm_mask_storeu_epi8(to, mask, _mm512_cvtepi32_epi8(first));
  } else if constexpr (kChannels == 2) {
    _mm256_mask_storeu_epi16(to, mask, _mm512_cvtepi32_epi16(first));
  } else if constexpr (kChannels == 3) {
    alignas(64) std::uint32_t pixels[kNarrowLanes];
    _mm512_store_si512(pixels, first);
    store_first_bytes<kChannels>(pixels, count, to);
  } else if constexpr (kChannels == 4) {
    _mm512_mask_storeu_epi32(to, mask, first);
  } else {
    const __m512i second = joined_bytes(channels + 4, kChannels - 4);
    const __m512i even = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    const __m512i odd = _mm512_add_epi32(even, _mm512_set1_epi32(8));
    const __m512i low = _mm512_permutex2var_epi32(first, even, second);
    const __m512i high = _mm512_permutex2var_epi32(first, odd, second);
    if constexpr (kChannels == 8) {
      _mm512_mask_storeu_epi64(to, static_cast<__mmask8>(mask), low);
      if (mask >> 8 != 0) {
        _mm512_mask_storeu_epi64(to + kVectorBytes, static_cast<__mmask8>(mask >> 8), high);
      }
    } else {
      alignas(64) std::uint64_t pixels[kNarrowLanes];
      _mm512_store_si512(pixels, low);
      _mm512_store_si512(pixels + 8, high);
      store_first_bytes<kChannels>(pixels, count, to);
    }
  }
}

template <int kChannels, int kVectors>
TESSERA_VNNI void run_narrow(const QuantizedTile& tile) {
  const std::byte* weights = tile.block;
  Sums sums[kChannels][kVectors];
#pragma GCC unroll 8
  for (int channel = 0; channel < kChannels; ++channel) {
    const auto start = reinterpret_cast<Sums>(broadcast_4(weights + channel * kStepInputs));
#pragma GCC unroll 3
    for (int i = 0; i < kVectors; ++i) sums[channel][i] = start;
  }
  const std::byte* scales = weights + kChannels * kStepInputs;
  weights = scales + kChannels * kStepInputs;
  for (const QuantizedRun& run : tile.runs) {
    const std::uint8_t* from = tile.inputs + run.offset;
    for (std::int64_t step = 0; step < run.num_steps; ++step, from += tile.step_distance) {
      __m512i inputs[kVectors];
#pragma GCC unroll 3
      for (int i = 0; i < kVectors; ++i) inputs[i] = _mm512_loadu_si512(from + i * kVectorBytes);
#pragma GCC unroll 8
      for (int channel = 0; channel < kChannels; ++channel) {
        const __m512i factors = broadcast_4(weights + channel * kStepInputs);
#pragma GCC unroll 3
        for (int i = 0; i < kVectors; ++i) {
          sums[channel][i] = add_products(sums[channel][i], inputs[i], factors);
        }
      }
      weights += kChannels * kStepInputs;
    }
  }
  const OutputVectors output = vectors_of(tile.range);
  const __m512i low = _mm512_set1_epi32(tile.range.low), high = _mm512_set1_epi32(127);
#pragma GCC unroll 3
  for (int i = 0; i < kVectors; ++i) {
    __m512i results[kChannels];
#pragma GCC unroll 8
    for (int channel = 0; channel < kChannels; ++channel) {
      const __m512 factor = _mm512_castsi512_ps(broadcast_4(scales + channel * kStepInputs));
      results[channel] =
          _mm512_max_epi32(_mm512_min_epi32(scaled(sums[channel][i], factor, output), high), low);
    }
    store_pixels(results, tile.num_pixels - i * kNarrowLanes,
                 tile.outputs + i * kNarrowLanes * kChannels);
  }
}

using TileFunction = void (*)(const QuantizedTile&);

template <int kVectors, int... kPixels>
constexpr auto wide_functions(std::integer_sequence<int, kPixels...>) {
  return std::array<TileFunction, sizeof...(kPixels)>{run_wide<kVectors, kPixels + 1>...};
}
template <int kChannels, int... kVectors>
constexpr auto narrow_functions(std::integer_sequence<int, kVectors...>) {
  return std::array<TileFunction, sizeof...(kVectors)>{run_narrow<kChannels, kVectors + 1>...};
}

void run_any_wide(const QuantizedTile& tile) {
  using Pixels = std::make_integer_sequence<int, kMaxWidePixels>;
  static constexpr std::array kFunctions = {
      wide_functions<1>(Pixels()), wide_functions<2>(Pixels()), wide_functions<3>(Pixels()),
      wide_functions<4>(Pixels())};
  static_assert(kFunctions.size() * kWideLanes == kMaxWideChannels);
  const auto vectors = static_cast<std::size_t>(tile.num_lanes / kWideLanes);
  kFunctions[vectors - 1][static_cast<std::size_t>(tile.num_pixels) - 1](tile);
}

void run_any_narrow(const QuantizedTile& tile) {
  using Vectors = std::make_integer_sequence<int, kMaxNarrowPixels / kNarrowLanes>;
  static constexpr std::array kFunctions = {
      narrow_functions<1>(Vectors()), narrow_functions<2>(Vectors()),
      narrow_functions<3>(Vectors()), narrow_functions<4>(Vectors()),
      narrow_functions<5>(Vectors()), narrow_functions<6>(Vectors()),
      narrow_functions<7>(Vectors()), narrow_functions<8>(Vectors())};
  static_assert(kFunctions.size() == kMaxNarrowChannels);
  const auto vectors = static_cast<std::size_t>((tile.num_pixels - 1) / kNarrowLanes);
  kFunctions[static_cast<std::size_t>(tile.num_lanes) - 1][vectors](tile);
}

}  // namespace

QuantizedTileFunctions vnni_quantized_tile_functions() {
  return {run_any_wide, run_any_narrow, /*is_fast=*/true};
}

}  // namespace tessera::ops

#endif
