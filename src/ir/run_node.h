// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <vector>

#include "ir/graph.h"
#include "ir/kernel_context.h"

namespace tessera::ir {

/// Computes a call by its operator's kernel, as the compiler does for constants and calibration.
/// `tensor_of` gives the operands, which are only read; `symbols` has the values of the symbols in
/// the arguments. Results have the sizes that infer gives for the operands.
Result<std::vector<Tensor>> run_node(const Node& node,
                                     const std::function<Tensor*(ValueId)>& tensor_of,
                                     const SymbolValues& symbols, KernelContext& context);

}  // namespace tessera::ir
