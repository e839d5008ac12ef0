// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>

#include "image/gdal_sink.h"
#include "tessera/tiled.h"

namespace tessera::image {

/// The whole image as f32[1, bands, height, width].
Result<Tensor> read_image(const std::filesystem::path& path, PixelFormat format = {});

/// Writes f32[1, bands, height, width]; the file is whole or not there. Errors: kInvalidArgument
/// for another tensor, and those of GdalSink.
Result<void> write_image(const std::filesystem::path& path, const Tensor& tensor,
                         const SinkOptions& options = {});

}  // namespace tessera::image
