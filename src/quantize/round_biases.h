// SPDX-License-Identifier: MIT
#pragma once

#include "ir/graph.h"

namespace tessera::quantize {

/// Makes biases of quantized layers multiples of input scale times weight scale, which is what
/// integer sums can add: so all kernels compute with the same biases.
Result<void> round_biases(ir::Graph& graph);

}  // namespace tessera::quantize
