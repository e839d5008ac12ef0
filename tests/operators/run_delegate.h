// SPDX-License-Identifier: MIT
#pragma once

#include <span>
#include <vector>

#include "ir/graph.h"
#include "xnnpack/node_records.h"

namespace tessera::testing {

/// Lowers the graph to one XNNPACK delegate and runs it; the first output.
Result<Tensor> run_delegate(ir::Graph graph, std::span<const Tensor> inputs);
/// The kinds of the delegate's nodes, in the order in which they run.
Result<std::vector<xnnpack::NodeKind>> delegate_kinds(ir::Graph graph);

}  // namespace tessera::testing
