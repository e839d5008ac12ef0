// SPDX-License-Identifier: MIT
#include "tiling/axis_plan.h"

#include <algorithm>
#include <numeric>

#include "base/try.h"

namespace tessera::tiling {
namespace {

std::int64_t round_down(std::int64_t value, std::int64_t step) { return value / step * step; }
std::int64_t round_up(std::int64_t value, std::int64_t step) {
  return (value + step - 1) / step * step;
}

class AxisPlanner {
 public:
  AxisPlanner(std::int64_t image, std::int64_t output, const AxisGeometry& geometry,
              const AxisLimits& limits, std::string_view name)
      : image_(image),
        output_(output),
        geometry_(geometry),
        limits_(limits),
        name_(name),
        step_(limits.is_fixed() ? geometry.alignment
                                : std::lcm(geometry.alignment, limits.multiple)),
        halo_before_(round_up(geometry.halo_before, step_)) {}

  Result<AxisPlan> plan(std::optional<std::int64_t> tile) {
    if (tile && *tile <= 0) {
      return fail(ErrorCode::kInvalidArgument, "tile of {} pixels: expected at least 1", *tile);
    }
    TRY(check_image());
    TRY(limits_.is_fixed() ? choose_fixed(tile) : choose_dynamic(tile));
    AxisPlan plan;
    const bool is_one = image_ <= window_;
    if (is_one) window_ = image_;
    const std::int64_t output_tile = is_one ? output_ : geometry_.output_scale.scale(tile_);
    plan.axis = {image_,
                 output_,
                 output_tile,
                 window_,
                 geometry_.halo_before,
                 geometry_.halo_after,
                 geometry_.alignment,
                 geometry_.output_scale.numerator,
                 geometry_.output_scale.denominator};
    std::int64_t begin = 0;
    for (std::int64_t index = 0; begin < output_; ++index) {
      const std::int64_t end = std::min(begin + output_tile, output_);
      plan.tiles.push_back({{begin, end}, window_at(index * tile_)});
      begin = end;
    }
    return plan;
  }

 private:
  Result<void> check_image() const {
    if (image_ < limits_.min) {
      return fail(ErrorCode::kInvalidArgument, "the image is {} pixels {}, the program takes {} {}",
                  image_, name_, limits_.is_fixed() ? "exactly" : "at least", limits_.min);
    }
    if (!limits_.is_fixed() && image_ % limits_.multiple != limits_.remainder) {
      return fail(ErrorCode::kInvalidArgument,
                  "the image is {} pixels {}, the program takes multiples of {}{}", image_, name_,
                  limits_.multiple,
                  limits_.remainder == 0 ? "" : std::format(" and {}", limits_.remainder));
    }
    return {};
  }

  /// Pixels of the input that make up the wanted tile, a multiple of the step.
  std::int64_t wanted_tile(std::int64_t tile) const {
    const Ratio& scale = geometry_.output_scale;
    const std::int64_t capped = std::min(tile, output_);
    const std::int64_t pixels =
        (capped * scale.denominator + scale.numerator - 1) / scale.numerator;
    return std::max(step_, round_up(pixels, step_));
  }

  std::unexpected<Error> halo_too_large() const {
    return fail(ErrorCode::kNotSupported,
                "a tile of {} pixels needs {} before and {} after it, the program takes at most {} "
                "pixels {}",
                step_, halo_before_, geometry_.halo_after, limits_.max, name_);
  }

  Result<void> choose_fixed(std::optional<std::int64_t> tile) {
    window_ = limits_.max;
    if (image_ == window_) return {};
    tile_ = round_down(window_ - halo_before_ - geometry_.halo_after, step_);
    if (tile_ <= 0) return halo_too_large();
    if (tile) tile_ = std::min(tile_, wanted_tile(*tile));
    if ((image_ - window_) % step_ != 0) {
      return fail(ErrorCode::kInvalidArgument,
                  "the image is {} pixels {}: the last window of {} would start at {}, expected a "
                  "multiple of {}",
                  image_, name_, window_, image_ - window_, step_);
    }
    return {};
  }

  Result<void> choose_dynamic(std::optional<std::int64_t> tile) {
    // The last window of an image that is no multiple of the step is up to one step larger.
    const std::int64_t slack = (image_ - limits_.remainder) % step_ == 0 ? 0 : step_ - 1;
    const std::int64_t room =
        round_down(limits_.max - slack - limits_.remainder, step_) - halo_before_;
    const std::int64_t max_tile = round_down(room - geometry_.halo_after, step_);
    tile_ = wanted_tile(tile.value_or(kDefaultTile));
    if (image_ > limits_.max) {
      if (max_tile <= 0) return halo_too_large();
      tile_ = std::min(tile_, max_tile);
    } else if (max_tile < tile_) {
      tile_ = round_up(image_, step_);  // the whole axis fits
    }
    window_ = round_up(halo_before_ + tile_ + geometry_.halo_after, step_) + limits_.remainder;
    window_ =
        std::max(window_, round_up(limits_.min - limits_.remainder, step_) + limits_.remainder);
    return {};
  }

  /// The window of a tile that begins at this pixel of the input.
  Interval window_at(std::int64_t begin) const {
    const std::int64_t wanted = std::max<std::int64_t>(0, begin - halo_before_);
    if (wanted + window_ <= image_) return {wanted, wanted + window_};
    return {round_down(image_ - window_, step_), image_};
  }

  std::int64_t image_, output_;
  const AxisGeometry& geometry_;
  const AxisLimits& limits_;
  std::string_view name_;
  std::int64_t step_, halo_before_;
  std::int64_t tile_ = 0, window_ = 0;
};

}  // namespace

Result<AxisPlan> plan_axis(std::int64_t image, std::int64_t output, const AxisGeometry& geometry,
                           const AxisLimits& limits, std::optional<std::int64_t> tile,
                           std::string_view name) {
  return AxisPlanner(image, output, geometry, limits, name).plan(tile);
}

}  // namespace tessera::tiling
