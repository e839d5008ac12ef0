// SPDX-License-Identifier: MIT
#include "ops/xnnpack_rules.h"

#include <algorithm>

#include "xnnpack/quantized_operands.h"

namespace tessera::ops {

using ir::NodeView;
using ir::TensorType;
using ir::ValueId;
using xnnpack::Layout;

namespace {

constexpr std::size_t kMaxRank = 6;  // XNN_MAX_TENSOR_DIMS

Reason check_sizes(const TensorType& type) {
  if (type.rank() > kMaxRank) return std::format("a tensor has {} dimensions", type.rank());
  if (std::ranges::find(type.dims, ir::Dim(0)) != type.dims.end()) return "a tensor is empty";
  return std::nullopt;
}

Reason check_type(const TensorType& type) {
  if (type.dtype != DType::kF32 && type.dtype != DType::kF16) {
    return std::format("a tensor is {}", name_of(type.dtype));
  }
  return check_sizes(type);
}

}  // namespace

Reason check_shape(const TensorType& type) {
  if (type.rank() == 0) return "a tensor has no dimensions";
  return check_sizes(type);
}

const Tensor* constant_operand(const NodeView& view, std::size_t position) {
  const auto* id = std::get_if<ValueId>(&view.node.arguments[position]);
  if (id == nullptr) return nullptr;
  const ir::Value& value = view.graph.value(*id);
  if (value.kind == ir::ValueKind::kConstant) return &value.data;
  const ir::Node* call = xnnpack::constant_dequantize(view.graph, *id);
  return call == nullptr ? nullptr : &view.graph.value(std::get<ValueId>(call->arguments[0])).data;
}

Tensor as_filter(const Tensor& weight) {
  return weight.dtype() == DType::kI8 ? weight : xnnpack::converted_to(weight, DType::kF32);
}

Reason check_float_tensors(const NodeView& view) {
  for (const ValueId id : ir::tensor_operands(view.node)) {
    const ir::Value& value = view.graph.value(id);
    if (Reason reason = check_type(value.type)) return reason;
    if (value.type.dtype != view.results[0].dtype) {
      return std::format("a tensor is {} and the result {}", name_of(value.type.dtype),
                         name_of(view.results[0].dtype));
    }
    const bool is_number = value.kind == ir::ValueKind::kConstant ||
                           xnnpack::constant_dequantize(view.graph, id) != nullptr;
    if (value.type.rank() == 0 && !is_number) return "a tensor has no dimensions";
  }
  if (view.results[0].rank() == 0) return "the result has no dimensions";
  return check_type(view.results[0]);
}

// The bounds of both are those of XNNPACK's parameters of such kernels (src/microparams-init.c).
Reason check_sum_scales(const NodeView&, std::span<const float> operands, float result) {
  for (const float scale : operands) {
    if (scale / result < 0x1p-10f || scale / result >= 0x1p8f) {
      return std::format("scale {} is too far from the result's {}", scale, result);
    }
  }
  return std::nullopt;
}

Reason check_product_scales(const NodeView&, std::span<const float> operands, float result) {
  const float ratio = operands[0] * operands[1] / result;
  if (ratio >= 0x1p-16f && ratio < 0x1p8f) return std::nullopt;
  return std::format("scales {} and {} are too far from the result's {}", operands[0], operands[1],
                     result);
}

Reason check_constant_sizes(const NodeView& view) {
  const auto check = [](const TensorType& type) -> Reason {
    for (const ir::Dim& dim : type.dims) {
      if (!dim.is_constant()) return std::format("the size {} varies", dim.to_string());
    }
    return std::nullopt;
  };
  for (const ValueId id : ir::tensor_operands(view.node)) {
    if (Reason reason = check(view.graph.value(id).type)) return reason;
  }
  return check(view.results[0]);
}

Reason check_unused(const NodeView& view, std::size_t first) {
  for (std::size_t i = first; i < view.node.results.size(); ++i) {
    const ValueId result = view.node.results[i];
    if (!view.graph.is_output(result) && view.graph.users(result).empty()) continue;
    return std::format("result {} is used", i);
  }
  return std::nullopt;
}

Reason check_float_image(const NodeView& view, std::size_t rank) {
  const std::size_t found = view.arguments.tensor(0).rank();
  if (found != rank) return std::format("the input has {} dimensions, not {}", found, rank);
  return check_float_tensors(view);
}

void lower_elementwise(const NodeView& view, xnnpack::Builder& builder, xnnpack::NodeKind kind,
                       std::initializer_list<std::size_t> positions) {
  // Broadcasting pairs sizes from the back, so computed operands of lower rank only fit the NCHW
  // order; constants can be brought into any.
  Layout layout = Layout::kNchw;
  bool fits_nhwc = view.results[0].rank() == 4;
  for (const std::size_t position : positions) {
    if (constant_operand(view, position) != nullptr) continue;
    const bool is_image = view.arguments.tensor(position).rank() == 4;
    if (!is_image) fits_nhwc = false;
    if (is_image && builder.layout_of(operand(view, position)) == Layout::kNhwc) {
      layout = Layout::kNhwc;
    }
  }
  if (!fits_nhwc) layout = Layout::kNchw;
  xnnpack::NodeRecord record{.kind = kind};
  for (const std::size_t position : positions) {
    const bool is_constant = constant_operand(view, position) != nullptr;
    record.inputs.push_back(is_constant && layout == Layout::kNhwc
                                ? builder.broadcast_constant(operand(view, position), layout)
                                : builder.input(operand(view, position), layout));
  }
  record.outputs = {builder.output(view.node.results[0], layout)};
  builder.add_node(std::move(record));
}

void lower_clamp(const NodeView& view, xnnpack::Builder& builder, float min, float max) {
  const ValueId input = operand(view, 0);
  const ValueId output = view.node.results[0];
  if (builder.fuse_clamp(input, output, min, max)) return;
  const Layout layout = builder.layout_of(input);
  const std::uint32_t input_id = builder.input(input, layout);
  builder.add_node({.kind = xnnpack::NodeKind::kClamp,
                    .inputs = {input_id},
                    .outputs = {builder.output(output, layout)},
                    .output_min = min,
                    .output_max = max});
}

void lower_node(const NodeView& view, xnnpack::Builder& builder, xnnpack::NodeKind kind,
                Layout layout, xnnpack::NodeParams params, std::uint32_t flags) {
  const std::uint32_t input_id = builder.input(operand(view, 0), layout);
  builder.add_node({.kind = kind,
                    .inputs = {input_id},
                    .outputs = {builder.output(view.node.results[0], layout)},
                    .params = std::move(params),
                    .flags = flags});
}

}  // namespace tessera::ops
