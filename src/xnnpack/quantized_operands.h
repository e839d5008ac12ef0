// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <vector>

#include "ir/graph.h"
#include "xnnpack/node_records.h"

/// What calls that quantize and dequantize say about the operands of others.
namespace tessera::xnnpack {

/// kFloat for a delegate call.
ir::QuantKind kind_of(const ir::Node& node);
/// Whether nodes of this kind have a form that computes on 8-bit integers.
bool has_int8_form(ir::QuantKind kind);
/// Tensors that the node's rule calls activations.
std::vector<ir::ValueId> activations(const ir::Node& node);
/// Whether the rule has a weight.
bool is_weighted(const ir::Node& node);
/// The axis of the weight that is the output channels.
std::size_t weight_axis(const ir::Node& node);
/// The tensor at this argument position; null if the position is -1 or has none.
const ir::ValueId* tensor_at(const ir::Node& node, std::int8_t position);

/// Scale and zero point of a call that quantizes or dequantizes a whole tensor by numbers.
PerTensorQuant quant_of_call(const ir::Node& node);

/// Whether the value is integers of a constant, dequantized: a weight or another operand. Such a
/// value is as good as a constant. Gives the call that dequantizes.
const ir::Node* constant_dequantize(const ir::Graph& graph, ir::ValueId value);

/// Scales of a dequantized constant: one, or one for each position along `axis`.
struct ConstantScales {
  const Tensor* elements = nullptr;  ///< i8
  std::vector<float> scales;
  std::optional<std::size_t> axis;
  std::int32_t zero_point = 0;
};
/// Nothing if the value is no such constant of i8.
std::optional<ConstantScales> constant_scales(const ir::Graph& graph, ir::ValueId value);

/// One scale for every `group_size` inputs of a linear layer's weight [outputs, inputs], 4 bits.
struct GroupScales {
  const Tensor* elements = nullptr;  ///< i8, from -8 to 7
  std::vector<float> scales;         ///< [outputs, inputs / group_size]
  std::int64_t group_size = 0;
};
/// Nothing if the value is no such constant, or XNNPACK does not know the form.
std::optional<GroupScales> group_scales(const ir::Graph& graph, ir::ValueId value);

/// What is quantized by its own range in each run, row by row, where the value is that, dequantized
/// again: (choose parameters, quantize, dequantize). Such calls are part of a linear layer.
std::optional<ir::ValueId> dynamic_source(const ir::Graph& graph, ir::ValueId value);
/// Whether the node is a linear layer with such an input and integers for weights, so that XNNPACK
/// has it whole.
bool is_dynamic_linear(const ir::Graph& graph, const ir::Node& node);
/// Whether the call only makes operands of its readers: their delegates have a copy each.
bool is_part_of_readers(const ir::Graph& graph, const ir::Node& node);

}  // namespace tessera::xnnpack
