// SPDX-License-Identifier: MIT
#include "ops/convolution_band.h"

namespace tessera::ops {

BandLayout make_band_layout(const WindowPhase& vertical, const WindowPhase& horizontal,
                            std::int64_t channels, std::int64_t budget) {
  const auto num_planes = std::max<std::int64_t>(
      channels * static_cast<std::int64_t>(vertical.residues.size() * horizontal.residues.size()),
      1);
  const std::int64_t plane_budget = budget / num_planes;
  const std::int64_t width = plane_budget / (1 + vertical.max_shift) - horizontal.max_shift;
  BandLayout layout;
  layout.num_columns = std::min(
      horizontal.num_outputs, std::max(width / kMaxTileColumns, std::int64_t{1}) * kMaxTileColumns);
  layout.row_stride = layout.num_columns + horizontal.max_shift;
  layout.num_rows = std::clamp<std::int64_t>(plane_budget / layout.row_stride - vertical.max_shift,
                                             1, vertical.num_outputs);
  // An odd number of cache lines, so that the planes do not share their places in the cache.
  constexpr std::int64_t kLine = 16;
  const std::int64_t num_lines =
      ((layout.num_rows + vertical.max_shift) * layout.row_stride + kLine - 1) / kLine;
  layout.plane_stride = (num_lines | 1) * kLine;
  return layout;
}

std::vector<std::int64_t> tap_offsets(const WindowPhase& vertical, const WindowPhase& horizontal,
                                      std::int64_t channels, const BandLayout& layout) {
  const auto num_horizontal = static_cast<std::int64_t>(horizontal.residues.size());
  const auto num_planes = static_cast<std::int64_t>(vertical.residues.size()) * num_horizontal;
  std::vector<std::int64_t> offsets;
  for (std::int64_t channel = 0; channel < channels; ++channel) {
    for (const WindowPhase::Tap& row : vertical.taps) {
      for (const WindowPhase::Tap& column : horizontal.taps) {
        const std::int64_t plane =
            channel * num_planes + row.residue * num_horizontal + column.residue;
        offsets.push_back(plane * layout.plane_stride + row.shift * layout.row_stride +
                          column.shift);
      }
    }
  }
  return offsets;
}

}  // namespace tessera::ops
