// SPDX-License-Identifier: MIT
#include "quantize/round_biases.h"

#include <cmath>

#include "base/try.h"
#include "quantize/annotation.h"
#include "xnnpack/quantized_operands.h"

namespace tessera::quantize {

using ir::Graph;
using ir::Node;
using ir::NodeId;
using ir::ValueId;

Result<void> round_biases(Graph& graph) {
  for (const NodeId id : graph.nodes()) {
    const Node& node = graph.node(id);
    if (!xnnpack::is_weighted(node)) continue;
    const ValueId* bias = xnnpack::tensor_at(node, node.op->quantize.bias);
    const ir::Value& input = graph.value(xnnpack::activations(node)[0]);
    const auto weight =
        xnnpack::constant_scales(graph, *xnnpack::tensor_at(node, node.op->quantize.weight));
    if (bias == nullptr || !weight || input.kind != ir::ValueKind::kResult) continue;
    const Node& dequantize = graph.node(input.producer);
    const ir::Value& value = graph.value(*bias);
    if (xnnpack::kind_of(dequantize) != ir::QuantKind::kDequantize ||
        value.kind != ir::ValueKind::kConstant || value.type.dtype != DType::kF32) {
      continue;
    }
    const float input_scale = xnnpack::quant_of_call(dequantize).scale;
    Tensor rounded = TRY(Tensor::empty(DType::kF32, value.data.shape()));
    for (std::int64_t i = 0; i < rounded.num_elements(); ++i) {
      const auto channel = static_cast<std::size_t>(weight->axis ? i : 0);
      const auto unit = static_cast<double>(input_scale * weight->scales[channel]);
      const auto element = static_cast<double>(value.data.data<float>()[i]);
      rounded.data<float>()[i] = static_cast<float>(std::nearbyint(element / unit) * unit);
    }
    const std::string name = value.name, qualified_name = value.fully_qualified_name;
    const auto position = static_cast<std::size_t>(node.op->quantize.bias);
    graph.node(id).arguments[position] =
        graph.add_constant(name, std::move(rounded), qualified_name);
  }
  graph.erase_dead();
  return {};
}

}  // namespace tessera::quantize
