// SPDX-License-Identifier: MIT
#include "ops/depthwise_tile_vnni.h"

#if defined(__x86_64__)

#include <array>

#include "ops/vnni_vectors.h"

namespace tessera::ops {
namespace {

constexpr int kVectors = kDepthwiseChannels / 16;
static_assert(kVectors == 4 && kStepInputs == 4, "as many rows are interleaved");

template <int kParts>
TESSERA_VNNI void interleave_parts(const QuadRow& row) {
  const __mmask64 mask = ~__mmask64{0} >> (kDepthwiseChannels - row.num_channels);
  constexpr std::int64_t kPartLanes = kDepthwiseChannels / kParts;
  const std::array pixels = row.pixels;
  const __m512i sign = _mm512_set1_epi8(static_cast<char>(0x80));
  const __m512i padding = _mm512_set1_epi8(row.padding);
  std::uint8_t* to = row.quads;
  for (std::int64_t quad = 0; quad < row.num_quads; ++quad, to += kQuadBytes) {
    __m512i columns[4];
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {
      const std::int64_t column = quad * kStepInputs + i;
      columns[i] = padding;
      if (column >= row.begin && column < row.end) {
#pragma GCC unroll 4
        for (int part = 0; part < kParts; ++part) {
          if (pixels[part] == nullptr) continue;
          const std::int8_t* from = pixels[part] + column * row.pixel_stride;
          columns[i] = _mm512_mask_loadu_epi8(columns[i], mask << (part * kPartLanes),
                                              from - part * kPartLanes);
        }
      }
      columns[i] = _mm512_xor_si512(columns[i], sign);
    }
    const __m512i low_01 = _mm512_unpacklo_epi8(columns[0], columns[1]);
    const __m512i high_01 = _mm512_unpackhi_epi8(columns[0], columns[1]);
    const __m512i low_23 = _mm512_unpacklo_epi8(columns[2], columns[3]);
    const __m512i high_23 = _mm512_unpackhi_epi8(columns[2], columns[3]);
    _mm512_storeu_si512(to, _mm512_unpacklo_epi16(low_01, low_23));
    _mm512_storeu_si512(to + 64, _mm512_unpackhi_epi16(low_01, low_23));
    _mm512_storeu_si512(to + 128, _mm512_unpacklo_epi16(high_01, high_23));
    _mm512_storeu_si512(to + 192, _mm512_unpackhi_epi16(high_01, high_23));
  }
}

void interleave(const QuadRow& row) {
  (row.num_parts == 1   ? interleave_parts<1>
   : row.num_parts == 2 ? interleave_parts<2>
                        : interleave_parts<4>)(row);
}

TESSERA_VNNI_INLINE __m512i saturated(Sums a, Sums b, __m512i zero_point) {
  return _mm512_adds_epi16(
      _mm512_packs_epi32(reinterpret_cast<__m512i>(a), reinterpret_cast<__m512i>(b)), zero_point);
}

template <int kPixels>
TESSERA_VNNI void run_pixels(const DepthwiseTile& tile) {
  Sums sums[kPixels][kVectors];
#pragma GCC unroll 4
  for (int i = 0; i < kVectors; ++i) {
    const auto start =
        reinterpret_cast<Sums>(_mm512_loadu_si512(tile.starts_and_scales + i * kVectorBytes));
#pragma GCC unroll 4
    for (int pixel = 0; pixel < kPixels; ++pixel) sums[pixel][i] = start;
  }
  const std::byte* weights = tile.weights;
  const std::uint8_t* row = tile.inputs;
  const std::int64_t distance = tile.pixel_distance;
  for (std::int64_t y = 0; y < tile.num_rows; ++y, row += tile.row_distance) {
    const std::uint8_t* from = row;
    for (std::int64_t quad = 0; quad < tile.num_quads; ++quad, from += kQuadBytes) {
#pragma GCC unroll 4
      for (int i = 0; i < kVectors; ++i) {
        const __m512i factors = _mm512_loadu_si512(weights + i * kVectorBytes);
#pragma GCC unroll 4
        for (int pixel = 0; pixel < kPixels; ++pixel) {
          const __m512i inputs = _mm512_loadu_si512(from + pixel * distance + i * kVectorBytes);
          sums[pixel][i] = add_products(sums[pixel][i], inputs, factors);
        }
      }
      weights += kQuadBytes;
    }
  }
  const __m512 high = _mm512_set1_ps(static_cast<float>(tile.range.high - tile.range.zero_point));
  const __m512i zero_point = _mm512_set1_epi16(static_cast<short>(tile.range.zero_point));
  const __m512i low = _mm512_set1_epi8(static_cast<char>(tile.range.low));
  const __mmask64 mask = ~__mmask64{0} >> (kDepthwiseChannels - tile.num_channels);
  const std::byte* scales = tile.starts_and_scales + kVectors * kVectorBytes;
  // Read before anything is stored, which might be them for all that the compiler knows.
  const std::int64_t num_stored = tile.num_stored, part_lanes = kDepthwiseChannels / tile.num_parts;
  const std::int64_t part_distance = tile.part_distance - part_lanes;
  const std::int64_t output_stride = tile.output_stride;
  std::int8_t* outputs = tile.outputs;
  __m512 factors[kVectors];
#pragma GCC unroll 4
  for (int i = 0; i < kVectors; ++i) factors[i] = _mm512_loadu_ps(scales + i * kVectorBytes);
#pragma GCC unroll 4
  for (int pixel = 0; pixel < kPixels; ++pixel) {
    Sums rounded[kVectors];
#pragma GCC unroll 4
    for (int i = 0; i < kVectors; ++i) {
      const __m512 numbers = _mm512_cvtepi32_ps(reinterpret_cast<__m512i>(sums[pixel][i]));
      const __m512 product = _mm512_mul_ps(numbers, factors[i]);
      rounded[i] = reinterpret_cast<Sums>(_mm512_cvtps_epi32(_mm512_min_ps(product, high)));
    }
    const __m512i first = saturated(rounded[0], rounded[1], zero_point);
    const __m512i second = saturated(rounded[2], rounded[3], zero_point);
    const __m512i bytes = _mm512_max_epi8(_mm512_packs_epi16(first, second), low);
    _mm512_mask_storeu_epi8(outputs, mask, bytes);
    for (std::int64_t part = 1; part < num_stored; ++part) {
      _mm512_mask_storeu_epi8(outputs + part * part_distance, mask << (part * part_lanes), bytes);
    }
    outputs += output_stride;
  }
}

void run_any(const DepthwiseTile& tile) {
  static constexpr void (*kFunctions[])(const DepthwiseTile&) = {run_pixels<1>, run_pixels<2>,
                                                                 run_pixels<3>, run_pixels<4>};
  static_assert(sizeof kFunctions / sizeof kFunctions[0] == kMaxDepthwisePixels);
  kFunctions[tile.num_pixels - 1](tile);
}

}  // namespace

DepthwiseFunctions vnni_depthwise_functions() { return {interleave, run_any}; }

}  // namespace tessera::ops

#endif
