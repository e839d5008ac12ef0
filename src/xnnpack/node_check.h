// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include "xnnpack/node_records.h"

namespace tessera::xnnpack {

/// A node's operands in the order of its ids; null for an absent bias.
struct NodeValues {
  std::vector<const ValueRecord*> inputs;
  std::vector<const ValueRecord*> outputs;
};

/// Checks what the node's parameters and operands say about each other whatever the sizes are:
/// ranks, permutations, filters against kernel sizes and channels, flags.
Result<void> check_node(const NodeRecord& node, const NodeValues& values);

}  // namespace tessera::xnnpack
