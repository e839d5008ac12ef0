// SPDX-License-Identifier: MIT
#include "compile/partition.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/check.h"
#include "base/try.h"
#include "ops/arithmetic.h"
#include "xnnpack/builder.h"
#include "xnnpack/delegate.h"
#include "xnnpack/quantized_operands.h"

namespace tessera::compiler {
namespace {

using ir::Graph;
using ir::Node;
using ir::NodeId;
using ir::ValueId;
using ir::ValueKind;

std::optional<std::string> why_not_delegated(const Graph& graph, const Node& node) {
  if (node.op->xnnpack.check == nullptr) return "XNNPACK has no such operator";
  const bool is_dynamic = std::ranges::any_of(ir::tensor_operands(node), [&](ValueId operand) {
    const ir::Value& value = graph.value(operand);
    return value.kind == ValueKind::kResult &&
           xnnpack::kind_of(graph.node(value.producer)) == ir::QuantKind::kDequantizeDynamic;
  });
  if (is_dynamic && !xnnpack::is_dynamic_linear(graph, node)) {
    return "XNNPACK quantizes by the range in each run for linear layers with integer weights only";
  }
  const ir::NodeTypes types(graph, node);
  return node.op->xnnpack.check(
      {.graph = graph, .node = node, .arguments = types.arguments(), .results = types.results()});
}

/// The nodes whose results a node reads, also through calls that are copied to it.
std::vector<NodeId> makers(const Graph& graph, const Node& node) {
  std::vector<NodeId> result;
  for (const ValueId operand : ir::tensor_operands(node)) {
    const ir::Value& value = graph.value(operand);
    if (value.kind != ValueKind::kResult) continue;
    const Node& maker = graph.node(value.producer);
    if (xnnpack::is_part_of_readers(graph, maker)) {
      const std::vector<NodeId> further = makers(graph, maker);
      result.insert(result.end(), further.begin(), further.end());
    } else {
      result.push_back(value.producer);
    }
  }
  return result;
}

/// Levels along the graph, odd for delegated nodes and even for the others. A path that leaves a
/// delegate comes to a higher level and never returns, so all delegated nodes of one level can be
/// one call, and no grouping has fewer of them along any path.
std::map<NodeId, int> assign_levels(const Graph& graph, const std::vector<NodeId>& nodes,
                                    const std::vector<Placement>& placements) {
  std::map<NodeId, int> levels;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    int level = 0;
    for (const NodeId maker : makers(graph, graph.node(nodes[i]))) {
      level = std::max(level, levels.at(maker));
    }
    const bool is_delegated = !placements[i].reason.has_value();
    if ((level % 2 == 1) != is_delegated) ++level;
    levels[nodes[i]] = level;
  }
  return levels;
}

/// Copies nodes from one graph to another; values that the target does not know yet become
/// constants or inputs there.
class Copier {
 public:
  Copier(const Graph& from, Graph& to) : from_(from), to_(to) { to.symbols = from.symbols; }

  /// Calls that only make operands are copied to wherever somebody reads them.
  ValueId map(ValueId id) {
    const auto known = ids_.find(id);
    if (known != ids_.end()) return known->second;
    const ir::Value& value = from_.value(id);
    if (value.kind == ValueKind::kResult &&
        xnnpack::is_part_of_readers(from_, from_.node(value.producer))) {
      CHECK(copy_node(value.producer).has_value(), "'{}' has been valid before", value.name);
      return ids_.at(id);
    }
    if (value.kind != ValueKind::kConstant) outside_.push_back(id);
    const ValueId copy = value.kind == ValueKind::kConstant
                             ? to_.add_constant(value.name, value.data, value.fully_qualified_name)
                             : to_.add_input(value.name, value.type);
    ids_[id] = copy;
    return copy;
  }

  Result<void> copy_node(NodeId id) {
    const Node& node = from_.node(id);
    std::vector<ir::Argument> arguments = node.arguments;
    for (ir::Argument& argument : arguments) {
      if (auto* one = std::get_if<ValueId>(&argument)) *one = map(*one);
      if (auto* list = std::get_if<std::vector<ValueId>>(&argument)) {
        for (ValueId& element : *list) {
          if (element != ir::kNoTensor) element = map(element);
        }
      }
    }
    const NodeId copy = TRY(to_.add_node(*node.op, std::move(arguments), node.origin));
    set_results(node.results, to_.node(copy).results);
    return {};
  }

  void set_results(const std::vector<ValueId>& results, const std::vector<ValueId>& copies) {
    for (std::size_t i = 0; i < results.size(); ++i) {
      ids_[results[i]] = copies[i];
      to_.value(copies[i]).type = from_.value(results[i]).type;
    }
  }

  /// Values of the source that became inputs of the target, in that order.
  const std::vector<ValueId>& outside() const { return outside_; }

 private:
  const Graph& from_;
  Graph& to_;
  std::map<ValueId, ValueId> ids_;
  std::vector<ValueId> outside_;
};

struct Extracted {
  std::shared_ptr<ir::Delegate> delegate;
  std::vector<ValueId> arguments;  ///< in the source graph
  std::vector<ValueId> results;    ///< in the source graph
};

Result<Extracted> extract(const Graph& graph, const std::vector<NodeId>& nodes) {
  Extracted extracted{.delegate = std::make_shared<ir::Delegate>()};
  extracted.delegate->backend_id = xnnpack::kBackendId;
  Graph& body = extracted.delegate->body;
  body.name = "delegate";
  Copier copier(graph, body);
  for (const NodeId id : nodes) TRY(copier.copy_node(id));
  const std::set<NodeId> inside(nodes.begin(), nodes.end());
  std::vector<ValueId> outputs;
  for (const NodeId id : nodes) {
    for (const ValueId result : graph.node(id).results) {
      const auto users = graph.users(result);
      const bool is_read_outside =
          std::ranges::any_of(users, [&](NodeId user) { return !inside.contains(user); });
      if (!is_read_outside && !graph.is_output(result)) continue;
      extracted.results.push_back(result);
      outputs.push_back(copier.map(result));
    }
  }
  body.set_outputs(std::move(outputs));
  extracted.arguments = copier.outside();
  return extracted;
}

Result<void> add_call(const Graph& graph, const std::vector<NodeId>& nodes, Graph& target,
                      Copier& copier) {
  Extracted extracted = TRY(extract(graph, nodes));
  std::vector<ValueId> arguments;
  for (const ValueId id : extracted.arguments) arguments.push_back(copier.map(id));
  std::vector<ir::TensorType> types;
  for (const ValueId id : extracted.results) types.push_back(graph.value(id).type);
  const NodeId call =
      target.add_delegate_call(std::move(extracted.delegate), std::move(arguments), types);
  copier.set_results(extracted.results, target.node(call).results);
  return {};
}

}  // namespace

Result<std::vector<Placement>> partition(Graph& graph) {
  std::vector<NodeId> nodes = graph.nodes();
  std::erase_if(nodes,
                [&](NodeId id) { return xnnpack::is_part_of_readers(graph, graph.node(id)); });
  std::vector<Placement> placements;
  for (const NodeId id : nodes) {
    const Node& node = graph.node(id);
    placements.push_back({.node = ir::describe(graph, node),
                          .reason = why_not_delegated(graph, node),
                          .arithmetic = ops::arithmetic_of(graph, node)});
  }
  const std::map<NodeId, int> levels = assign_levels(graph, nodes, placements);
  std::map<int, std::vector<NodeId>> by_level;
  for (const NodeId id : nodes) by_level[levels.at(id)].push_back(id);

  Graph result;
  result.name = graph.name;
  Copier copier(graph, result);
  for (const ValueId input : graph.inputs()) copier.map(input);
  for (const auto& [level, members] : by_level) {
    if (level % 2 == 1) {
      TRY(add_call(graph, members, result, copier));
    } else {
      for (const NodeId id : members) TRY(copier.copy_node(id));
    }
  }
  std::vector<ValueId> outputs;
  for (const ValueId id : graph.outputs()) outputs.push_back(copier.map(id));
  result.set_outputs(std::move(outputs));
  graph = std::move(result);
  return placements;
}

Result<void> lower_partitions(Graph& graph) {
  for (const NodeId id : graph.nodes()) {
    ir::Delegate* delegate = graph.node(id).delegate.get();
    if (delegate == nullptr) continue;
    xnnpack::Lowered lowered = TRY(xnnpack::lower(delegate->body));
    delegate->blob = std::move(lowered.blob);
    delegate->named_data = std::move(lowered.named_data);
  }
  return {};
}

void release_lowered_constants(Graph& graph) {
  for (const NodeId id : graph.nodes()) {
    ir::Delegate* delegate = graph.node(id).delegate.get();
    if (delegate == nullptr) continue;
    for (const ValueId value : delegate->body.values()) delegate->body.value(value).data = Tensor();
  }
}

}  // namespace tessera::compiler
