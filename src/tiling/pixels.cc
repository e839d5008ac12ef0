// SPDX-License-Identifier: MIT
#include "tiling/pixels.h"

#include <algorithm>
#include <limits>
#include <type_traits>

#include "base/check.h"

namespace tessera::tiling {
namespace {

/// Full scale of an integer type in unit format, else 1.
template <class Sample>
float full_scale(const PixelFormat& format) {
  if constexpr (std::is_integral_v<Sample>) {
    if (format.scale == PixelFormat::Scale::kUnit) return std::numeric_limits<Sample>::max();
  }
  return 1;
}

template <class Sample>
Sample to_sample(float value) {
  if constexpr (std::is_integral_v<Sample>) {
    constexpr float kMax = std::numeric_limits<Sample>::max();
    // NaN fails both comparisons and ends at 0.
    const float low = value > 0 ? value : 0;
    const float clamped = low < kMax ? low : kMax;
    // At 1.5 * 2^23 the spacing of floats is 1, so the sum is rounded to an integer, ties to even,
    // by the processor's default mode; unlike a call to nearbyint this is vectorised everywhere.
    constexpr float kOnes = 12582912;
    return static_cast<Sample>(static_cast<std::int32_t>((clamped + kOnes) - kOnes));
  } else {
    return value;
  }
}

std::int64_t band_of(std::int64_t channel, std::int64_t num_channels, const PixelFormat& format) {
  return format.channels == PixelFormat::Channels::kBgr ? num_channels - 1 - channel : channel;
}

/// Calls `row(plane row, sample row, width, stride)` with a stride known at compile time where that
/// is common.
template <class Planes, class Sample, class Row>
void for_each_row(const Planes& planes, Sample* samples, std::int64_t column_stride,
                  std::int64_t row_stride, std::int64_t band_stride, const PixelFormat& format,
                  const Row& row) {
  for (std::int64_t y = 0; y < planes.height; ++y) {
    for (std::int64_t channel = 0; channel < planes.channels; ++channel) {
      auto* plane = planes.row(channel, y);
      Sample* first =
          samples + y * row_stride + band_of(channel, planes.channels, format) * band_stride;
      if (column_stride == 1) {
        row(plane, first, planes.width, std::integral_constant<std::int64_t, 1>());
      } else if (column_stride == 3) {
        row(plane, first, planes.width, std::integral_constant<std::int64_t, 3>());
      } else {
        row(plane, first, planes.width, column_stride);
      }
    }
  }
}

template <class Stride>
constexpr bool is_contiguous = std::is_same_v<Stride, std::integral_constant<std::int64_t, 1>>;

template <class Sample>
void read_typed(const ConstSamples& samples, const PixelFormat& format, const Planes& planes) {
  const float scale = full_scale<Sample>(format);
  for_each_row(planes, reinterpret_cast<const Sample*>(samples.data), samples.column_stride,
               samples.row_stride, samples.band_stride, format,
               [scale](float* plane, const Sample* sample, std::int64_t width, auto stride) {
                 if constexpr (std::is_same_v<Sample, float> && is_contiguous<decltype(stride)>) {
                   std::copy_n(sample, width, plane);
                   return;
                 }
                 for (std::int64_t x = 0; x < width; ++x) {
                   plane[x] = static_cast<float>(sample[x * stride]) / scale;
                 }
               });
}

template <class Sample>
void write_typed(const ConstPlanes& planes, const PixelFormat& format, const Samples& samples) {
  const float scale = full_scale<Sample>(format);
  for_each_row(planes, reinterpret_cast<Sample*>(samples.data), samples.column_stride,
               samples.row_stride, samples.band_stride, format,
               [scale](const float* plane, Sample* sample, std::int64_t width, auto stride) {
                 if constexpr (std::is_same_v<Sample, float> && is_contiguous<decltype(stride)>) {
                   std::copy_n(plane, width, sample);
                   return;
                 }
                 for (std::int64_t x = 0; x < width; ++x) {
                   sample[x * stride] = to_sample<Sample>(plane[x] * scale);
                 }
               });
}

}  // namespace

bool is_sample_dtype(DType dtype) {
  return dtype == DType::kU8 || dtype == DType::kU16 || dtype == DType::kF32;
}

void read_samples(const ConstSamples& samples, const PixelFormat& format, const Planes& planes) {
  switch (samples.dtype) {
    case DType::kU8:
      return read_typed<std::uint8_t>(samples, format, planes);
    case DType::kU16:
      return read_typed<std::uint16_t>(samples, format, planes);
    case DType::kF32:
      return read_typed<float>(samples, format, planes);
    default:
      CHECK(false, "no pixels of {}", name_of(samples.dtype));
  }
}

void write_samples(const ConstPlanes& planes, const PixelFormat& format, const Samples& samples) {
  switch (samples.dtype) {
    case DType::kU8:
      return write_typed<std::uint8_t>(planes, format, samples);
    case DType::kU16:
      return write_typed<std::uint16_t>(planes, format, samples);
    case DType::kF32:
      return write_typed<float>(planes, format, samples);
    default:
      CHECK(false, "no pixels of {}", name_of(samples.dtype));
  }
}

}  // namespace tessera::tiling
