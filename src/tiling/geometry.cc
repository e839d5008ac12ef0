// SPDX-License-Identifier: MIT
#include "tiling/geometry.h"

#include <algorithm>
#include <numeric>

#include "base/try.h"
#include "tiling/propagate.h"

namespace tessera::tiling {
namespace {

/// Sides of the imagined images. Products of many small primes, so that no rounding in an
/// operator's size rule shows; the difference of two sizes then gives the exact scale.
constexpr std::int64_t kSide = 46080;      // 2^10 * 3^2 * 5
constexpr std::int64_t kGrowth = 3548160;  // 2^10 * 3^2 * 5 * 7 * 11
constexpr std::int64_t kMaxAlignment = 4096;
constexpr std::int64_t kMaxHalo = kSide / 3;

class Analysis {
 public:
  explicit Analysis(const Flow& flow) : flow_(flow) {}

  Result<Geometry> run() {
    geometry_.input_channels = TRY(check_image(flow_.input(), "input"));
    sizes_ = TRY(imagine(kSide, kSide));
    TRY(find_scales());
    find_needed();
    for (const Step& step : flow_.steps()) TRY(check_axes(step));
    TRY(find_alignment());
    for (const Step& step : flow_.steps()) TRY(check_step(step));
    if (flow_.obstacle()) return std::unexpected(*flow_.obstacle());
    geometry_.output_channels = TRY(check_image(flow_.output(), "output"));
    TRY(find_output_scale());
    TRY(find_halo());
    return std::move(geometry_);
  }

 private:
  Result<FlowSizes> imagine(std::int64_t height, std::int64_t width) const {
    auto sizes = propagate_sizes(flow_, {1, geometry_.input_channels, height, width});
    if (sizes) return sizes;
    return with_context(std::move(sizes).error(), "the program does not follow the image's size");
  }

  /// Channels of the method's input or output, which must be f32 or u8[1,C,H,W].
  Result<std::int64_t> check_image(FlowValue value, std::string_view name) const {
    const ir::TensorType& type = flow_.file_sizes().types[value];
    const Shape shape = flow_.file_sizes().shape(value);
    const bool is_known = type.dtype == DType::kF32 || type.dtype == DType::kU8;
    if (!is_known || shape.rank() != 4 || shape[0] != 1) {
      return fail(ErrorCode::kNotSupported,
                  "tiling needs an {} of f32 or u8[1, channels, height, width], found {}{}", name,
                  name_of(type.dtype), shape.to_string());
    }
    return shape[1];
  }

  Result<void> find_scales() {
    const std::array grown = {TRY(imagine(kSide + kGrowth, kSide)),
                              TRY(imagine(kSide, kSide + kGrowth))};
    geometry_.scales.resize(flow_.num_values());
    for (FlowValue value = 0; value < flow_.num_values(); ++value) {
      if (!flow_.depends(value)) continue;
      const Shape shape = sizes_.shape(value);
      ValueScales& scales = geometry_.scales[value];
      scales.resize(shape.rank());
      for (std::size_t dim = 0; dim < shape.rank(); ++dim) {
        for (const Axis axis : kAxes) {
          const std::int64_t growth = grown[index_of(axis)].shape(value)[dim] - shape[dim];
          if (growth == 0) continue;
          if (growth < 0 || scales[dim]) {
            return not_tileable(writer_of(value), "mixes the image's height and width");
          }
          const std::int64_t divisor = std::gcd(growth, kGrowth);
          scales[dim] = DimScale{axis, {growth / divisor, kGrowth / divisor}};
        }
      }
    }
    return {};
  }

  std::string_view writer_of(FlowValue value) const {
    for (const Step& step : flow_.steps()) {
      if (std::ranges::contains(step.outputs, value)) return step.name;
    }
    return "the input";
  }

  const std::optional<DimScale>* find_axis(FlowValue value, Axis axis) const {
    for (const auto& scale : geometry_.scales[value]) {
      if (scale && scale->axis == axis) return &scale;
    }
    return nullptr;
  }

  /// Marks what somebody reads: exporters write results that nobody does.
  void find_needed() {
    needed_.resize(flow_.num_values());
    needed_[flow_.output()] = true;
    for (const Step& step : flow_.steps()) {
      for (const TensorUse& use : step.uses) needed_[use.value] = true;
    }
  }

  /// What an input spreads over the image, every output must spread over the image too.
  Result<void> check_axes(const Step& step) const {
    for (const TensorUse& use : step.uses) {
      for (const Axis axis : kAxes) {
        if (find_axis(use.value, axis) == nullptr) continue;
        for (const FlowValue output : step.outputs) {
          if (needed_[output] && find_axis(output, axis) == nullptr) {
            return not_tileable(step.name, "needs its whole input");
          }
        }
      }
    }
    return {};
  }

  Result<void> find_alignment() {
    for (const ValueScales& scales : geometry_.scales) {
      for (const auto& scale : scales) {
        if (!scale) continue;
        auto& alignment = geometry_.axes[index_of(scale->axis)].alignment;
        alignment = std::lcm(alignment, scale->scale.denominator);
        if (alignment > kMaxAlignment) {
          return fail(ErrorCode::kNotSupported, "strides multiply to more than {}", kMaxAlignment);
        }
      }
    }
    return {};
  }

  /// An aligned position near the middle of the imagined image.
  std::int64_t middle(Axis axis) const {
    const std::int64_t alignment = geometry_.axes[index_of(axis)].alignment;
    return kSide / 2 / alignment * alignment;
  }

  /// The part of a value that belongs to `periods` periods of the alignment from the middle on.
  Region region_at_middle(FlowValue value, std::int64_t first_period) const {
    Region region = Region::whole(sizes_.shape(value));
    for (std::size_t dim = 0; dim < region.rank(); ++dim) {
      const auto& scale = geometry_.scales[value][dim];
      if (!scale) continue;
      const std::int64_t alignment = geometry_.axes[index_of(scale->axis)].alignment;
      const std::int64_t begin = middle(scale->axis) + first_period * alignment;
      region[dim] = {scale->scale.scale(begin), scale->scale.scale(begin + alignment)};
    }
    return region;
  }

  /// The step's rule asks for a bounded part of the input, and moves with the image.
  Result<void> check_step(const Step& step) const {
    for (std::size_t output = 0; output < step.outputs.size(); ++output) {
      const FlowValue result = step.outputs[output];
      if (!needed_[result]) continue;
      for (const TensorUse& use : step.uses) {
        const auto here =
            step_region(flow_, sizes_, step, use, output, region_at_middle(result, 0));
        const auto there =
            step_region(flow_, sizes_, step, use, output, region_at_middle(result, 1));
        if (!here || !there) continue;
        TRY(check_move(step, use.value, *here, *there));
      }
    }
    return {};
  }

  Result<void> check_move(const Step& step, FlowValue value, const Region& here,
                          const Region& there) const {
    const Shape shape = sizes_.shape(value);
    for (std::size_t dim = 0; dim < here.rank(); ++dim) {
      const auto& scale = geometry_.scales[value][dim];
      std::int64_t distance = 0;
      if (scale) {
        if (here[dim].size() >= shape[dim] / 2) {
          return not_tileable(step.name, "needs its whole input");
        }
        distance = scale->scale.scale(geometry_.axes[index_of(scale->axis)].alignment);
      }
      if (there[dim] != Interval{here[dim].begin + distance, here[dim].end + distance}) {
        return not_tileable(step.name, "does not move with the image");
      }
    }
    return {};
  }

  Result<void> find_output_scale() {
    const ValueScales& scales = geometry_.scales[flow_.output()];
    for (const Axis axis : kAxes) {
      const auto& scale = scales[2 + index_of(axis)];
      if (!scale || scale->axis != axis) {
        return fail(ErrorCode::kNotSupported,
                    "the output's height and width do not follow the input's");
      }
      geometry_.axes[index_of(axis)].output_scale = scale->scale;
    }
    return {};
  }

  Result<void> find_halo() {
    const auto regions = propagate_regions(flow_, sizes_, region_at_middle(flow_.output(), 0));
    const auto& needed = regions[flow_.input()];
    if (!needed) return fail(ErrorCode::kNotSupported, "the output does not depend on the input");
    for (const Axis axis : kAxes) {
      AxisGeometry& result = geometry_.axes[index_of(axis)];
      const Interval interval = (*needed)[2 + index_of(axis)];
      const std::int64_t begin = middle(axis);
      result.halo_before = std::max<std::int64_t>(0, begin - interval.begin);
      result.halo_after = std::max<std::int64_t>(0, interval.end - begin - result.alignment);
      if (std::max(result.halo_before, result.halo_after) > kMaxHalo) {
        return fail(ErrorCode::kNotSupported, "a pixel depends on more than {} around it",
                    kMaxHalo);
      }
    }
    return {};
  }

  const Flow& flow_;
  FlowSizes sizes_;           ///< for an image of kSide by kSide
  std::vector<bool> needed_;  ///< by FlowValue: somebody reads it
  Geometry geometry_;
};

}  // namespace

Result<Geometry> analyze(const Flow& flow) { return Analysis(flow).run(); }

}  // namespace tessera::tiling
