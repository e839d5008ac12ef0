// SPDX-License-Identifier: MIT
#include "cli/calibration_images.h"

#include <algorithm>
#include <cmath>

#include "base/try.h"
#include "image/gdal_source.h"

namespace tessera::cli {
namespace {

/// Calibration at larger sizes takes longer and tells no more.
constexpr std::int64_t kLargestCrop = 1024;

/// The largest part around the image's centre with the proportions of these sizes.
PixelWindow covering_window(const ImageSize& image, const FittedSize& size) {
  const double scale =
      std::min(static_cast<double>(image.width) / static_cast<double>(size.width),
               static_cast<double>(image.height) / static_cast<double>(size.height));
  const auto pixels = [&](std::int64_t wanted, std::int64_t most) {
    const auto rounded = std::llround(static_cast<double>(wanted) * scale);
    return std::clamp<std::int64_t>(rounded, 1, most);
  };
  const std::int64_t width = pixels(size.width, image.width);
  const std::int64_t height = pixels(size.height, image.height);
  return {(image.width - width) / 2, (image.height - height) / 2, width, height};
}

Result<void> check_channels(const std::filesystem::path& path, const ImageSize& image,
                            const ModelInput& input, bool is_right) {
  if (is_right) return {};
  return fail(ErrorCode::kInvalidArgument, "{} has {} channel{}, the model's input is {}",
              path.string(), image.channels, image.channels == 1 ? "" : "s", input.to_string());
}

Result<void> read_image(image::GdalSource& source, const FittedSize& size, const Planes& planes) {
  const ImageSize image = source.size();
  const bool is_cut = !size.is_scaled && size.width <= image.width && size.height <= image.height;
  const PixelWindow window =
      is_cut ? PixelWindow{(image.width - size.width) / 2, (image.height - size.height) / 2,
                           size.width, size.height}
             : covering_window(image, size);
  return source.read_scaled(window, planes);
}

}  // namespace

FittedSize fit_image(const ImageSize& image, const InputSize& height, const InputSize& width) {
  double scale = 0;
  if (height.is_fixed())
    scale = static_cast<double>(height.min) / static_cast<double>(image.height);
  if (width.is_fixed()) {
    scale = std::max(scale, static_cast<double>(width.min) / static_cast<double>(image.width));
  }
  if (scale == 0) scale = 1;
  const auto scaled = [&](std::int64_t pixels) {
    return std::min(std::llround(static_cast<double>(pixels) * scale),
                    static_cast<long long>(kLargestCrop));
  };
  std::int64_t most_rows = scaled(image.height), most_columns = scaled(image.width);
  if (!height.is_fixed() && height.name == width.name) {
    most_rows = most_columns = std::min(most_rows, most_columns);  // a square
  }
  FittedSize size{width.allowed_up_to(most_columns), height.allowed_up_to(most_rows)};
  size.is_scaled = scale != 1 || size.width > image.width || size.height > image.height;
  return size;
}

Result<Tensor> read_images(const std::vector<std::filesystem::path>& files, std::size_t index,
                           const ModelInput& input, const PixelFormat& format) {
  if (input.dtype != DType::kF32 || input.sizes.size() != 4) {
    return fail(ErrorCode::kInvalidArgument,
                "{}: images are f32[1, channels, height, width], the model's input is {}; .npy "
                "files can be anything",
                files[index].string(), input.to_string());
  }
  const std::int64_t count = input.sizes[0].allowed_up_to(1);
  std::int64_t channels = 0;
  Tensor tensor;
  FittedSize size;
  for (std::int64_t i = 0; i < count; ++i) {
    const auto& path = files[(index + static_cast<std::size_t>(i)) % files.size()];
    const auto source = TRY(image::GdalSource::open(path, format));
    if (i == 0) {
      const ImageSize image = source->size();
      TRY(check_channels(path, image, input, input.sizes[1].allows(image.channels)));
      channels = image.channels;
      size = fit_image(image, input.sizes[2], input.sizes[3]);
      tensor = TRY(Tensor::empty(DType::kF32, {count, channels, size.height, size.width}));
    }
    const std::int64_t plane = size.height * size.width;
    const Planes planes{tensor.data<float>() + i * channels * plane,
                        channels,
                        size.height,
                        size.width,
                        size.width,
                        plane};
    TRY(check_channels(path, source->size(), input, source->size().channels == channels));
    TRY(read_image(*source, size, planes));
  }
  return tensor;
}

}  // namespace tessera::cli
