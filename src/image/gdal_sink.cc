// SPDX-License-Identifier: MIT
#include "image/gdal_sink.h"

#include <cpl_string.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <limits>

#include "base/check.h"
#include "base/try.h"
#include "tiling/pixels.h"

namespace tessera::image {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kTiff = "GTiff";
/// What GDAL keeps beside a file of a format with no room for it.
constexpr std::string_view kSidecar = ".aux.xml";

fs::path sidecar_of(const fs::path& path) { return path.string() + std::string(kSidecar); }

/// A hidden name in the same folder, so that the last step is a rename. The extension stays: some
/// drivers insist on theirs.
fs::path temporary_path(const fs::path& path, std::string_view extension) {
  static std::atomic<int> counter = 0;
  return path.parent_path() /
         std::format(".{}.{}-{}{}", path.stem().string(), ::getpid(), counter++, extension);
}

void remove_with_sidecar(const fs::path& path) {
  std::error_code ignored;
  fs::remove(path, ignored);
  fs::remove(sidecar_of(path), ignored);
}

Result<void> give_name(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::rename(from, to, error);
  if (!error) return {};
  return fail(ErrorCode::kAccessFailed, "{}: cannot give the finished file its name: {}",
              to.string(), error.message());
}

Result<GDALDriver*> find_driver(const fs::path& path) {
  const CPLStringList names(
      GDALGetOutputDriversForDatasetName(path.c_str(), GDAL_OF_RASTER, true, false));
  GDALDriver* driver = names.empty() ? nullptr : GetGDALDriverManager()->GetDriverByName(names[0]);
  if (driver != nullptr) return driver;
  return fail(ErrorCode::kNotSupported, "{}: GDAL writes no images with the extension '{}'",
              path.string(), path.extension().string());
}

Result<void> check_type(GDALDriver& driver, DType dtype, const fs::path& path) {
  const char* types = driver.GetMetadataItem(GDAL_DMD_CREATIONDATATYPES);
  if (types == nullptr) return {};
  const CPLStringList list(CSLTokenizeString(types));
  if (list.FindString(GDALGetDataTypeName(gdal_type_of(dtype))) >= 0) return {};
  return fail(ErrorCode::kNotSupported, "{}: {} has no samples of {} ({}), it has {}",
              path.string(), driver.GetDescription(), name_of(dtype),
              GDALGetDataTypeName(gdal_type_of(dtype)), types);
}

}  // namespace

Result<std::unique_ptr<GdalSink>> GdalSink::create(const fs::path& path,
                                                   const SinkOptions& options) {
  const QuietGdal gdal;
  GDALDatasetUniquePtr like;
  DType dtype = options.dtype.value_or(DType::kF32);
  if (options.like) {
    like = TRY(open_dataset(*options.like));
    if (!options.dtype) dtype = TRY(dtype_of(*like, *options.like));
  }
  if (!tiling::is_sample_dtype(dtype)) {
    return fail(ErrorCode::kNotSupported, "{}: samples of {}, expected u8, u16 or f32",
                path.string(), name_of(dtype));
  }
  GDALDriver* driver = TRY(find_driver(path));
  TRY(check_type(*driver, dtype, path));
  return std::unique_ptr<GdalSink>(new GdalSink(path, options, driver, dtype, std::move(like)));
}

GdalSink::GdalSink(fs::path path, const SinkOptions& options, GDALDriver* driver, DType dtype,
                   GDALDatasetUniquePtr like)
    : path_(std::move(path)),
      format_(options.format),
      driver_(driver),
      dtype_(dtype),
      like_(std::move(like)),
      tiff_path_(temporary_path(path_, ".tif")),
      result_path_(driver_->GetDescription() == kTiff
                       ? tiff_path_
                       : temporary_path(path_, path_.extension().string())) {}

GdalSink::~GdalSink() {
  const QuietGdal gdal;
  dataset_.reset();
  remove_with_sidecar(tiff_path_);
  remove_with_sidecar(result_path_);
}

Result<void> GdalSink::begin(const ImageSize& size) {
  const QuietGdal gdal;
  constexpr std::int64_t kMax = std::numeric_limits<int>::max();
  if (size.width > kMax || size.height > kMax || size.channels > kMax) {
    return fail(ErrorCode::kNotSupported, "{}: {}x{} pixels of {} bands are too many for GDAL",
                path_.string(), size.width, size.height, size.channels);
  }
  CPLStringList options;
  options.SetNameValue("TILED", "YES");
  options.SetNameValue("BLOCKXSIZE", "256");
  options.SetNameValue("BLOCKYSIZE", "256");
  options.SetNameValue("BIGTIFF", "IF_SAFER");
  GDALDriver* tiff = GetGDALDriverManager()->GetDriverByName(kTiff.data());
  if (tiff == nullptr) return fail(ErrorCode::kNotSupported, "this GDAL writes no TIFF");
  dataset_.reset(tiff->Create(tiff_path_.c_str(), static_cast<int>(size.width),
                              static_cast<int>(size.height), static_cast<int>(size.channels),
                              gdal_type_of(dtype_), options.List()));
  if (dataset_ == nullptr) {
    return fail(ErrorCode::kAccessFailed, "{}: cannot be created: {}", path_.string(),
                gdal.message());
  }
  if (like_ != nullptr) describe(size);
  return {};
}

/// Copies what `like` says about place, missing values and colour.
void GdalSink::describe(const ImageSize& size) {
  std::array<double, 6> transform{};
  if (like_->GetGeoTransform(transform.data()) == CE_None) {
    const double along_x =
        static_cast<double>(like_->GetRasterXSize()) / static_cast<double>(size.width);
    const double along_y =
        static_cast<double>(like_->GetRasterYSize()) / static_cast<double>(size.height);
    transform[1] *= along_x;
    transform[4] *= along_x;
    transform[2] *= along_y;
    transform[5] *= along_y;
    dataset_->SetGeoTransform(transform.data());
  }
  if (const OGRSpatialReference* reference = like_->GetSpatialRef()) {
    dataset_->SetSpatialRef(reference);
  }
  if (char** profile = like_->GetMetadata("COLOR_PROFILE")) {
    dataset_->SetMetadata(profile, "COLOR_PROFILE");
  }
  int has_nodata = 0;
  const double nodata = like_->GetRasterBand(1)->GetNoDataValue(&has_nodata);
  const bool is_same_type = like_->GetRasterBand(1)->GetRasterDataType() == gdal_type_of(dtype_);
  for (int band = 1; has_nodata != 0 && is_same_type && band <= dataset_->GetRasterCount();
       ++band) {
    dataset_->GetRasterBand(band)->SetNoDataValue(nodata);
  }
}

Result<void> GdalSink::write(const PixelWindow& window, const ConstPlanes& pixels) {
  CHECK(dataset_ != nullptr && pixels.width == window.width && pixels.height == window.height);
  const QuietGdal gdal;
  const auto sample_size = static_cast<std::int64_t>(size_of(dtype_));
  const std::int64_t num_bands = pixels.channels, row_samples = window.width * num_bands;
  buffer_.resize(static_cast<std::size_t>(row_samples * window.height * sample_size));
  tiling::write_samples(pixels, format_, {buffer_.data(), dtype_, num_bands, row_samples, 1});
  const auto width = static_cast<int>(window.width), height = static_cast<int>(window.height);
  const CPLErr status = dataset_->RasterIO(
      GF_Write, static_cast<int>(window.x), static_cast<int>(window.y), width, height,
      buffer_.data(), width, height, gdal_type_of(dtype_), static_cast<int>(num_bands), nullptr,
      num_bands * sample_size, row_samples * sample_size, sample_size, nullptr);
  if (status == CE_None) return {};
  return fail(ErrorCode::kAccessFailed, "{}: cannot write {}x{} pixels at ({}, {}): {}",
              path_.string(), window.width, window.height, window.x, window.y, gdal.message());
}

Result<void> GdalSink::finish() {
  CHECK(dataset_ != nullptr);
  const QuietGdal gdal;
  TRY(close(std::move(dataset_)));
  if (result_path_ != tiff_path_) TRY(copy_to_final_format());
  std::error_code ignored;
  fs::remove(sidecar_of(path_), ignored);  // of an image that is being replaced
  TRY(give_name(result_path_, path_));
  if (fs::exists(sidecar_of(result_path_), ignored)) {
    TRY(give_name(sidecar_of(result_path_), sidecar_of(path_)));
  }
  return {};
}

Result<void> GdalSink::copy_to_final_format() {
  const QuietGdal gdal;
  auto tiff = TRY(open_dataset(tiff_path_));
  GDALDatasetUniquePtr result(driver_->CreateCopy(result_path_.c_str(), tiff.get(), true, nullptr,
                                                  GDALDummyProgress, nullptr));
  if (result == nullptr) {
    return fail(ErrorCode::kAccessFailed, "{}: {} cannot write this image: {}", path_.string(),
                driver_->GetDescription(), gdal.message());
  }
  return close(std::move(result));
}

/// Writes what GDAL still has in its cache.
Result<void> GdalSink::close(GDALDatasetUniquePtr dataset) const {
  const QuietGdal gdal;
  if (GDALClose(GDALDataset::ToHandle(dataset.release())) == CE_None) return {};
  return fail(ErrorCode::kAccessFailed, "{}: cannot be written: {}", path_.string(),
              gdal.message());
}

}  // namespace tessera::image
