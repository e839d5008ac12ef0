// SPDX-License-Identifier: MIT
#include <algorithm>
#include <numeric>
#include <vector>

#include "base/try.h"
#include "image/gdal_sink.h"
#include "image/gdal_source.h"
#include "tessera/image.h"

namespace tessera::image {
namespace {

/// Rows at a time, so that the buffer in the file's own type stays small.
constexpr std::int64_t kStripRows = 256;

/// Calls `strip(window)` for bands of rows that make up the image.
template <class Strip>
Result<void> for_each_strip(std::int64_t width, std::int64_t height, const Strip& strip) {
  for (std::int64_t y = 0; y < height; y += kStripRows) {
    TRY(strip(PixelWindow{0, y, width, std::min(kStripRows, height - y)}));
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Source>> open_source(const std::filesystem::path& path, PixelFormat format) {
  return TRY(GdalSource::open(path, format));
}

Result<std::unique_ptr<Sink>> create_sink(const std::filesystem::path& path,
                                          const SinkOptions& options) {
  return TRY(GdalSink::create(path, options));
}

Result<Tensor> read_image(const std::filesystem::path& path, PixelFormat format) {
  const auto source = TRY(GdalSource::open(path, format));
  const ImageSize size = source->size();
  Tensor tensor = TRY(Tensor::empty(DType::kF32, {1, size.channels, size.height, size.width}));
  const Planes planes = planes_of(tensor);
  TRY(for_each_strip(size.width, size.height, [&](const PixelWindow& window) {
    return source->read(window, planes.crop(window));
  }));
  return tensor;
}

Result<Tensor> read_samples(const std::filesystem::path& path, PixelFormat format) {
  const QuietGdal gdal;
  const auto dataset = TRY(open_dataset(path));
  const DType dtype = TRY(dtype_of(*dataset, path));
  if (dtype != DType::kU8) {
    return fail(ErrorCode::kNotSupported, "{}: expected samples of u8, found {}", path.string(),
                name_of(dtype));
  }
  const int width = dataset->GetRasterXSize(), height = dataset->GetRasterYSize();
  const int num_bands = dataset->GetRasterCount();
  std::vector<int> bands(static_cast<std::size_t>(num_bands));
  std::iota(bands.begin(), bands.end(), 1);
  if (format.channels == PixelFormat::Channels::kBgr) std::ranges::reverse(bands);
  Tensor tensor = TRY(Tensor::empty(DType::kU8, {1, num_bands, height, width}));
  const GSpacing row = width, plane = row * height;
  const CPLErr status =
      dataset->RasterIO(GF_Read, 0, 0, width, height, tensor.bytes(), width, height, GDT_Byte,
                        num_bands, bands.data(), 1, row, plane, nullptr);
  if (status == CE_None) return tensor;
  return fail(ErrorCode::kAccessFailed, "{}: cannot read {}x{} pixels: {}", path.string(), width,
              height, gdal.message());
}

namespace {

/// Rows of a tensor of samples as the numbers that a sink of this format makes samples of.
Result<Tensor> as_numbers(const Tensor& samples, std::int64_t y, std::int64_t rows,
                          const PixelFormat& format) {
  const float scale = format.scale == PixelFormat::Scale::kUnit ? 1.0f / 255 : 1.0f;
  const std::int64_t height = samples.size(2), width = samples.size(3);
  Tensor numbers = TRY(Tensor::empty(DType::kF32, {1, samples.size(1), rows, width}));
  float* to = numbers.data<float>();
  for (std::int64_t band = 0; band < samples.size(1); ++band) {
    const std::uint8_t* from = samples.data<std::uint8_t>() + (band * height + y) * width;
    for (std::int64_t i = 0; i < rows * width; ++i) *to++ = static_cast<float>(from[i]) * scale;
  }
  return numbers;
}

}  // namespace

Result<void> write_image(const std::filesystem::path& path, const Tensor& tensor,
                         const SinkOptions& options) {
  const bool is_bytes = tensor.dtype() == DType::kU8;
  if ((tensor.dtype() != DType::kF32 && !is_bytes) || tensor.rank() != 4 || tensor.size(0) != 1) {
    return fail(ErrorCode::kInvalidArgument,
                "{}: expected f32 or u8[1, bands, height, width], found {}", path.string(),
                tensor.type_string());
  }
  const auto sink = TRY(GdalSink::create(path, options));
  TRY(sink->begin({tensor.size(3), tensor.size(2), tensor.size(1)}));
  const Tensor elements = TRY(tensor.contiguous());
  TRY(for_each_strip(
      tensor.size(3), tensor.size(2), [&](const PixelWindow& window) -> Result<void> {
        if (!is_bytes) return sink->write(window, planes_of(elements).crop(window));
        const Tensor numbers = TRY(as_numbers(elements, window.y, window.height, options.format));
        return sink->write(window, planes_of(numbers));
      }));
  return sink->finish();
}

}  // namespace tessera::image
