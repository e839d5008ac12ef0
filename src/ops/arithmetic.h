// SPDX-License-Identifier: MIT
#pragma once

#include "ir/graph.h"

namespace tessera::ops {

/// How much a call computes, at the upper bounds of its sizes: the multiplications of products and
/// convolutions, one per element of the results of all else. 0 where a size has no bound.
double arithmetic_of(const ir::Graph& graph, const ir::Node& node);

}  // namespace tessera::ops
