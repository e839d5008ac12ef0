// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <optional>

#include "passes/passes.h"

namespace tessera::passes {
namespace {

// Operators whose result is operand 0 whenever it has the operand's type.
constexpr std::array<std::string_view, 9> kCopies = {"aten::clone",
                                                     "aten::view_copy",
                                                     "aten::expand_copy",
                                                     "aten::alias_copy",
                                                     "aten::detach_copy",
                                                     "aten::lift_fresh_copy",
                                                     "aten::slice_copy.Tensor",
                                                     "dim_order_ops::_clone_dim_order",
                                                     "dim_order_ops::_to_dim_order_copy"};

// The tensor that the call takes, if it is one.
std::optional<ir::ValueId> operand_of(const ir::Node& node) {
  const auto* list = std::get_if<std::vector<ir::ValueId>>(&node.arguments[0]);
  if (list == nullptr) return std::get<ir::ValueId>(node.arguments[0]);
  return list->size() == 1 ? std::optional(list->front()) : std::nullopt;
}

bool is_no_op(const ir::Graph& graph, const ir::Node& node) {
  if (node.op == nullptr) return false;
  const std::string name = ir::schema_of(*node.op).full_name();
  if (name == "aten::dropout") return !std::get<bool>(node.arguments[2]);
  if (name == "aten::cat") return operand_of(node).has_value();
  return std::ranges::contains(kCopies, name) &&
         graph.value(std::get<ir::ValueId>(node.arguments[0])).type ==
             graph.value(node.results[0]).type;
}

// A program's outputs are results of calls, each in memory of its own.
bool must_stay(const ir::Graph& graph, ir::ValueId operand, ir::ValueId result) {
  return graph.is_output(result) &&
         (graph.value(operand).kind != ir::ValueKind::kResult || graph.is_output(operand));
}

}  // namespace

Result<void> remove_no_ops(ir::Graph& graph) {
  for (const ir::NodeId id : graph.nodes()) {
    const ir::Node& node = graph.node(id);
    if (!is_no_op(graph, node)) continue;
    const ir::ValueId operand = *operand_of(node);
    if (must_stay(graph, operand, node.results[0])) continue;
    graph.replace_all_uses(node.results[0], operand);
    graph.erase_node(id);
  }
  return {};
}

}  // namespace tessera::passes
