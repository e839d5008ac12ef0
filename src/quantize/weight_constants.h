// SPDX-License-Identifier: MIT
#pragma once

#include "ir/graph.h"
#include "quantize/weight_scales.h"

namespace tessera::quantize {

/// Integers of a constant weight, dequantized in front of a node: with a scale for each channel
/// along the axis, or one for all.
Result<ir::ValueId> integer_weight(ir::Graph& graph, ir::ValueId weight, ScaleAxis axis,
                                   ir::NodeId before);

/// Integers of any other constant with the range that its elements have.
Result<ir::ValueId> integer_constant(ir::Graph& graph, ir::ValueId constant, ir::NodeId before);

}  // namespace tessera::quantize
