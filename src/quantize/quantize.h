// SPDX-License-Identifier: MIT
#pragma once

#include "ir/graph.h"
#include "tessera/calibrate.h"

namespace tessera::quantize {

/// Quantizes a graph after the passes of the XNNPACK pipeline: static int8 with the ranges that the
/// calibration data show. Fails without data.
Result<QuantizationReport> quantize_static(ir::Graph& graph, const QuantizeOptions& options);

/// Linear layers only: weights int8 or 4 bits in groups, activations by their range in each run.
/// Measures what that costs if there is data.
Result<QuantizationReport> quantize_dynamic(ir::Graph& graph, const QuantizeOptions& options);

/// 16-bit floats inside; inputs and outputs stay what they are.
Result<QuantizationReport> quantize_to_half(ir::Graph& graph, const QuantizeOptions& options);

/// What the options' scheme says. Fails if an accuracy budget cannot be met or measured.
Result<QuantizationReport> quantize(ir::Graph& graph, const QuantizeOptions& options);

}  // namespace tessera::quantize
