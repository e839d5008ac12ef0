// SPDX-License-Identifier: MIT
#include "compile/views.h"

#include <algorithm>
#include <array>

namespace tessera::compiler {
namespace {

using ir::ValueId;

// Operators whose result has the elements of operand 0 in their order, whatever the arguments.
constexpr std::array<std::string_view, 7> kViews = {"aten::view_copy",
                                                    "aten::unsqueeze_copy",
                                                    "aten::squeeze_copy.dim",
                                                    "aten::squeeze_copy.dims",
                                                    "aten::alias_copy",
                                                    "aten::detach_copy",
                                                    "aten::clone"};

bool has_constant_sizes(const ir::TensorType& type) {
  return std::ranges::all_of(type.dims, [](const ir::Dim& dim) { return dim.is_constant(); });
}

}  // namespace

std::map<ValueId, View> find_views(const ir::Graph& graph) {
  std::map<ValueId, View> views;
  const std::set<ValueId> sized_late = sized_by_elements(graph);
  const auto is_fixed = [&](ValueId id) {
    return has_constant_sizes(graph.value(id).type) && !sized_late.contains(id);
  };
  for (const ir::NodeId id : graph.nodes()) {
    const ir::Node& node = graph.node(id);
    if (node.op == nullptr) continue;
    if (!std::ranges::contains(kViews, ir::schema_of(*node.op).full_name())) continue;
    const auto operand = std::get<ValueId>(node.arguments[0]);
    const ValueId result = node.results[0];
    if (graph.value(operand).kind == ir::ValueKind::kConstant || graph.is_output(result)) continue;
    const auto found = views.find(operand);
    const bool is_of_view = found != views.end();
    const ValueId owner = is_of_view ? found->second.owner : operand;
    const bool may_move =
        graph.value(owner).kind == ir::ValueKind::kInput || graph.is_output(owner);
    const bool is_elided = is_fixed(operand) && is_fixed(result) && !may_move &&
                           (!is_of_view || found->second.is_elided);
    views[result] = {.of = operand, .owner = owner, .is_elided = is_elided};
  }
  return views;
}

std::set<ValueId> sized_by_elements(const ir::Graph& graph) {
  std::set<ValueId> values;
  for (const ir::NodeId id : graph.nodes()) {
    const ir::Node& node = graph.node(id);
    const bool is_sized = (node.op != nullptr && node.op->sizes_from_elements) ||
                          std::ranges::any_of(ir::tensor_operands(node), [&](ValueId operand) {
                            return values.contains(operand);
                          });
    if (is_sized) values.insert(node.results.begin(), node.results.end());
  }
  return values;
}

}  // namespace tessera::compiler
