// SPDX-License-Identifier: MIT
#include "base/try.h"
#include "ops/registry.h"
#include "passes/affine_layer.h"
#include "passes/match_calls.h"
#include "passes/passes.h"

namespace tessera::passes {
namespace {

using ir::Graph;
using ir::Node;
using ir::ValueId;

// x of relu6(x + 3) / 6
std::optional<ValueId> match(const Graph& graph, ValueId id) {
  const auto gate = factor(graph, id, 1.0 / 6);
  return gate ? relu6_of_x_plus_3(graph, *gate) : std::nullopt;
}

Result<void> fold(Graph& graph, ValueId result, ValueId x) {
  const ir::Value& input = graph.value(x);
  if (input.kind != ir::ValueKind::kResult || graph.is_output(x) || graph.users(x).size() != 1) {
    return {};
  }
  const ir::NodeId producer = input.producer;
  const auto layer = match_layer(graph, graph.node(producer));
  if (!layer) return {};
  const ops::ChannelAffine affine{.scale = std::vector<double>(layer->num_channels, 1.0 / 6),
                                  .shift = std::vector<double>(layer->num_channels, 0.5)};
  const auto weight = std::get<ValueId>(layer->node.arguments[layer->weight]);
  const ir::Origin origin = layer->node.origin;
  const ValueId scaled = TRY(add_folded_layer(graph, producer, *layer, affine, weight));
  const ValueId clamped = TRY(
      graph.add_call(*ops::find_operator("aten::hardtanh"), {scaled, 0.0, 1.0}, origin, producer));
  if (graph.value(clamped).type == graph.value(result).type) {
    graph.replace_all_uses(result, clamped);
  }
  return {};
}

}  // namespace

Result<void> fold_hard_sigmoid(Graph& graph) {
  for (const ir::NodeId id : graph.nodes()) {
    const Node& node = graph.node(id);
    if (node.op == nullptr || node.results.size() != 1) continue;
    if (const auto x = match(graph, node.results[0])) TRY(fold(graph, node.results[0], *x));
  }
  graph.erase_dead();
  return {};
}

}  // namespace tessera::passes
