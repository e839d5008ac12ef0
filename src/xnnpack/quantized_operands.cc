// SPDX-License-Identifier: MIT
#include "xnnpack/quantized_operands.h"

#include <algorithm>
#include <cmath>

#include "tessera/half.h"

namespace tessera::xnnpack {

using ir::Graph;
using ir::Node;
using ir::QuantKind;
using ir::Value;
using ir::ValueId;
using ir::ValueKind;

QuantKind kind_of(const Node& node) {
  return node.op == nullptr ? QuantKind::kFloat : node.op->quantize.kind;
}

const ValueId* tensor_at(const Node& node, std::int8_t position) {
  if (position < 0) return nullptr;
  return std::get_if<ValueId>(&node.arguments[static_cast<std::size_t>(position)]);
}

bool has_int8_form(QuantKind kind) {
  switch (kind) {
    case QuantKind::kWeighted:
    case QuantKind::kArithmetic:
    case QuantKind::kLookup:
    case QuantKind::kClamp:
    case QuantKind::kMove:
      return true;
    default:
      return false;
  }
}

std::vector<ValueId> activations(const Node& node) {
  const ir::QuantRule& rule = node.op->quantize;
  const auto& input = node.arguments[static_cast<std::size_t>(rule.input)];
  if (const auto* list = std::get_if<std::vector<ValueId>>(&input)) return *list;
  std::vector<ValueId> ids = {*tensor_at(node, rule.input)};
  if (const ValueId* second = tensor_at(node, rule.second)) ids.push_back(*second);
  return ids;
}

bool is_weighted(const Node& node) { return kind_of(node) == QuantKind::kWeighted; }

std::size_t weight_axis(const Node& node) {
  const ir::QuantRule& rule = node.op->quantize;
  const bool is_transposed =
      rule.transposed_flag >= 0 &&
      std::get<bool>(node.arguments[static_cast<std::size_t>(rule.transposed_flag)]);
  return static_cast<std::size_t>(is_transposed ? 1 : rule.weight_axis);
}

namespace {

constexpr std::size_t kInput = 0, kScale = 1, kZeroPoint = 2, kAxis = 3;

double number(const Node& node, std::size_t position) {
  if (const auto* real = std::get_if<double>(&node.arguments[position])) return *real;
  return static_cast<double>(std::get<ir::Dim>(node.arguments[position]).constant());
}

bool are_zero(const Tensor& zero_points) {
  const auto all_zero = [&]<class T>() {
    return std::ranges::all_of(zero_points.elements<T>(), [](T zero) { return zero == 0; });
  };
  switch (zero_points.dtype()) {
    case DType::kI64:
      return all_zero.operator()<std::int64_t>();
    case DType::kI32:
      return all_zero.operator()<std::int32_t>();
    case DType::kI8:
      return all_zero.operator()<std::int8_t>();
    default:
      return false;
  }
}

std::optional<std::vector<float>> float_elements(const Tensor& scales) {
  if (scales.dtype() == DType::kF32) {
    return std::vector<float>(scales.elements<float>().begin(), scales.elements<float>().end());
  }
  if (scales.dtype() != DType::kF64) return std::nullopt;
  std::vector<float> result;
  for (const double scale : scales.elements<double>()) result.push_back(static_cast<float>(scale));
  return result;
}

bool is_scale(float scale) { return scale > 0 && std::isnormal(scale); }

}  // namespace

PerTensorQuant quant_of_call(const Node& node) {
  return {.scale = static_cast<float>(number(node, kScale)),
          .zero_point = static_cast<std::int32_t>(number(node, kZeroPoint))};
}

const Node* constant_dequantize(const Graph& graph, ValueId id) {
  const Value& value = graph.value(id);
  if (value.kind != ValueKind::kResult) return nullptr;
  const Node& node = graph.node(value.producer);
  switch (kind_of(node)) {
    case QuantKind::kDequantize:
    case QuantKind::kDequantizePerChannel:
    case QuantKind::kDequantizeGroups:
      break;
    default:
      return nullptr;
  }
  const auto is_constant = [&](ValueId operand) {
    return graph.value(operand).kind == ValueKind::kConstant;
  };
  return std::ranges::all_of(ir::tensor_operands(node), is_constant) ? &node : nullptr;
}

std::optional<ConstantScales> constant_scales(const Graph& graph, ValueId id) {
  const Node* node = constant_dequantize(graph, id);
  if (node == nullptr) return std::nullopt;
  const Tensor& elements = graph.value(*tensor_at(*node, kInput)).data;
  if (elements.dtype() != DType::kI8) return std::nullopt;
  ConstantScales result{.elements = &elements};
  if (kind_of(*node) == QuantKind::kDequantize) {
    const PerTensorQuant quant = quant_of_call(*node);
    result.scales = {quant.scale};
    result.zero_point = quant.zero_point;
  } else if (kind_of(*node) == QuantKind::kDequantizePerChannel) {
    auto scales = float_elements(graph.value(*tensor_at(*node, kScale)).data);
    const ValueId* zero_points = tensor_at(*node, kZeroPoint);
    if (!scales || (zero_points != nullptr && !are_zero(graph.value(*zero_points).data))) {
      return std::nullopt;
    }
    const auto axis = static_cast<std::int64_t>(number(*node, kAxis));
    const auto rank = static_cast<std::int64_t>(elements.rank());
    result.axis = static_cast<std::size_t>(axis < 0 ? axis + rank : axis);
    result.scales = *std::move(scales);
  } else {
    return std::nullopt;
  }
  return std::ranges::all_of(result.scales, is_scale) ? std::optional(result) : std::nullopt;
}

std::optional<GroupScales> group_scales(const Graph& graph, ValueId id) {
  enum : std::size_t { kBlockSize = 1, kGroupScale = 2, kGroupZero = 3 };
  constexpr std::int64_t kXnnpackMultiple = 32;
  const Node* node = constant_dequantize(graph, id);
  if (node == nullptr || kind_of(*node) != QuantKind::kDequantizeGroups) return std::nullopt;
  const Tensor& elements = graph.value(*tensor_at(*node, kInput)).data;
  const auto& block = std::get<ir::Dims>(node->arguments[kBlockSize]);
  if (elements.dtype() != DType::kI8 || elements.rank() != 2 || block[0] != ir::Dim(1)) {
    return std::nullopt;
  }
  const auto is_4_bit = [](std::int8_t element) { return element >= -8 && element <= 7; };
  const std::int64_t group_size = block[1].constant();
  const ValueId* zero_point = tensor_at(*node, kGroupZero);
  auto scales = float_elements(graph.value(*tensor_at(*node, kGroupScale)).data);
  if (group_size % kXnnpackMultiple != 0 || !scales || !std::ranges::all_of(*scales, is_scale) ||
      (zero_point != nullptr && !are_zero(graph.value(*zero_point).data)) ||
      !std::ranges::all_of(elements.elements<std::int8_t>(), is_4_bit)) {
    return std::nullopt;
  }
  return GroupScales{&elements, *std::move(scales), group_size};
}

std::optional<ValueId> dynamic_source(const Graph& graph, ValueId id) {
  const auto made_by = [&](ValueId value, QuantKind kind) -> const Node* {
    if (graph.value(value).kind != ValueKind::kResult) return nullptr;
    const Node& node = graph.node(graph.value(value).producer);
    return kind_of(node) == kind ? &node : nullptr;
  };
  const Node* dequantize = made_by(id, QuantKind::kDequantizeDynamic);
  if (dequantize == nullptr) return std::nullopt;
  const Node* quantize = made_by(*tensor_at(*dequantize, kInput), QuantKind::kQuantizeDynamic);
  if (quantize == nullptr) return std::nullopt;
  const ValueId scale = *tensor_at(*quantize, kScale);
  const Node* choose = made_by(scale, QuantKind::kChooseParams);
  if (choose == nullptr || *tensor_at(*choose, kInput) != *tensor_at(*quantize, kInput)) {
    return std::nullopt;
  }
  const bool is_i8 = graph.value(quantize->results[0]).type.dtype == DType::kI8;
  const bool is_one = dequantize->arguments[kScale] == quantize->arguments[kScale] &&
                      dequantize->arguments[kZeroPoint] == quantize->arguments[kZeroPoint] &&
                      choose->results[0] == scale &&
                      choose->results[1] == *tensor_at(*quantize, kZeroPoint);
  return is_i8 && is_one ? std::optional(*tensor_at(*quantize, kInput)) : std::nullopt;
}

bool is_dynamic_linear(const Graph& graph, const Node& node) {
  if (kind_of(node) != QuantKind::kWeighted || node.op->quantize.transposed_flag >= 0) return false;
  const ValueId weight = *tensor_at(node, node.op->quantize.weight);
  if (!dynamic_source(graph, *tensor_at(node, node.op->quantize.input))) return false;
  if (group_scales(graph, weight)) return node.op->quantize.weight_axis == 0;
  const auto scales = constant_scales(graph, weight);
  const auto axis = static_cast<std::size_t>(node.op->quantize.weight_axis);
  return scales && scales->zero_point == 0 && (!scales->axis || *scales->axis == axis);
}

bool is_part_of_readers(const Graph& graph, const Node& node) {
  const auto is_seen = [&](ValueId result) { return graph.is_output(result); };
  if (std::ranges::any_of(node.results, is_seen)) return false;
  switch (kind_of(node)) {
    case QuantKind::kChooseParams:
    case QuantKind::kQuantizeDynamic:
    case QuantKind::kDequantizeDynamic:
      return true;
    default:
      return !node.results.empty() && constant_dequantize(graph, node.results[0]) != nullptr;
  }
}

}  // namespace tessera::xnnpack
