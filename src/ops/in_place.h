// SPDX-License-Identifier: MIT
#pragma once

#include "ops/elementwise_rules.h"
#include "ops/same_shape.h"

namespace tessera::ops {

/// Whether the kernel's one result may be exactly the memory of a tensor argument that has the
/// result's dtype and sizes: element i of the result depends on element i of such an argument
/// alone, and every kernel with these region rules reads an element before it writes there
/// (ExecuTorch's portable ones, too). The other arguments overlap neither.
inline bool may_run_in_place(const ir::Operator& op) {
  return op.input_region == same_region || op.input_region == operand_region;
}

}  // namespace tessera::ops
