// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include "compile/plan_memory.h"
#include "formats/pte.h"
#include "ir/graph.h"

namespace tessera::compiler {

/// The program with one method that runs `graph`: kernel calls by out-variant, delegate calls,
/// planned memory, constants, and the signature among the named data. The delegates are lowered.
/// Fails, naming the node, for an operator without an out-variant or an argument that the format
/// has no place for.
Result<std::vector<std::byte>> emit_pte(const ir::Graph& graph, const MemoryPlan& plan);

}  // namespace tessera::compiler
