// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include "tessera/tiled.h"

namespace tessera::tiling {

/// Samples of an image in someone's memory, interleaved or planar: strides count samples. The first
/// sample belongs to the first pixel's first band.
template <class Byte>
struct BasicSamples {
  Byte* data = nullptr;
  DType dtype = DType::kU8;  ///< u8, u16 or f32
  std::int64_t column_stride = 1, row_stride = 0, band_stride = 0;
};
using Samples = BasicSamples<std::byte>;
using ConstSamples = BasicSamples<const std::byte>;

/// Whether images of this dtype can be read and written.
bool is_sample_dtype(DType dtype);

/// Converts and reorders in one pass.
void read_samples(const ConstSamples& samples, const PixelFormat& format, const Planes& planes);

/// The way back: integers are rounded to nearest (ties to even) and clamped; NaN becomes 0.
void write_samples(const ConstPlanes& planes, const PixelFormat& format, const Samples& samples);

}  // namespace tessera::tiling
