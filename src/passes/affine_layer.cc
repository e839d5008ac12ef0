// SPDX-License-Identifier: MIT
#include "passes/affine_layer.h"

#include "base/try.h"
#include "ops/registry.h"

namespace tessera::passes {

using ir::Argument;
using ir::Graph;
using ir::Node;
using ir::ValueId;
using ops::to_doubles;
using Affine = ops::ChannelAffine;

bool is_call(const Node& node, std::string_view name) {
  return node.op != nullptr && ir::schema_of(*node.op).full_name() == name;
}

bool is_none(const Argument& argument) { return std::holds_alternative<std::monostate>(argument); }

bool is_real_constant(const Graph& graph, const Argument& argument) {
  const auto* id = std::get_if<ValueId>(&argument);
  if (id == nullptr) return false;
  const ir::Value& value = graph.value(*id);
  return value.kind == ir::ValueKind::kConstant &&
         (value.type.dtype == DType::kF32 || value.type.dtype == DType::kF64);
}

namespace {

bool is_one(const Argument& argument) {
  if (const auto* real = std::get_if<double>(&argument)) return *real == 1;
  return argument == Argument(ir::Dim(1));
}

// The tensor with each element computed from its position and what it was.
template <class Function>
Result<Tensor> mapped(const Tensor& tensor, const Function& function) {
  Tensor result = TRY(Tensor::empty(tensor.dtype(), tensor.shape()));
  const auto run = [&]<class T>(T*) {
    const auto from = tensor.elements<T>();
    for (std::size_t i = 0; i < from.size(); ++i) {
      result.template data<T>()[i] = static_cast<T>(function(i, static_cast<double>(from[i])));
    }
  };
  tensor.dtype() == DType::kF64 ? run(static_cast<double*>(nullptr))
                                : run(static_cast<float*>(nullptr));
  return result;
}

Result<Tensor> from_doubles(const std::vector<double>& elements, DType dtype, const Shape& shape) {
  Tensor tensor = TRY(Tensor::empty(dtype, shape));
  for (std::size_t i = 0; i < elements.size(); ++i) {
    if (dtype == DType::kF64) {
      tensor.data<double>()[i] = elements[i];
    } else {
      tensor.data<float>()[i] = static_cast<float>(elements[i]);
    }
  }
  return tensor;
}

// The weight is [output, input / groups, ...]; a transposed one is another matter.
Layer convolution_layer(const Graph& graph, const Node& node) {
  const Shape& weight = graph.value(std::get<ValueId>(node.arguments[1])).data.shape();
  Layer layer{.node = node, .weight = 1, .bias = 2};
  layer.num_channels = static_cast<std::size_t>(weight[0]);
  for (std::size_t dim = 1; dim < weight.rank(); ++dim) {
    layer.elements_per_row *= static_cast<std::size_t>(weight[dim]);
  }
  return layer;
}

// The weight is [output, input].
Layer linear_layer(const Graph& graph, const Node& node) {
  const Tensor& weight = graph.value(std::get<ValueId>(node.arguments[1])).data;
  return {.node = node,
          .weight = 1,
          .bias = 2,
          .num_channels = static_cast<std::size_t>(weight.size(0)),
          .elements_per_row = static_cast<std::size_t>(weight.size(1))};
}

// The weight is [input, output].
Layer matrix_layer(const Graph& graph, const Node& node, std::size_t weight,
                   std::optional<std::size_t> bias) {
  const Tensor& matrix = graph.value(std::get<ValueId>(node.arguments[weight])).data;
  return {.node = node,
          .weight = weight,
          .bias = bias,
          .num_channels = static_cast<std::size_t>(matrix.size(1))};
}

ValueId add_folded(Graph& graph, ValueId original, Tensor data) {
  const ir::Value& value = graph.value(original);
  return graph.add_constant(value.name, std::move(data), value.fully_qualified_name + ".folded");
}

Result<ValueId> fold_weight(Graph& graph, const Layer& layer, const Affine& affine) {
  const auto id = std::get<ValueId>(layer.node.arguments[layer.weight]);
  const Tensor& weight = graph.value(id).data;
  Tensor folded = TRY(mapped(weight, [&](std::size_t i, double element) {
    return element * affine.scale[layer.channel_of(i)];
  }));
  return add_folded(graph, id, std::move(folded));
}

Result<ValueId> fold_bias(Graph& graph, const Layer& layer, ValueId named_like,
                          const Affine& affine) {
  const bool has_bias = layer.bias && !is_none(layer.node.arguments[*layer.bias]);
  const auto id = has_bias ? std::get<ValueId>(layer.node.arguments[*layer.bias]) : named_like;
  std::vector<double> elements = affine.shift;
  if (has_bias) {
    const std::vector<double> bias = to_doubles(graph.value(id).data);
    for (std::size_t i = 0; i < bias.size(); ++i) elements[i] += bias[i] * affine.scale[i];
  }
  const DType dtype = graph.value(id).type.dtype;
  return add_folded(
      graph, id,
      TRY(from_doubles(elements, dtype, Shape{static_cast<std::int64_t>(elements.size())})));
}

}  // namespace

std::optional<Layer> match_layer(const Graph& graph, const Node& node) {
  std::optional<Layer> layer;
  if (is_call(node, "aten::convolution") && !std::get<bool>(node.arguments[6]) &&
      is_real_constant(graph, node.arguments[1])) {
    layer.emplace(convolution_layer(graph, node));
  } else if (is_call(node, "aten::linear") && is_real_constant(graph, node.arguments[1])) {
    layer.emplace(linear_layer(graph, node));
  } else if (is_call(node, "aten::addmm") && is_real_constant(graph, node.arguments[2]) &&
             is_one(node.arguments[3]) && is_one(node.arguments[4])) {
    layer.emplace(matrix_layer(graph, node, 2, 0));
  } else if (is_call(node, "aten::mm") && is_real_constant(graph, node.arguments[1])) {
    layer.emplace(matrix_layer(graph, node, 1, std::nullopt));
  } else {
    return std::nullopt;
  }
  if (!layer->bias || is_none(node.arguments[*layer->bias])) return layer;
  const Argument& bias = node.arguments[*layer->bias];
  const bool is_vector =
      is_real_constant(graph, bias) && graph.value(std::get<ValueId>(bias)).data.shape() ==
                                           Shape{static_cast<std::int64_t>(layer->num_channels)};
  return is_vector ? layer : std::nullopt;
}

Result<ValueId> add_folded_layer(Graph& graph, ir::NodeId id, const Layer& layer,
                                 const Affine& affine, ValueId named_like) {
  const ValueId weight = TRY(fold_weight(graph, layer, affine));
  const ValueId bias = TRY(fold_bias(graph, layer, named_like, affine));
  std::vector<Argument> arguments = layer.node.arguments;
  const ir::Operator* op = layer.node.op;
  if (layer.bias) {
    arguments[layer.weight] = weight;
    arguments[*layer.bias] = bias;
  } else {
    op = ops::find_operator("aten::addmm");
    arguments = {bias, arguments[0], weight, ir::Dim(1), ir::Dim(1)};
  }
  return graph.add_call(*op, std::move(arguments), layer.node.origin, id);
}

}  // namespace tessera::passes
