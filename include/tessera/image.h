// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <memory>
#include <optional>

#include "tessera/tiled.h"

/// Image files, read and written whole or by windows with GDAL. The only part of Tessera that needs
/// it: library tessera_image, CMake target Tessera::Image.
namespace tessera::image {

struct SinkOptions {
  PixelFormat format;
  /// Sample type of the file; nothing: that of `like`, else f32.
  std::optional<DType> dtype;
  /// An image whose georeference (scaled to the new size), nodata value and colour profile are
  /// kept.
  std::optional<std::filesystem::path> like;
};

/// Windows of an image file. Errors: kNotFound, kAccessFailed (not an image), kNotSupported (its
/// sample type).
Result<std::unique_ptr<Source>> open_source(const std::filesystem::path& path,
                                            PixelFormat format = {});

/// An image file in the format that its name's extension says, written by windows. The file appears
/// under its name once finished. Errors: kNotSupported for an extension that GDAL cannot write or a
/// sample type that the format does not have; errors of opening `like`.
Result<std::unique_ptr<Sink>> create_sink(const std::filesystem::path& path,
                                          const SinkOptions& options = {});

/// The whole image as f32[1, bands, height, width].
Result<Tensor> read_image(const std::filesystem::path& path, PixelFormat format = {});

/// The samples of an 8-bit image as they are, u8[1, bands, height, width]: no number of the format
/// but the order of channels matters. Errors: those of open_source, and kNotSupported for images of
/// other samples.
Result<Tensor> read_samples(const std::filesystem::path& path, PixelFormat format = {});

/// Writes f32 or u8[1, bands, height, width] (u8: samples, 0..255); the file is whole or not there.
/// Errors: kInvalidArgument for another tensor, and those of create_sink.
Result<void> write_image(const std::filesystem::path& path, const Tensor& tensor,
                         const SinkOptions& options = {});

}  // namespace tessera::image
