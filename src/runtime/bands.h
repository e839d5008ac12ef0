// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "runtime/row_axes.h"
#include "tensor/region.h"

namespace tessera::runtime {

/// Running a delegate in horizontal bands of its image: all bands have the same sizes, so that
/// XNNPACK is set up once; a band sees real rows beyond those it owes, and its results have the
/// bits of the whole. Intermediate values and index tables then have the size of a band.
struct BandPlan {
  /// An external value: rows are dimension `dim`, in memory order; nothing: every band takes all.
  struct External {
    std::optional<std::size_t> row_dim;
    std::int64_t num_rows = 0;  ///< of a band
  };
  struct Band {
    std::vector<std::int64_t> input_rows;  ///< where each input's rows start
    Interval output_rows;                  ///< what the band owes
    std::int64_t first_local_row = 0;      ///< where these rows are in the band's own output
  };
  std::vector<External> inputs;
  std::vector<Shape> input_shapes;  ///< of a band
  std::size_t output_row_dim = 0;
  std::vector<Band> bands;
};

/// A plan whose bands need about `target_bytes` each; nothing if a node does not work row by row or
/// the rows that bands share would cost too much. `shapes` has been run for the whole image.
std::optional<BandPlan> plan_bands(const xnnpack::Payload& payload,
                                   const xnnpack::ShapeInference& shapes, std::size_t target_bytes);

}  // namespace tessera::runtime
