// SPDX-License-Identifier: MIT
#include "quantize/insert.h"

#include <algorithm>

#include "base/check.h"
#include "base/try.h"
#include "ops/registry.h"
#include "quantize/affine_params.h"
#include "quantize/weight_constants.h"
#include "xnnpack/quantized_operands.h"

namespace tessera::quantize {

using ir::Argument;
using ir::Dim;
using ir::Graph;
using ir::Node;
using ir::NodeId;
using ir::ValueId;

namespace {

constexpr std::int64_t kInt8 = 1;  ///< at::ScalarType::Char, in calls
constexpr std::int64_t kMin = -128, kMax = 127;

const ir::Operator& op(std::string_view name) {
  const ir::Operator* found = ops::find_operator(name);
  CHECK(found != nullptr, "{}", name);
  return *found;
}

class Inserter {
 public:
  Inserter(Graph& graph, const Annotation& annotation, const Ranges& ranges,
           const WeightOptions& options)
      : graph_(graph), annotation_(annotation), options_(options) {
    std::map<ValueId, RangeObserver> groups;
    for (const auto& [value, range] : ranges) {
      if (!std::ranges::contains(annotation.values(), value) || annotation.is_moved(value))
        continue;
      const auto [group, is_new] = groups.emplace(annotation.group_of(value), range);
      if (!is_new) group->second.merge(range);
    }
    for (const auto& [group, range] : groups) params_[group] = affine_params(range.range());
  }

  Result<void> run() {
    const std::vector<NodeId> nodes = graph_.nodes();
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      if (i + 1 < nodes.size()) next_[nodes[i]] = nodes[i + 1];
    }
    first_ = nodes.front();
    for (const NodeId id : annotation_.nodes()) TRY(quantize_constants(id));
    for (const ValueId value : annotation_.values()) TRY(quantize_value(value));
    return {};
  }

 private:
  std::optional<NodeId> behind(ValueId value) const {
    const ir::Value& record = graph_.value(value);
    if (record.kind != ir::ValueKind::kResult) return first_;
    const auto next = next_.find(record.producer);
    return next == next_.end() ? std::nullopt : std::optional(next->second);
  }

  /// All who read a value that is made in integers read what is left of it; of others only those
  /// who compute on integers.
  Result<void> quantize_value(ValueId value) {
    const ir::Value& record = graph_.value(value);
    const AffineParams params = params_.at(annotation_.group_of(value));
    const bool is_made =
        record.kind == ir::ValueKind::kResult && annotation_.is_quantized(record.producer);
    const auto place = behind(value);
    std::vector<NodeId> readers;
    for (const NodeId user : graph_.users(value)) {
      if (is_made || annotation_.is_quantized(user)) readers.push_back(user);
    }
    const ir::Origin origin =
        record.kind == ir::ValueKind::kResult ? graph_.node(record.producer).origin : ir::Origin{};
    const auto arguments = [&](ValueId operand) -> std::vector<Argument> {
      return {operand,
              static_cast<double>(params.scale),
              Dim(params.zero_point),
              Dim(kMin),
              Dim(kMax),
              Dim(kInt8)};
    };
    const ValueId integers = TRY(graph_.add_call(op("quantized_decomposed::quantize_per_tensor"),
                                                 arguments(value), origin, place));
    std::vector<Argument> back = arguments(integers);
    back.emplace_back(std::monostate());
    const ValueId real = TRY(graph_.add_call(op("quantized_decomposed::dequantize_per_tensor"),
                                             std::move(back), origin, place));
    for (const NodeId reader : readers) ir::replace_operand(graph_.node(reader), value, real);
    if (is_made && graph_.is_output(value)) {
      std::vector<ValueId> outputs = graph_.outputs();
      std::ranges::replace(outputs, value, real);
      graph_.set_outputs(std::move(outputs));
    }
    return {};
  }

  /// Weights, and other operands that are constants.
  Result<void> quantize_constants(NodeId id) {
    const Node& node = graph_.node(id);
    if (xnnpack::is_weighted(node)) {
      ir::Argument& weight =
          graph_.node(id).arguments[static_cast<std::size_t>(node.op->quantize.weight)];
      const ScaleAxis axis =
          options_.per_channel ? ScaleAxis(xnnpack::weight_axis(node)) : std::nullopt;
      weight = TRY(integer_weight(graph_, std::get<ValueId>(weight), axis, id));
      return {};
    }
    for (const ValueId operand : xnnpack::activations(node)) {
      if (graph_.value(operand).kind != ir::ValueKind::kConstant) continue;
      const ValueId real = TRY(integer_constant(graph_, operand, id));
      ir::replace_operand(graph_.node(id), operand, real);
    }
    return {};
  }

  Graph& graph_;
  const Annotation& annotation_;
  const WeightOptions options_;
  std::map<ValueId, AffineParams> params_;  ///< by group
  std::map<NodeId, NodeId> next_;
  NodeId first_;
};

}  // namespace

Result<Graph> insert_quantization(Graph graph, const Annotation& annotation, const Ranges& ranges,
                                  const WeightOptions& options) {
  if (annotation.nodes().empty()) return graph;
  TRY(Inserter(graph, annotation, ranges, options).run());
  graph.erase_dead();
  return graph;
}

const ir::Node* quantize_call(const Graph& quantized, ValueId value) {
  for (const NodeId user : quantized.users(value)) {
    const Node& node = quantized.node(user);
    if (node.op != nullptr && node.op->quantize.kind == ir::QuantKind::kQuantize) return &node;
  }
  return nullptr;
}

}  // namespace tessera::quantize
