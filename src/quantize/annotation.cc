// SPDX-License-Identifier: MIT
#include "quantize/annotation.h"

#include <algorithm>

#include "xnnpack/quantized_operands.h"

namespace tessera::quantize {

using ir::Graph;
using ir::Node;
using ir::NodeId;
using ir::QuantKind;
using ir::Value;
using ir::ValueId;
using ir::ValueKind;

namespace {

bool is_float(const Graph& graph, ValueId id) { return graph.value(id).type.dtype == DType::kF32; }

bool is_constant(const Graph& graph, ValueId id) {
  return graph.value(id).kind == ValueKind::kConstant;
}

bool has_one_result(const Graph& graph, const Node& node) {
  return std::ranges::all_of(node.results.begin() + 1, node.results.end(), [&](ValueId result) {
    return graph.users(result).empty() && !graph.is_output(result);
  });
}

bool is_taken_by_xnnpack(const Graph& graph, const Node& node) {
  if (node.op->xnnpack.check == nullptr) return false;
  const ir::NodeTypes types(graph, node);
  const auto arguments = types.arguments();
  return !node.op->xnnpack.check({graph, node, arguments, types.results()});
}

bool has_constant_weight(const Graph& graph, const Node& node) {
  const auto weight = *xnnpack::tensor_at(node, node.op->quantize.weight);
  return is_constant(graph, weight) && is_float(graph, weight);
}

}  // namespace

Annotation::Annotation(const Graph& graph, const std::set<NodeId>& floats) : graph_(&graph) {
  for (const NodeId id : graph.nodes()) {
    if (!floats.contains(id) && should_quantize(graph.node(id))) add(id);
  }
  graph_ = nullptr;
}

/// Layers with weights always; what lies between them if its operands are integers anyway.
bool Annotation::should_quantize(const Node& node) const {
  if (node.op == nullptr || node.results.empty() || !is_float(*graph_, node.results[0])) {
    return false;
  }
  const QuantKind kind = node.op->quantize.kind;
  const auto operands = [&] { return xnnpack::activations(node); };
  const auto is_integer = [&](ValueId id) { return made_.contains(id); };
  const auto is_float_tensor = [&](ValueId id) { return is_float(*graph_, id); };
  switch (kind) {
    case QuantKind::kWeighted:
      if (is_constant(*graph_, operands()[0]) || !has_constant_weight(*graph_, node)) return false;
      break;
    case QuantKind::kArithmetic:
      if (std::ranges::none_of(operands(), is_integer)) return false;
      break;
    case QuantKind::kLookup:
    case QuantKind::kClamp:
    case QuantKind::kMove:
      if (!std::ranges::all_of(operands(), is_integer)) return false;
      break;
    default:
      return false;
  }
  if (!std::ranges::all_of(operands(), is_float_tensor)) return false;
  if (!has_one_result(*graph_, node) || !is_taken_by_xnnpack(*graph_, node)) return false;
  if (node.op->quantize.check == nullptr) return true;
  // What depends on scales is seen when the node is lowered; here all are alike.
  const std::vector<float> scales(operands().size(), 1.0f);
  const ir::NodeTypes types(*graph_, node);
  const auto arguments = types.arguments();
  return !node.op->quantize.check({*graph_, node, arguments, types.results()}, scales, 1.0f);
}

void Annotation::add(NodeId id) {
  const Node& node = graph_->node(id);
  const QuantKind kind = node.op->quantize.kind;
  const ValueId result = node.results[0];
  nodes_.push_back(id);
  is_quantized_.insert(id);
  made_.insert(result);
  for (const ValueId operand : xnnpack::activations(node)) {
    const bool is_only_reader = graph_->users(operand).size() == 1 && !graph_->is_output(operand);
    const Value& value = graph_->value(operand);
    const bool is_made_here = made_.contains(operand);
    if (kind == QuantKind::kClamp && is_made_here && is_only_reader &&
        graph_->node(value.producer).op->quantize.kind != QuantKind::kMove) {
      std::erase(values_, operand);  // the node before keeps to the range itself
      continue;
    }
    if (value.kind != ValueKind::kConstant) add_value(operand);
    if (kind == QuantKind::kMove) join(operand, result);
  }
  if (kind == QuantKind::kMove) moved_.insert(result);
  add_value(result);
}

void Annotation::add_value(ValueId value) {
  if (is_value_.insert(value).second) values_.push_back(value);
}

ValueId Annotation::group_of(ValueId value) const {
  const auto parent = parents_.find(value);
  if (parent == parents_.end()) return value;
  return parent->second = group_of(parent->second);
}

void Annotation::join(ValueId a, ValueId b) {
  const ValueId from = group_of(a), to = group_of(b);
  if (from != to) parents_[from] = to;
}

}  // namespace tessera::quantize
