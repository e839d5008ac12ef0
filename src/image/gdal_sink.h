// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "image/gdal_dataset.h"
#include "tessera/image.h"

namespace tessera::image {

/// An image file in the format that its name's extension says, written by windows. TIFF is tiled
/// (256x256 blocks, uncompressed, BigTIFF where it may be needed). Formats that cannot be written
/// by windows are copied from a temporary TIFF at the end. The file appears under its name once
/// finished; what is not finished leaves nothing behind.
class GdalSink : public Sink {
 public:
  /// Errors: kNotSupported for an extension that GDAL cannot write or a sample type that the format
  /// does not have; errors of opening `like`.
  static Result<std::unique_ptr<GdalSink>> create(const std::filesystem::path& path,
                                                  const SinkOptions& options = {});
  ~GdalSink() override;

  Result<void> begin(const ImageSize& size) override;
  Result<void> write(const PixelWindow& window, const ConstPlanes& pixels) override;
  Result<void> finish() override;

 private:
  GdalSink(std::filesystem::path path, const SinkOptions& options, GDALDriver* driver, DType dtype,
           GDALDatasetUniquePtr like);

  void describe(const ImageSize& size);
  Result<void> copy_to_final_format();
  Result<void> close(GDALDatasetUniquePtr dataset) const;

  std::filesystem::path path_;
  PixelFormat format_;
  GDALDriver* driver_;  ///< of the final format; GDAL owns it
  DType dtype_;
  GDALDatasetUniquePtr like_;
  std::filesystem::path tiff_path_;    ///< temporary; becomes the result if that is a TIFF
  std::filesystem::path result_path_;  ///< temporary, in the final format
  GDALDatasetUniquePtr dataset_;       ///< the temporary TIFF
  std::vector<std::byte> buffer_;      ///< one window in the file's own type, interleaved
};

}  // namespace tessera::image
