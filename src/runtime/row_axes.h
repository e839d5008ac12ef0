// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "xnnpack/infer_shapes.h"
#include "xnnpack/node_records.h"

namespace tessera::runtime {

/// Where the rows of an image are in a value of a delegate.
struct RowAxis {
  std::size_t dim = 0;
  /// Rows of the value per row of the delegate's output, in lowest terms.
  std::int64_t numerator = 1, denominator = 1;
  friend bool operator==(const RowAxis&, const RowAxis&) = default;
};

/// The row axis of every value (by index in Payload::values) of a delegate with one output, all of
/// whose nodes work row by row on an image: nothing for values that are the same for all rows
/// (constants, scales per channel). Fails (returns nothing) if there is a node that does not, or
/// whose record has a number of rows in it.
std::optional<std::vector<std::optional<RowAxis>>> find_row_axes(
    const xnnpack::Payload& payload, const xnnpack::ShapeInference& shapes);

}  // namespace tessera::runtime
