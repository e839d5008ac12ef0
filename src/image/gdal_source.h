// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "image/gdal_dataset.h"
#include "tessera/tiled.h"

namespace tessera::image {

/// Windows of an image file. Every clone has a handle of its own.
class GdalSource : public Source {
 public:
  /// Errors: kNotFound, kAccessFailed (not an image), kNotSupported (its sample type).
  static Result<std::unique_ptr<GdalSource>> open(const std::filesystem::path& path,
                                                  PixelFormat format = {});
  ImageSize size() const override;
  Result<std::unique_ptr<Source>> clone() const override;
  Result<void> read(const PixelWindow& window, const Planes& destination) override;

  /// The window, scaled to the destination's size: bilinear, averaged where it becomes smaller.
  Result<void> read_scaled(const PixelWindow& window, const Planes& destination);

  DType dtype() const { return dtype_; }

 private:
  GdalSource(std::filesystem::path path, PixelFormat format, GDALDatasetUniquePtr dataset,
             DType dtype)
      : path_(std::move(path)), format_(format), dataset_(std::move(dataset)), dtype_(dtype) {}

  std::filesystem::path path_;
  PixelFormat format_;
  GDALDatasetUniquePtr dataset_;
  DType dtype_;
  std::vector<std::byte> buffer_;  ///< one window in the file's own type, interleaved
};

}  // namespace tessera::image
