// SPDX-License-Identifier: MIT
#include "xnnpack/int8_plan.h"

#include <algorithm>

#include "xnnpack/quantized_operands.h"

namespace tessera::xnnpack {
namespace {

using ir::Graph;
using ir::Node;
using ir::NodeId;
using ir::QuantKind;
using ir::QuantRule;
using ir::ValueId;
using ir::ValueKind;
using Reason = std::optional<std::string>;

// XNNPACK's bounds: of a convolution's sums, and of a conversion between integers.
constexpr float kMaxSumScale = 256.0f;
constexpr float kMinConversion = 0x1p-8f, kMaxConversion = 0x1p7f;

bool is_same(const PerTensorQuant& a, const PerTensorQuant& b) {
  return a.scale == b.scale && a.zero_point == b.zero_point;
}

}  // namespace

Int8Plan::Int8Plan(const Graph& graph) : graph_(graph) {
  const std::vector<NodeId> nodes = graph.nodes();
  find_quantized();
  find_targets(nodes);
  for (const NodeId id : nodes) {
    const Node& node = graph.node(id);
    if (!has_int8_form(kind_of(node))) continue;
    reasons_[&node] = reason(node);
    const auto follows = follows_.find(node.results[0]);
    if (!reasons_[&node] && follows != follows_.end()) {
      quant_[node.results[0]] = quant_.at(holder(follows->second));
    }
  }
}

/// Integers of the graph and what is dequantized of them.
void Int8Plan::find_quantized() {
  for (const NodeId id : graph_.nodes()) {
    const Node& node = graph_.node(id);
    if (kind_of(node) == QuantKind::kQuantize) {
      const DType dtype = graph_.value(node.results[0]).type.dtype;
      if (dtype == DType::kI8 || dtype == DType::kU8) {
        quant_[node.results[0]] = quant_of_call(node);
      }
    } else if (kind_of(node) == QuantKind::kDequantize) {
      const ValueId source = *tensor_at(node, 0);
      const DType dtype = graph_.value(source).type.dtype;
      if (dtype != DType::kI8 && dtype != DType::kU8) continue;
      sources_[node.results[0]] = source;
      quant_.emplace(source, quant_of_call(node));
    }
  }
}

/// Results that are quantized at once, or after a clamp that nobody else sees.
void Int8Plan::find_targets(const std::vector<NodeId>& nodes) {
  for (auto id = nodes.rbegin(); id != nodes.rend(); ++id) {
    const Node& node = graph_.node(*id);
    if (!has_int8_form(kind_of(node))) continue;
    const ValueId result = node.results[0];
    const std::vector<NodeId> users = graph_.users(result);
    if (users.size() != 1 || graph_.is_output(result)) continue;
    const Node& user = graph_.node(users[0]);
    const ValueId next = user.results[0];
    if (kind_of(user) == QuantKind::kQuantize && graph_.value(next).type.dtype == DType::kI8) {
      targets_[result] = next;
    } else if (kind_of(user) == QuantKind::kClamp && follows_.contains(next)) {
      follows_[result] = follows_.at(next);
    } else if (kind_of(user) == QuantKind::kClamp && targets_.contains(next)) {
      follows_[result] = next;
    }
  }
}

std::optional<PerTensorQuant> Int8Plan::operand_quant(ValueId value) const {
  const auto source = sources_.find(value);
  if (source != sources_.end() && graph_.value(source->second).type.dtype == DType::kI8) {
    return quant_.at(source->second);
  }
  const auto quant = quant_.find(value);  // of what a clamp follows
  return quant == quant_.end() ? std::nullopt : std::optional(quant->second);
}

Reason Int8Plan::check_weight(const Node& node, float input_scale, float output_scale) const {
  const QuantRule& rule = node.op->quantize;
  const auto weight = constant_scales(graph_, *tensor_at(node, rule.weight));
  if (!weight || weight->zero_point != 0) return "the weight is not symmetric int8";
  const std::size_t axis = weight_axis(node);
  if (weight->axis && *weight->axis != axis) {
    return std::format("the weight has scales along axis {}, not {}", *weight->axis, axis);
  }
  const float largest = *std::ranges::max_element(weight->scales);
  if (input_scale * largest / output_scale >= kMaxSumScale) {
    return std::format("scale {} of the sums is too far from the result's {}",
                       input_scale * largest, output_scale);
  }
  const ValueId* bias = tensor_at(node, rule.bias);
  if (bias != nullptr && graph_.value(*bias).kind != ValueKind::kConstant) {
    return "the bias is no constant";
  }
  return std::nullopt;
}

Reason Int8Plan::reason(const Node& node) const {
  const QuantRule& rule = node.op->quantize;
  const ValueId result = node.results[0];
  for (std::size_t i = 1; i < node.results.size(); ++i) {
    if (graph_.is_output(node.results[i]) || !graph_.users(node.results[i]).empty()) {
      return std::format("result {} is used", i);
    }
  }
  const auto follows = follows_.find(result);
  const auto target = targets_.find(follows == follows_.end() ? result : follows->second);
  if (target == targets_.end()) return "the result is not quantized";
  const PerTensorQuant output = quant_.at(target->second);
  std::vector<float> scales;
  for (const ValueId operand : activations(node)) {
    const auto quant = operand_quant(operand);
    if (!quant) return std::format("operand '{}' is not int8", graph_.value(operand).name);
    scales.push_back(quant->scale);
    const float ratio = quant->scale / output.scale;
    const bool is_converted = rule.kind == QuantKind::kMove && !is_same(*quant, output);
    if (is_converted && (ratio < kMinConversion || ratio > kMaxConversion)) {
      return std::format("scale {} is too far from the result's {}", quant->scale, output.scale);
    }
  }
  if (rule.kind == QuantKind::kWeighted) {
    if (Reason reason = check_weight(node, scales[0], output.scale)) return reason;
  }
  if (rule.check == nullptr) return std::nullopt;
  const ir::NodeTypes types(graph_, node);
  const auto arguments = types.arguments();
  return rule.check({graph_, node, arguments, types.results()}, scales, output.scale);
}

bool Int8Plan::runs_in_int8(const Node& node) const {
  const auto reason = reasons_.find(&node);
  return reason != reasons_.end() && !reason->second;
}

Reason Int8Plan::why_not(const Node& node) const {
  const auto reason = reasons_.find(&node);
  return reason == reasons_.end() ? "it computes in floating point only" : reason->second;
}

ValueId Int8Plan::holder(ValueId value) const {
  if (const auto source = sources_.find(value); source != sources_.end()) return source->second;
  const auto target = targets_.find(value);
  return target == targets_.end() ? value : target->second;
}

const PerTensorQuant* Int8Plan::quant_of(ValueId value) const {
  const auto quant = quant_.find(value);
  return quant == quant_.end() ? nullptr : &quant->second;
}

}  // namespace tessera::xnnpack
