// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ir/graph.h"

namespace tessera::compiler {

/// What the partitioner decided for one node of the graph it was given.
struct Placement {
  std::string node;                   ///< as in messages
  std::optional<std::string> reason;  ///< why it is not delegated; none if it is
  double arithmetic = 0;              ///< see arithmetic_of
};

/// Moves every node that XNNPACK can run into the body of a delegate call, as few calls as the
/// order of the graph allows. The call takes the place of its nodes; nothing is lowered yet.
/// Returns one placement per node, in order.
Result<std::vector<Placement>> partition(ir::Graph& graph);

/// Fills in the blob and the named data of every delegate.
Result<void> lower_partitions(ir::Graph& graph);

/// Lets go of the weights in the delegates' bodies, once what they have been lowered to is enough.
void release_lowered_constants(ir::Graph& graph);

}  // namespace tessera::compiler
