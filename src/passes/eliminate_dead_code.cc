// SPDX-License-Identifier: MIT
#include "passes/passes.h"

namespace tessera::passes {

Result<void> eliminate_dead_code(ir::Graph& graph) {
  graph.erase_dead();
  return {};
}

}  // namespace tessera::passes
