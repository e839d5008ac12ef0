// SPDX-License-Identifier: MIT
#include "image/gdal_source.h"

#include "base/check.h"
#include "base/try.h"
#include "tiling/pixels.h"

namespace tessera::image {

Result<std::unique_ptr<GdalSource>> GdalSource::open(const std::filesystem::path& path,
                                                     PixelFormat format) {
  auto dataset = TRY(open_dataset(path));
  const DType dtype = TRY(dtype_of(*dataset, path));
  return std::unique_ptr<GdalSource>(new GdalSource(path, format, std::move(dataset), dtype));
}

ImageSize GdalSource::size() const {
  return {dataset_->GetRasterXSize(), dataset_->GetRasterYSize(), dataset_->GetRasterCount()};
}

Result<std::unique_ptr<Source>> GdalSource::clone() const { return open(path_, format_); }

Result<void> GdalSource::read(const PixelWindow& window, const Planes& destination) {
  CHECK(destination.width == window.width && destination.height == window.height);
  return read_scaled(window, destination);
}

Result<void> GdalSource::read_scaled(const PixelWindow& window, const Planes& destination) {
  const QuietGdal gdal;
  const auto sample_size = static_cast<std::int64_t>(size_of(dtype_));
  const std::int64_t num_bands = dataset_->GetRasterCount();
  CHECK(destination.channels == num_bands);
  const std::int64_t row_samples = destination.width * num_bands;
  buffer_.resize(static_cast<std::size_t>(row_samples * destination.height * sample_size));
  GDALRasterIOExtraArg how;
  INIT_RASTERIO_EXTRA_ARG(how);
  how.eResampleAlg = GRIORA_Bilinear;
  const CPLErr status = dataset_->RasterIO(
      GF_Read, static_cast<int>(window.x), static_cast<int>(window.y),
      static_cast<int>(window.width), static_cast<int>(window.height), buffer_.data(),
      static_cast<int>(destination.width), static_cast<int>(destination.height),
      gdal_type_of(dtype_), static_cast<int>(num_bands), nullptr, num_bands * sample_size,
      row_samples * sample_size, sample_size, &how);
  if (status != CE_None) {
    return fail(ErrorCode::kAccessFailed, "{}: cannot read {}x{} pixels at ({}, {}): {}",
                path_.string(), window.width, window.height, window.x, window.y, gdal.message());
  }
  tiling::read_samples({buffer_.data(), dtype_, num_bands, row_samples, 1}, format_, destination);
  return {};
}

}  // namespace tessera::image
