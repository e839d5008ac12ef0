// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <map>

#include "base/check.h"
#include "base/try.h"
#include "runtime/program_impl.h"
#include "tessera/tiled.h"
#include "tiling/axis_plan.h"
#include "tiling/flow.h"
#include "tiling/geometry.h"
#include "tiling/propagate.h"

namespace tessera {
namespace tiling {
namespace {

/// A dynamic size's rule where the file keeps it: "4*h" takes multiples of 4.
Result<AxisLimits> with_rule(AxisLimits limits, const ir::Dim& dim) {
  const std::vector<std::string> symbols = dim.symbols();
  if (symbols.size() != 1) return limits;
  // Far enough from zero for floor divisions to be regular; sizes are linear in practice.
  const auto at = [&](std::int64_t value) { return dim.evaluate({{symbols[0], value}}); };
  const std::int64_t first = TRY(at(1000)), second = TRY(at(1001));
  if (second <= first) return limits;
  limits.multiple = second - first;
  limits.remainder = first % limits.multiple;
  return limits;
}

Result<std::array<AxisLimits, 2>> find_limits(const Program& program, const std::string& method) {
  const TensorInfo info = TRY(program.inputs(method)).at(0);
  const auto* entry = TRY(program.impl().find_method(method));
  std::array<AxisLimits, 2> limits;
  for (const Axis axis : kAxes) {
    const std::size_t dim = 2 + index_of(axis);
    AxisLimits& limit = limits[index_of(axis)];
    limit.max = info.max_sizes[dim];
    limit.min = info.is_dynamic ? std::max<std::int64_t>(1, info.min_sizes[dim]) : limit.max;
    if (limit.max <= 0) return fail(ErrorCode::kInvalidProgram, "an input of no pixels");
    if (entry->signature) {
      limit = TRY(with_rule(limit, entry->signature->inputs.at(0).dims.at(dim)));
    }
  }
  return limits;
}

/// Everything that planning one image needs.
class Planner {
 public:
  Planner(const Flow& flow, const Geometry& geometry) : flow_(flow), geometry_(geometry) {}

  Result<TilePlan> plan(const std::array<AxisLimits, 2>& limits, std::int64_t width,
                        std::int64_t height, std::optional<std::int64_t> tile) {
    if (width <= 0 || height <= 0) {
      return fail(ErrorCode::kInvalidArgument, "an image of {}x{} pixels", width, height);
    }
    const std::array image = {height, width};
    sizes_ = TRY(sizes_of(height, width));
    const Shape output = sizes_.shape(flow_.output());
    TilePlan plan;
    plan.input_channels = geometry_.input_channels;
    plan.output_channels = geometry_.output_channels;
    std::array<AxisPlan, 2> axes;
    for (const Axis axis : kAxes) {
      const std::size_t i = index_of(axis);
      axes[i] = TRY(plan_axis(image[i], output[2 + i], geometry_.axes[i], limits[i], tile,
                              axis == Axis::kVertical ? "high" : "wide"));
    }
    plan.vertical = axes[0].axis;
    plan.horizontal = axes[1].axis;
    plan.num_rows = static_cast<std::int64_t>(axes[0].tiles.size());
    plan.num_columns = static_cast<std::int64_t>(axes[1].tiles.size());
    for (const Axis axis : kAxes) {
      for (const AxisTile& tile : axes[index_of(axis)].tiles) {
        const AxisTile& across = axes[1 - index_of(axis)].tiles.front();
        auto& list = axis == Axis::kVertical ? plan.rows : plan.columns;
        list.push_back(TRY(check_tile(axis, tile, across)));
      }
    }
    return plan;
  }

 private:
  Result<FlowSizes> sizes_of(std::int64_t height, std::int64_t width) const {
    auto sizes = propagate_sizes(flow_, {1, geometry_.input_channels, height, width});
    if (sizes) return sizes;
    return with_context(std::move(sizes).error(),
                        std::format("an image of {}x{} pixels", width, height));
  }

  Result<const FlowSizes*> window_sizes(std::int64_t height, std::int64_t width) {
    const auto key = std::pair(height, width);
    if (!window_sizes_.contains(key)) {
      window_sizes_.emplace(key, TRY(sizes_of(height, width)));
    }
    return &window_sizes_.at(key);
  }

  /// The tile's fields along `axis`, after making sure that every value that it needs is computed
  /// inside the window from the same inputs as in the whole image.
  Result<Tile> check_tile(Axis axis, const AxisTile& tile, const AxisTile& across) {
    const bool is_vertical = axis == Axis::kVertical;
    const std::int64_t length = tile.window.size(), breadth = across.window.size();
    const FlowSizes* local =
        TRY(is_vertical ? window_sizes(length, breadth) : window_sizes(breadth, length));
    Region wanted = Region::whole(sizes_.shape(flow_.output()));
    const std::size_t dim = 2 + index_of(axis);
    wanted[dim] = tile.output;
    wanted[5 - dim] = across.output;
    const auto regions = propagate_regions(flow_, sizes_, wanted);
    for (FlowValue value = 0; value < regions.size(); ++value) {
      if (regions[value]) TRY(check_value(axis, tile, value, *regions[value], *local));
    }
    const Ratio& scale = geometry_.axes[index_of(axis)].output_scale;
    const std::int64_t begin = tile.output.begin - scale.scale(tile.window.begin);
    const std::int64_t local_size = local->shape(flow_.output())[dim];
    Tile result;
    if (is_vertical) {
      result.output = {0, tile.output.begin, 0, tile.output.size()};
      result.window = {0, tile.window.begin, 0, tile.window.size()};
      result.crop = {0, begin, 0, tile.output.size()};
      result.window_output_height = local_size;
    } else {
      result.output = {tile.output.begin, 0, tile.output.size(), 0};
      result.window = {tile.window.begin, 0, tile.window.size(), 0};
      result.crop = {begin, 0, tile.output.size(), 0};
      result.window_output_width = local_size;
    }
    return result;
  }

  Result<void> check_value(Axis axis, const AxisTile& tile, FlowValue value, const Region& needed,
                           const FlowSizes& local) const {
    const Shape whole_shape = sizes_.shape(value), local_shape = local.shape(value);
    for (std::size_t dim = 0; dim < needed.rank(); ++dim) {
      const auto& scale = geometry_.scales[value][dim];
      if (!scale || scale->axis != axis) continue;
      CHECK(tile.window.begin % scale->scale.denominator == 0);
      const std::int64_t begin = scale->scale.scale(tile.window.begin);
      const Interval computed = {begin, begin + local_shape[dim]};
      const bool ends_with_image = tile.window.end == image_end(axis);
      if (!computed.contains(needed[dim]) || computed.end > whole_shape[dim] ||
          (ends_with_image && computed.end != whole_shape[dim])) {
        return fail(ErrorCode::kNotSupported,
                    "the pixels {}:{} need {}:{} of value {}, their window {}:{} gives {}:{} of {}",
                    tile.output.begin, tile.output.end, needed[dim].begin, needed[dim].end, value,
                    tile.window.begin, tile.window.end, computed.begin, computed.end,
                    whole_shape[dim]);
      }
    }
    return {};
  }

  std::int64_t image_end(Axis axis) const {
    return sizes_.shape(flow_.input())[2 + index_of(axis)];
  }

  const Flow& flow_;
  const Geometry& geometry_;
  FlowSizes sizes_;  ///< for the whole image
  std::map<std::pair<std::int64_t, std::int64_t>, FlowSizes> window_sizes_;
};

std::string describe(const TileAxis& axis, std::int64_t num_tiles, std::string_view name) {
  return std::format(
      "{}: image {}, output {}, {} tiles of {}, windows of {}, halo {} and {}, alignment {}, scale "
      "{}/{}\n",
      name, axis.image, axis.output, num_tiles, axis.tile, axis.window, axis.halo_before,
      axis.halo_after, axis.alignment, axis.scale_numerator, axis.scale_denominator);
}

}  // namespace
}  // namespace tiling

Tile TilePlan::tile(std::size_t index) const {
  CHECK(index < num_tiles());
  const Tile& row = rows[index / columns.size()];
  const Tile& column = columns[index % columns.size()];
  const auto join = [](const PixelWindow& across, const PixelWindow& down) {
    return PixelWindow{across.x, down.y, across.width, down.height};
  };
  return {join(column.output, row.output), join(column.window, row.window),
          join(column.crop, row.crop), column.window_output_width, row.window_output_height};
}

std::string TilePlan::to_string() const {
  return tiling::describe(vertical, num_rows, "height") +
         tiling::describe(horizontal, num_columns, "width");
}

Result<TilePlan> plan_tiles(const Program& program, std::int64_t width, std::int64_t height,
                            const TileOptions& options) {
  const auto* entry = TRY(program.impl().find_method(options.method));
  const tiling::Flow flow = TRY(tiling::Flow::create(*entry->plan));
  const tiling::Geometry geometry = TRY(tiling::analyze(flow));
  const auto limits = TRY(tiling::find_limits(program, options.method));
  return tiling::Planner(flow, geometry).plan(limits, width, height, options.tile);
}

}  // namespace tessera
