// SPDX-License-Identifier: MIT
#pragma once

#include "ir/graph.h"
#include "tessera/calibrate.h"

namespace tessera::quantize {

/// Makes f32 inputs and outputs of a quantized graph the integers that the options ask for and says
/// in the report what they stand for. Fails for int8 where a value is used in floating point.
Result<void> quantize_edges(ir::Graph& graph, const QuantizeOptions& options,
                            QuantizationReport& report);

}  // namespace tessera::quantize
