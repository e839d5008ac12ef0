// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "ir/graph.h"

namespace tessera::compiler {

/// One block of memory that lives from one step to another, both inclusive.
struct Block {
  std::size_t size_bytes = 0;
  std::size_t first_step = 0;
  std::size_t last_step = 0;
};

/// Offsets such that blocks alive at the same step never overlap.
struct Layout {
  std::vector<std::size_t> offsets;  ///< per block, multiples of kBlockAlignment
  std::size_t size_bytes = 0;
};

/// Alignment of planned tensors, ExecuTorch's default.
inline constexpr std::size_t kBlockAlignment = 16;

/// Greedy by size: the largest block first, each into the tightest gap between the blocks already
/// placed that live at the same time (Pisarchyk and Lee 2020, "Efficient Memory Management for Deep
/// Neural Net Inference", algorithm 3).
Layout place_blocks(const std::vector<Block>& blocks);

/// Where the inputs and results of a graph live, at the upper bound of their sizes.
struct MemoryPlan {
  std::map<ir::ValueId, std::size_t> offsets;
  std::size_t arena_bytes = 0;
};

/// Inputs live from the start, outputs to the end; a node's results never share memory with its
/// operands. Fails for a size without an upper bound.
Result<MemoryPlan> plan_memory(const ir::Graph& graph);

/// Sizes with every symbol at its largest; fails, naming the symbol, if one has no bound.
Result<Shape> upper_bound(const ir::TensorType& type, const ir::SymbolRanges& symbols);

}  // namespace tessera::compiler
