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

using Predicate = bool (*)(const ir::Graph& graph, const ir::Node& node);

Result<bool> decompose_once(ir::Graph& graph, Predicate stays) {
  bool has_changed = false;
  for (const ir::NodeId id : graph.nodes()) {
    const ir::Node& node = graph.node(id);
    if (node.op == nullptr || node.op->decompose == nullptr || stays(graph, node)) continue;
    const std::string description = ir::describe(graph, node);
    auto result = node.op->decompose(graph, id);
    if (!result) return with_context(std::move(result).error(), description);
    has_changed = true;
  }
  return has_changed;
}

bool is_delegable(const ir::Graph& graph, const ir::Node& node) {
  if (node.op->xnnpack.check == nullptr) return false;
  const ir::NodeTypes types(graph, node);
  const auto arguments = types.arguments();
  return !node.op->xnnpack.check({graph, node, arguments, types.results()});
}

// All that cannot be run, so that a user learns of them in one go.
Result<void> check_support(const ir::Graph& graph, Predicate stays) {
  std::vector<std::string> missing;
  for (const ir::NodeId id : graph.nodes()) {
    const ir::Node& node = graph.node(id);
    if (node.op == nullptr || (node.op->kernel != nullptr && !node.op->out_name.empty())) continue;
    if (stays(graph, node)) continue;
    missing.push_back(ir::describe(graph, node));
  }
  if (missing.empty()) return {};
  std::string text;
  for (const std::string& description : missing) text += (text.empty() ? "" : "; ") + description;
  return fail(ErrorCode::kOperatorMissing, "no kernel or no name in program files for: {}", text);
}

Result<void> decompose_unless(ir::Graph& graph, Predicate stays) {
  for (int round = 0; TRY(decompose_once(graph, stays)); ++round) {
    CHECK(round < kMaxRounds, "operators decompose into one another");
  }
  return check_support(graph, stays);
}

}  // namespace

Result<void> decompose(ir::Graph& graph) {
  return decompose_unless(graph, [](const ir::Graph&, const ir::Node&) { return false; });
}

Result<void> decompose_for_xnnpack(ir::Graph& graph) {
  return decompose_unless(graph, is_delegable);
}

}  // namespace tessera::passes
