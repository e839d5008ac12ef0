// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>

#include "base/place_blocks.h"
#include "compile/views.h"
#include "ir/graph.h"

namespace tessera::compiler {

/// Where the inputs and results of a graph live, at the upper bound of their sizes.
struct MemoryPlan {
  std::map<ir::ValueId, std::size_t> offsets;  ///< not of views that instructions make
  std::map<ir::ValueId, View> views;
  std::size_t arena_bytes = 0;
  std::size_t live_bytes = 0;  ///< the most that is in use at once
};

/// Inputs live from the start, outputs to the end, and what views see as long as the last of them.
/// The result of an elementwise call may lie in an operand that nothing reads later; other results
/// never share memory with operands. The last `num_states` inputs have memory elsewhere. Fails for
/// a size without an upper bound.
Result<MemoryPlan> plan_memory(const ir::Graph& graph, std::size_t num_states = 0);

/// Sizes with every symbol at its largest; fails, naming the symbol, if one has no bound.
Result<Shape> upper_bound(const ir::TensorType& type, const ir::SymbolRanges& symbols);

}  // namespace tessera::compiler
