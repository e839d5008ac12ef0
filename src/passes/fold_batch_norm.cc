// SPDX-License-Identifier: MIT
#include <optional>

#include "base/try.h"
#include "passes/affine_layer.h"
#include "passes/passes.h"

namespace tessera::passes {
namespace {

using ir::Argument;
using ir::Graph;
using ir::Node;
using ir::ValueId;
using Affine = ops::ChannelAffine;

enum BatchNormArgument : std::size_t { kInput, kWeight, kBias, kMean, kVariance, kMomentum, kEps };

std::optional<Affine> affine_of(const Graph& graph, const Node& batch_norm) {
  for (const BatchNormArgument position : {kWeight, kBias, kMean, kVariance}) {
    const Argument& argument = batch_norm.arguments[position];
    const bool may_be_absent = position == kWeight || position == kBias;
    if (!(may_be_absent && is_none(argument)) && !is_real_constant(graph, argument)) {
      return std::nullopt;
    }
  }
  const auto parameter = [&](BatchNormArgument position) -> const Tensor* {
    const Argument& argument = batch_norm.arguments[position];
    return is_none(argument) ? nullptr : &graph.value(std::get<ValueId>(argument)).data;
  };
  const Argument& eps = batch_norm.arguments[kEps];
  const double epsilon = std::holds_alternative<double>(eps)
                             ? std::get<double>(eps)
                             : static_cast<double>(std::get<ir::Dim>(eps).constant());
  return ops::channel_affine(parameter(kWeight), parameter(kBias), *parameter(kMean),
                             *parameter(kVariance), epsilon);
}

bool is_unused(const Graph& graph, ValueId id) {
  return graph.users(id).empty() && !graph.is_output(id);
}

Result<void> fold(Graph& graph, ir::NodeId id) {
  const Node& batch_norm = graph.node(id);
  const ir::Value& input = graph.value(std::get<ValueId>(batch_norm.arguments[kInput]));
  if (input.kind != ir::ValueKind::kResult) return {};
  const ir::NodeId producer = input.producer;
  const auto layer = match_layer(graph, graph.node(producer));
  const auto affine = affine_of(graph, batch_norm);
  const ValueId layer_result = graph.node(producer).results[0];
  if (!layer || !affine || affine->scale.size() != layer->num_channels ||
      graph.users(layer_result).size() != 1 || graph.is_output(layer_result) ||
      !is_unused(graph, batch_norm.results[1]) || !is_unused(graph, batch_norm.results[2])) {
    return {};
  }
  const Argument& shift =
      batch_norm.arguments[is_none(batch_norm.arguments[kBias]) ? kMean : kBias];
  const ValueId folded =
      TRY(add_folded_layer(graph, producer, *layer, *affine, std::get<ValueId>(shift)));
  const std::string name = graph.value(layer_result).name;
  graph.replace_all_uses(batch_norm.results[0], folded);
  graph.erase_node(id);
  graph.erase_node(producer);
  graph.value(folded).name = name;
  return {};
}

}  // namespace

Result<void> fold_batch_norm(Graph& graph) {
  for (const ir::NodeId id : graph.nodes()) {
    if (!graph.is_alive(id)) continue;
    if (is_call(graph.node(id), "aten::_native_batch_norm_legit_no_training")) {
      TRY(fold(graph, id));
    }
  }
  return {};
}

}  // namespace tessera::passes
