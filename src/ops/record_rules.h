// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <span>
#include <string>

#include "tensor/region.h"
#include "tessera/result.h"
#include "xnnpack/node_records.h"

/// What a delegate's nodes do to sizes and which part of an input they need: for records what
/// `infer` and `input_region` are for operators. All in the order in which the nodes see
/// dimensions.
namespace tessera::ops {

/// Why no part of the node's output can be computed from a part of its input; nothing if it can.
std::optional<std::string> why_not_local(const xnnpack::NodeRecord& node);

/// Shapes of one node's operands. `bounds` is the shape of the first operand in the file.
struct RecordShapes {
  std::span<const Shape> inputs;  ///< in the order of NodeRecord::inputs; absent ones have rank 0
  Shape bounds;
};

/// Shape of the output. A resize is taken for its factor, so that the rule holds for images of all
/// sizes. Fails if the shapes do not fit the node.
Result<Shape> record_output_shape(const xnnpack::NodeRecord& node, const RecordShapes& shapes);

/// The box of input `operand` that `wanted` depends on, clipped to the input.
Region record_input_region(const xnnpack::NodeRecord& node, const RecordShapes& shapes,
                           const Shape& output, const Region& wanted, std::size_t operand);

}  // namespace tessera::ops
