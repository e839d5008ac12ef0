// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "tensor/region.h"
#include "tessera/tiled.h"
#include "tiling/geometry.h"

namespace tessera::tiling {

/// Sizes that the program takes along one axis.
struct AxisLimits {
  std::int64_t min = 1, max = 1;
  /// Sizes are `remainder` modulo `multiple`.
  std::int64_t multiple = 1, remainder = 0;
  bool is_fixed() const { return min == max; }
};

/// A tile's share of one axis.
struct AxisTile {
  Interval output, window;
};

struct AxisPlan {
  TileAxis axis;
  std::vector<AxisTile> tiles;
};

inline constexpr std::int64_t kDefaultTile = 256;

/// Cuts one axis of an image of `image` pixels, for which the whole program gives `output`. `name`
/// is "high" or "wide", for messages.
Result<AxisPlan> plan_axis(std::int64_t image, std::int64_t output, const AxisGeometry& geometry,
                           const AxisLimits& limits, std::optional<std::int64_t> tile,
                           std::string_view name);

}  // namespace tessera::tiling
