// SPDX-License-Identifier: MIT
#include <optional>

#include "base/try.h"
#include "passes/passes.h"

namespace tessera::passes {
namespace {

using ir::Dim;
using ir::Dims;
using ir::Graph;
using ir::Node;
using ir::ValueId;

bool is_call(const Node& node, std::string_view name) {
  return node.op != nullptr && ir::schema_of(*node.op).full_name() == name;
}

bool is_zero(const ir::Argument& argument) {
  if (const auto* real = std::get_if<double>(&argument)) return *real == 0;
  return argument == ir::Argument(Dim(0));
}

// Zeros around the spatial dimensions, as many in front as behind: how many, first dimension first.
std::optional<Dims> even_padding(const Node& pad, std::size_t num_spatial) {
  const Dims& pads = std::get<Dims>(pad.arguments[1]);  // from the last dimension on
  if (!is_zero(pad.arguments[2]) || pads.size() > 2 * num_spatial) return std::nullopt;
  Dims padding(num_spatial, Dim(0));
  for (std::size_t i = 0; 2 * i + 1 < pads.size(); ++i) {
    const Dim &before = pads[2 * i], &after = pads[2 * i + 1];
    if (before != after || !before.is_constant() || before.constant() < 0) return std::nullopt;
    padding[num_spatial - 1 - i] = before;
  }
  return padding;
}

}  // namespace

Result<void> fold_padding(Graph& graph) {
  for (const ir::NodeId id : graph.nodes()) {
    const Node& convolution = graph.node(id);
    if (!is_call(convolution, "aten::convolution") || std::get<bool>(convolution.arguments[6])) {
      continue;
    }
    const ir::Value& input = graph.value(std::get<ValueId>(convolution.arguments[0]));
    if (input.kind != ir::ValueKind::kResult) continue;
    const Node& pad = graph.node(input.producer);
    if (!is_call(pad, "aten::constant_pad_nd")) continue;
    const std::size_t num_spatial = input.type.rank() - 2;
    const auto more = even_padding(pad, num_spatial);
    if (!more) continue;
    const Dims& own = std::get<Dims>(convolution.arguments[4]);
    Dims padding;
    for (std::size_t i = 0; i < num_spatial; ++i) {
      padding.push_back(own[own.size() == 1 ? 0 : i] + (*more)[i]);
    }
    std::vector<ir::Argument> arguments = convolution.arguments;
    arguments[0] = pad.arguments[0];
    arguments[4] = std::move(padding);
    const ValueId old = convolution.results[0];
    const std::string name = graph.value(old).name;
    const ValueId made =
        TRY(graph.add_call(*convolution.op, std::move(arguments), convolution.origin, id));
    graph.replace_all_uses(old, made);
    graph.erase_node(id);
    graph.value(made).name = name;
  }
  graph.erase_dead();
  return {};
}

}  // namespace tessera::passes
