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
  __m512i zero_point, low;
};

TESSERA_VNNI_INLINE OutputVectors vectors_of(const QuantizedOutput& range) {
  return {_mm512_set1_ps(static_cast<float>(range.high - range.zero_point)),
          _mm512_set1_epi32(range.zero_point), _mm512_set1_epi8(static_cast<char>(range.low))};
}

/// Not saturated yet, and not raised to the least output.
TESSERA_VNNI_INLINE Sums scaled(Sums sums, __m512 scales, const OutputVectors& output) {
  const __m512 product = _mm512_mul_ps(_mm512_cvtepi32_ps(reinterpret_cast<__m512i>(sums)), scales);
  const __m512i rounded = _mm512_cvtps_epi32(_mm512_min_ps(product, output.high));
  return reinterpret_cast<Sums>(_mm512_add_epi32(rounded, output.zero_point));
}

/// Outputs of up to four vectors: a piece of 16 bytes has four numbers of each vector.
TESSERA_VNNI_INLINE __m512i to_bytes(Sums a, Sums b, Sums c, Sums d, const OutputVectors& output) {
  const __m512i ab = _mm512_packs_epi32(reinterpret_cast<__m512i>(a), reinterpret_cast<__m512i>(b));
  const __m512i cd = _mm512_packs_epi32(reinterpret_cast<__m512i>(c), reinterpret_cast<__m512i>(d));
  return _mm512_max_epi8(_mm512_packs_epi16(ab, cd), output.low);
}

template <int kVectors>
TESSERA_VNNI_INLINE void store_channels(const Sums (&results)[4], std::int64_t count,
                                        const OutputVectors& output, std::int8_t* to) {
  if constexpr (kVectors > 2) {
    const __m512i bytes = to_bytes(results[0], results[1], results[2], results[3], output);
    const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    _mm512_mask_storeu_epi8(to, ~__mmask64{0} >> (kMaxWideChannels - count),
                            _mm512_permutexvar_epi32(order, bytes));
    return;
  }
  // For few the short way of each is shorter.
#pragma GCC unroll 2
  for (int i = 0; i < kVectors; ++i) {
    const std::int64_t rest = std::min(count - i * kWideLanes, kWideLanes);
    const __m128i bytes = _mm512_cvtsepi32_epi8(reinterpret_cast<__m512i>(results[i]));
    _mm_mask_storeu_epi8(to + i * kWideLanes, static_cast<__mmask16>((1 << rest) - 1),
                         _mm_max_epi8(bytes, _mm512_castsi512_si128(output.low)));
  }
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
  // Read before anything is stored, which might be them for all that the compiler knows.
  const std::int64_t num_channels = tile.num_channels, output_stride = tile.output_stride;
  std::int8_t* outputs = tile.outputs;
  __m512 factors[kVectors];
#pragma GCC unroll 4
  for (int i = 0; i < kVectors; ++i) factors[i] = _mm512_loadu_ps(scales + i * kVectorBytes);
#pragma GCC unroll 6
  for (int pixel = 0; pixel < kPixels; ++pixel, outputs += output_stride) {
    Sums results[4] = {};
#pragma GCC unroll 4
    for (int i = 0; i < kVectors; ++i) results[i] = scaled(sums[pixel][i], factors[i], output);
    store_channels<kVectors>(results, num_channels, output, outputs);
  }
}

/// Four channels of each of 16 pixels side by side.
TESSERA_VNNI_INLINE __m512i joined_channels(const Sums* channels, const OutputVectors& output) {
  const __m512i order =
      _mm512_broadcast_i32x4(_mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
  return _mm512_shuffle_epi8(to_bytes(channels[0], channels[1], channels[2], channels[3], output),
                             order);
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
TESSERA_VNNI_INLINE void store_pixels(const Sums* channels, std::int64_t count,
                                      const OutputVectors& output, std::int8_t* to) {
  count = std::min(count, kNarrowLanes);
  const auto mask = static_cast<__mmask16>((1 << count) - 1);
  const __m512i first = joined_channels(channels, output);
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
    const __m512i second = joined_channels(channels + 4, output);
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
#pragma GCC unroll 3
  for (int i = 0; i < kVectors; ++i) {
    Sums results[kMaxNarrowChannels] = {};
#pragma GCC unroll 8
    for (int channel = 0; channel < kChannels; ++channel) {
      const __m512 factor = _mm512_castsi512_ps(broadcast_4(scales + channel * kStepInputs));
      results[channel] = scaled(sums[channel][i], factor, output);
    }
    store_pixels<kChannels>(results, tile.num_pixels - i * kNarrowLanes, output,
                            tile.outputs + i * kNarrowLanes * kChannels);
  }
}

/// Reads whole vectors, up to kNarrowReadBytes too many, and writes whole ones.
TESSERA_VNNI void gather_pairs(const std::uint8_t* from, std::int64_t count, std::uint8_t* to) {
  const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
  for (std::int64_t i = 0; i < count; i += kNarrowLanes, from += 2 * kVectorBytes) {
    const __m512i pixels = _mm512_permutex2var_epi32(_mm512_loadu_si512(from), even,
                                                     _mm512_loadu_si512(from + kVectorBytes));
    _mm512_storeu_si512(to + i * kStepInputs, pixels);
  }
}

/// Neighbouring steps share three of their inputs.
TESSERA_VNNI void gather_bytes(const std::uint8_t* from, std::int64_t count, std::uint8_t* to) {
  const __m512i pieces = _mm512_setr_epi32(0, 1, 0, 0, 1, 2, 0, 0, 2, 3, 0, 0, 3, 4, 0, 0);
  const __m512i order =
      _mm512_broadcast_i32x4(_mm_setr_epi8(0, 1, 2, 3, 1, 2, 3, 4, 2, 3, 4, 5, 3, 4, 5, 6));
  for (std::int64_t i = 0; i < count; i += kNarrowLanes) {
    const __m512i bytes = _mm512_permutexvar_epi32(pieces, _mm512_loadu_si512(from + i));
    _mm512_storeu_si512(to + i * kStepInputs, _mm512_shuffle_epi8(bytes, order));
  }
}

void gather(const std::uint8_t* from, std::int64_t distance, std::int64_t count, std::uint8_t* to) {
  if (distance == 1) {
    gather_bytes(from, count, to);
  } else if (distance == 2 * kStepInputs) {
    gather_pairs(from, count, to);
  } else {
    plain_quantized_tile_functions().gather(from, distance, count, to);
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
  return {run_any_wide, run_any_narrow, gather, /*is_fast=*/true};
}

}  // namespace tessera::ops

#endif
