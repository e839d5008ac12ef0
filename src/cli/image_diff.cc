// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <memory>
#include <print>
#include <vector>

#include "base/try.h"
#include "cli/commands.h"
#include "cli/image_files.h"
#include "tessera/image.h"

namespace tessera::cli {
namespace {

constexpr std::int64_t kWindow = 512;

struct Options {
  std::string first, second, png;
  std::vector<std::int64_t> crop;  ///< x, y, width, height
};

struct Difference {
  double max = 0, sum_of_squares = 0;
  std::int64_t num_samples = 0, num_differing = 0;
  bool has_nan = false;

  void add(float a, float b) {
    ++num_samples;
    if (a == b || (std::isnan(a) && std::isnan(b))) return;
    ++num_differing;
    const double distance = std::abs(static_cast<double>(a) - static_cast<double>(b));
    if (std::isnan(distance)) {
      has_nan = true;
      return;
    }
    max = std::max(max, distance);
    sum_of_squares += distance * distance;
  }
  double psnr(double full_scale) const {
    return 10 *
           std::log10(full_scale * full_scale * static_cast<double>(num_samples) / sum_of_squares);
  }
};

double full_scale_of(DType dtype) {
  if (dtype == DType::kU8) return 255;
  if (dtype == DType::kU16) return 65535;
  return 1;
}

/// Both images' samples of one window, as the files have them.
Result<void> compare_window(Source& first, Source& second, const PixelWindow& window,
                            Difference& difference) {
  const Shape shape = {1, first.size().channels, window.height, window.width};
  std::array<Tensor, 2> tensors = {TRY(Tensor::empty(DType::kF32, shape)),
                                   TRY(Tensor::empty(DType::kF32, shape))};
  TRY(first.read(window, planes_of(tensors[0])));
  TRY(second.read(window, planes_of(tensors[1])));
  const auto a = tensors[0].elements<float>(), b = tensors[1].elements<float>();
  for (std::size_t i = 0; i < a.size(); ++i) difference.add(a[i], b[i]);
  return {};
}

Result<PixelWindow> compared_window(const Options& options, const ImageSize& size) {
  if (options.crop.empty()) return PixelWindow{0, 0, size.width, size.height};
  const PixelWindow crop = {options.crop[0], options.crop[1], options.crop[2], options.crop[3]};
  if (crop.x < 0 || crop.y < 0 || crop.width <= 0 || crop.height <= 0 ||
      crop.width > size.width - crop.x || crop.height > size.height - crop.y) {
    return fail(ErrorCode::kInvalidArgument, "--crop {},{},{},{} is not inside {}x{} pixels",
                crop.x, crop.y, crop.width, crop.height, size.width, size.height);
  }
  return crop;
}

/// Both crops side by side, the first image left.
Result<void> write_crops(const Options& options, const PixelWindow& crop) {
  const PixelFormat format;
  const OpenedSource first = TRY(open_source(options.first, format));
  const OpenedSource second = TRY(open_source(options.second, format));
  Tensor both = TRY(
      Tensor::empty(DType::kF32, {1, first.source->size().channels, crop.height, 2 * crop.width}));
  const Planes planes = planes_of(both);
  TRY(first.source->read(crop, planes.crop({0, 0, crop.width, crop.height})));
  TRY(second.source->read(crop, planes.crop({crop.width, 0, crop.width, crop.height})));
  return image::write_image(options.png, both, {format, DType::kU8, std::nullopt});
}

Result<void> image_diff(const Options& options) {
  const PixelFormat format = {PixelFormat::Scale::kNone, PixelFormat::Channels::kRgb};
  const OpenedSource first = TRY(open_source(options.first, format));
  const OpenedSource second = TRY(open_source(options.second, format));
  const ImageSize size = first.source->size(), other = second.source->size();
  if (size != other || first.dtype != second.dtype) {
    return fail(ErrorCode::kInvalidArgument,
                "{} has {}x{} pixels of {} {}, {} has {}x{} pixels of {} {}", options.first,
                size.width, size.height, size.channels, name_of(first.dtype), options.second,
                other.width, other.height, other.channels, name_of(second.dtype));
  }
  const PixelWindow area = TRY(compared_window(options, size));
  Difference difference;
  for (std::int64_t y = 0; y < area.height; y += kWindow) {
    for (std::int64_t x = 0; x < area.width; x += kWindow) {
      const PixelWindow window = {area.x + x, area.y + y, std::min(kWindow, area.width - x),
                                  std::min(kWindow, area.height - y)};
      TRY(compare_window(*first.source, *second.source, window, difference));
    }
  }
  const double max = difference.has_nan ? std::numeric_limits<double>::quiet_NaN() : difference.max;
  std::println("maximum difference: {}", max);
  std::println("differing samples: {} of {}", difference.num_differing, difference.num_samples);
  if (difference.has_nan) {
    std::println("PSNR: nan dB");
  } else {
    std::println("PSNR: {:.2f} dB", difference.psnr(full_scale_of(first.dtype)));
  }
  if (!options.png.empty()) TRY(write_crops(options, area));
  return {};
}

}  // namespace

void add_image_diff(CLI::App& app) {
  auto* command =
      app.add_subcommand("image-diff", "Compares the samples of two images of equal size and type");
  const auto options = std::make_shared<Options>();
  command->add_option("first", options->first, "image or .npy")->required();
  command->add_option("second", options->second, "image or .npy")->required();
  auto* crop = command->add_option("--crop", options->crop, "compare x,y,width,height only")
                   ->delimiter(',')
                   ->expected(4);
  command->add_option("--png", options->png, "write both crops side by side")->needs(crop);
  command->callback([options] { finish(image_diff(*options)); });
}

}  // namespace tessera::cli
