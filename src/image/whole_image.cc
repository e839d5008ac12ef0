// SPDX-License-Identifier: MIT
#include <algorithm>

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

Result<void> write_image(const std::filesystem::path& path, const Tensor& tensor,
                         const SinkOptions& options) {
  if (tensor.dtype() != DType::kF32 || tensor.rank() != 4 || tensor.size(0) != 1) {
    return fail(ErrorCode::kInvalidArgument, "{}: expected f32[1, bands, height, width], found {}",
                path.string(), tensor.type_string());
  }
  const auto sink = TRY(GdalSink::create(path, options));
  TRY(sink->begin({tensor.size(3), tensor.size(2), tensor.size(1)}));
  const Tensor elements = TRY(tensor.contiguous());
  const ConstPlanes planes = planes_of(elements);
  TRY(for_each_strip(tensor.size(3), tensor.size(2), [&](const PixelWindow& window) {
    return sink->write(window, planes.crop(window));
  }));
  return sink->finish();
}

}  // namespace tessera::image
