// SPDX-License-Identifier: MIT
#include "image/gdal_dataset.h"

#include <cpl_conv.h>
#include <cpl_error.h>

#include <algorithm>
#include <mutex>

#include "base/check.h"

namespace tessera::image {
namespace {

constexpr GIntBig kCacheBytes = 64 << 20;

std::optional<DType> dtype_from_gdal(GDALDataType type) {
  switch (type) {
    case GDT_Byte:
      return DType::kU8;
    case GDT_UInt16:
      return DType::kU16;
    case GDT_Float32:
      return DType::kF32;
    default:
      return std::nullopt;
  }
}

}  // namespace

QuietGdal::QuietGdal() {
  static std::once_flag once;
  std::call_once(once, [] {
    GDALAllRegister();
    GDALSetCacheMax64(kCacheBytes);
  });
  CPLPushErrorHandler(CPLQuietErrorHandler);
  CPLErrorReset();
}

QuietGdal::~QuietGdal() { CPLPopErrorHandler(); }

std::string QuietGdal::message() const {
  std::string text = CPLGetLastErrorMsg();
  std::ranges::replace(text, '\n', ' ');
  return text.empty() ? "no reason given" : text;
}

Result<GDALDatasetUniquePtr> open_dataset(const std::filesystem::path& path) {
  const QuietGdal gdal;
  std::error_code error;
  if (!std::filesystem::exists(path, error)) {
    return fail(ErrorCode::kNotFound, "{}: no such file", path.string());
  }
  GDALDatasetUniquePtr dataset(
      GDALDataset::Open(path.c_str(), GDAL_OF_RASTER | GDAL_OF_READONLY | GDAL_OF_VERBOSE_ERROR));
  if (dataset == nullptr) {
    return fail(ErrorCode::kAccessFailed, "{}: not an image GDAL can read: {}", path.string(),
                gdal.message());
  }
  if (dataset->GetRasterCount() == 0) {
    return fail(ErrorCode::kAccessFailed, "{}: not an image GDAL can read: it has no bands",
                path.string());
  }
  return dataset;
}

Result<DType> dtype_of(GDALDataset& dataset, const std::filesystem::path& path) {
  const GDALDataType first = dataset.GetRasterBand(1)->GetRasterDataType();
  for (int band = 2; band <= dataset.GetRasterCount(); ++band) {
    const GDALDataType type = dataset.GetRasterBand(band)->GetRasterDataType();
    if (type != first) {
      return fail(ErrorCode::kNotSupported, "{}: band 1 is {} and band {} is {}", path.string(),
                  GDALGetDataTypeName(first), band, GDALGetDataTypeName(type));
    }
  }
  if (const auto dtype = dtype_from_gdal(first)) return *dtype;
  return fail(ErrorCode::kNotSupported, "{}: samples are {}, expected Byte, UInt16 or Float32",
              path.string(), GDALGetDataTypeName(first));
}

GDALDataType gdal_type_of(DType dtype) {
  switch (dtype) {
    case DType::kU8:
      return GDT_Byte;
    case DType::kU16:
      return GDT_UInt16;
    case DType::kF32:
      return GDT_Float32;
    default:
      CHECK(false, "no pixels of {}", name_of(dtype));
  }
}

}  // namespace tessera::image
