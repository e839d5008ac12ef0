// SPDX-License-Identifier: MIT
#include "quantize/edges.h"

#include <algorithm>

#include "base/try.h"
#include "ops/registry.h"

namespace tessera::quantize {
namespace {

using ir::Dim;
using ir::Graph;
using ir::Node;
using ir::NodeId;
using ir::QuantKind;
using ir::ValueId;

/// Samples of 8-bit images: 0..255 stand for 0..1, as the command line reads images.
constexpr double kPixelScale = 1.0 / 255;

std::int64_t scalar_type(DType dtype) { return dtype == DType::kU8 ? 0 : 1; }

Result<ValueId> call(Graph& graph, std::string_view name, ValueId value,
                     std::optional<NodeId> before) {
  std::vector<ir::Argument> arguments = {value,  kPixelScale, Dim(0),
                                         Dim(0), Dim(255),    Dim(scalar_type(DType::kU8))};
  if (name.ends_with("dequantize_per_tensor")) arguments.emplace_back(std::monostate());
  return graph.add_call(*ops::find_operator(name), std::move(arguments), {}, before);
}

bool is_kind(const Node& node, QuantKind kind) {
  return node.op != nullptr && node.op->quantize.kind == kind;
}

QuantizedEdge edge_of(const Graph& graph, ValueId value, const Node& call) {
  return {.name = graph.value(value).name,
          .dtype = graph.value(value).type.dtype,
          .scale = static_cast<float>(std::get<double>(call.arguments[1])),
          .zero_point = static_cast<std::int32_t>(std::get<Dim>(call.arguments[2]).constant())};
}

/// The integers that the graph would make of the input come from outside.
Result<QuantizedEdge> take_integers(Graph& graph, ValueId input) {
  const auto users = graph.users(input);
  for (const NodeId user : users) {
    if (is_kind(graph.node(user), QuantKind::kQuantize) && users.size() == 1) continue;
    return fail(ErrorCode::kNotSupported, "input '{}' cannot be int8: {} reads it as f32",
                graph.value(input).name, ir::describe(graph, graph.node(user)));
  }
  if (users.empty()) {
    return fail(ErrorCode::kNotSupported, "input '{}' cannot be int8: nobody reads it",
                graph.value(input).name);
  }
  const Node quantize = graph.node(users[0]);
  graph.value(input).type.dtype = DType::kI8;
  graph.replace_all_uses(quantize.results[0], input);
  graph.erase_node(users[0]);
  return edge_of(graph, input, quantize);
}

Result<QuantizedEdge> take_pixels(Graph& graph, ValueId input) {
  const std::vector<NodeId> nodes = graph.nodes();
  const std::vector<NodeId> users = graph.users(input);
  graph.value(input).type.dtype = DType::kU8;
  const ValueId real = TRY(call(graph, "quantized_decomposed::dequantize_per_tensor", input,
                                nodes.empty() ? std::nullopt : std::optional(nodes.front())));
  graph.replace_all_uses(input, real);
  Node& dequantize = graph.node(graph.value(real).producer);
  dequantize.arguments[0] = input;
  return edge_of(graph, input, dequantize);
}

/// The output's integers, if it is what is left of some.
Result<QuantizedEdge> give_integers(Graph& graph, ValueId& output) {
  const ir::Value& value = graph.value(output);
  if (value.kind != ir::ValueKind::kResult ||
      !is_kind(graph.node(value.producer), QuantKind::kDequantize)) {
    return fail(ErrorCode::kNotSupported, "output '{}' cannot be int8: it is computed in f32",
                value.name);
  }
  const Node& dequantize = graph.node(value.producer);
  output = std::get<ValueId>(dequantize.arguments[0]);
  return edge_of(graph, output, dequantize);
}

Result<QuantizedEdge> give_pixels(Graph& graph, ValueId& output) {
  output = TRY(call(graph, "quantized_decomposed::quantize_per_tensor", output, std::nullopt));
  return edge_of(graph, output, graph.node(graph.value(output).producer));
}

}  // namespace

Result<void> quantize_edges(Graph& graph, const QuantizeOptions& options,
                            QuantizationReport& report) {
  const auto is_f32 = [&](ValueId id) { return graph.value(id).type.dtype == DType::kF32; };
  if (options.input_type) {
    for (const ValueId input : graph.inputs()) {
      if (!is_f32(input)) continue;
      report.inputs.push_back(*options.input_type == DType::kU8 ? TRY(take_pixels(graph, input))
                                                                : TRY(take_integers(graph, input)));
    }
  }
  if (options.output_type) {
    std::vector<ValueId> outputs = graph.outputs();
    for (ValueId& output : outputs) {
      if (!is_f32(output)) continue;
      report.outputs.push_back(*options.output_type == DType::kU8
                                   ? TRY(give_pixels(graph, output))
                                   : TRY(give_integers(graph, output)));
    }
    graph.set_outputs(std::move(outputs));
  }
  graph.erase_dead();
  return {};
}

}  // namespace tessera::quantize
