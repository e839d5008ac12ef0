// SPDX-License-Identifier: MIT
#pragma once

#include <map>

#include "quantize/annotation.h"
#include "quantize/ranges.h"

namespace tessera::quantize {

struct WeightOptions {
  bool per_channel = true;
};

/// The graph with quantize and dequantize calls around what the annotation says: the form that
/// PyTorch's convert_pt2e leaves. Weights become integers. Node and value ids of `graph` stay what
/// they are.
Result<ir::Graph> insert_quantization(ir::Graph graph, const Annotation& annotation,
                                      const Ranges& ranges, const WeightOptions& options);

/// quantize(x) as dequantize gives it back, with the parameters of this value in the quantized
/// graph; nothing if it is not quantized there.
const ir::Node* quantize_call(const ir::Graph& quantized, ir::ValueId value);

}  // namespace tessera::quantize
