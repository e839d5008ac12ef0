// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "tiling/flow.h"

namespace tessera::tiling {

/// The image's axes: dimensions 2 and 3 of the method's input.
enum class Axis : std::uint8_t { kVertical = 0, kHorizontal = 1 };
inline constexpr std::array kAxes = {Axis::kVertical, Axis::kHorizontal};
inline std::size_t index_of(Axis axis) { return static_cast<std::size_t>(axis); }

/// A positive fraction in lowest terms.
struct Ratio {
  std::int64_t numerator = 1, denominator = 1;
  /// `position` is a multiple of the denominator.
  std::int64_t scale(std::int64_t position) const { return position / denominator * numerator; }
  friend bool operator==(const Ratio&, const Ratio&) = default;
};

/// A dimension of a value that lies along an axis of the image: positions per pixel of the input.
struct DimScale {
  Axis axis = Axis::kVertical;
  Ratio scale;
};
/// By dimension; nothing for channels and the like.
using ValueScales = std::vector<std::optional<DimScale>>;

struct AxisGeometry {
  /// Input pixels by which a window may move so that every strided operator stays in phase.
  std::int64_t alignment = 1;
  Ratio output_scale;  ///< output pixels per input pixel
  /// Input pixels around an aligned tile that its output depends on.
  std::int64_t halo_before = 0, halo_after = 0;
};

/// What follows from the program alone.
struct Geometry {
  std::int64_t input_channels = 0, output_channels = 0;
  std::array<AxisGeometry, 2> axes;
  std::vector<ValueScales>
      scales;  ///< by FlowValue; empty if the value does not depend on the input
};

/// Finds out by asking the operators' rules about a large image how each value's positions follow
/// the input's. Errors name the operator that does not work tile by tile.
Result<Geometry> analyze(const Flow& flow);

}  // namespace tessera::tiling
