// SPDX-License-Identifier: MIT
#include <string>
#include <vector>

#include "base/check.h"
#include "base/try.h"
#include "passes/passes.h"

namespace tessera::passes {
namespace {

// Every operator comes down to core ATen in a few rounds; more of them go round in a circle.
constexpr int kMaxRounds = 16;

Result<bool> decompose_once(ir::Graph& graph) {
  bool has_changed = false;
  for (const ir::NodeId id : graph.nodes()) {
    const ir::Node& node = graph.node(id);
    if (node.op == nullptr || node.op->decompose == nullptr) continue;
    const std::string description = ir::describe(graph, node);
    auto result = node.op->decompose(graph, id);
    if (!result) return with_context(std::move(result).error(), description);
    has_changed = true;
  }
  return has_changed;
}

// All that cannot be run, so that a user learns of them in one go.
Result<void> check_support(const ir::Graph& graph) {
  std::vector<std::string> missing;
  for (const ir::NodeId id : graph.nodes()) {
    const ir::Node& node = graph.node(id);
    if (node.op == nullptr || (node.op->kernel != nullptr && !node.op->out_name.empty())) continue;
    missing.push_back(ir::describe(graph, node));
  }
  if (missing.empty()) return {};
  std::string text;
  for (const std::string& description : missing) text += (text.empty() ? "" : "; ") + description;
  return fail(ErrorCode::kOperatorMissing, "no kernel or no name in program files for: {}", text);
}

}  // namespace

Result<void> decompose(ir::Graph& graph) {
  for (int round = 0; TRY(decompose_once(graph)); ++round) {
    CHECK(round < kMaxRounds, "operators decompose into one another");
  }
  return check_support(graph);
}

}  // namespace tessera::passes
