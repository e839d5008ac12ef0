// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <vector>

#include "tessera/calibrate.h"
#include "tessera/tiled.h"

namespace tessera::cli {

/// Sizes of the part of an image that becomes a model's input.
struct FittedSize {
  std::int64_t width = 0, height = 0;
  bool is_scaled = false;  ///< else cut out of the image's middle
  friend bool operator==(const FittedSize&, const FittedSize&) = default;
};

/// How an image becomes an input of these heights and widths. Where the model's sizes are fixed,
/// the image is scaled until it covers them; where they are dynamic, it is cut to the largest size
/// that the model allows, but not above 1024 pixels; one that is too small is scaled.
FittedSize fit_image(const ImageSize& image, const InputSize& height, const InputSize& width);

/// The image of this index, and those after it if the input has several, as an input f32[N,C,H,W]
/// by fit_image of the first one. Errors: those of reading images; kInvalidArgument for inputs that
/// are no images and for another number of channels.
Result<Tensor> read_images(const std::vector<std::filesystem::path>& files, std::size_t index,
                           const ModelInput& input, const PixelFormat& format);

}  // namespace tessera::cli
