// SPDX-License-Identifier: MIT
#pragma once

#include "ir/graph.h"

namespace tessera::xnnpack {

/// Replaces dequantized constants by f32 ones where the node that reads them does not run in int8,
/// and removes the calls that then nobody needs.
Result<void> dequantize_float_weights(ir::Graph& body);

}  // namespace tessera::xnnpack
