// SPDX-License-Identifier: MIT
#include "ops/xnnpack_quantize.h"

#include <cmath>

#include "ops/affine.h"
#include "xnnpack/quantized_operands.h"

namespace tessera::ops {

namespace {

using ir::Node;
using ir::NodeView;
using ir::QuantKind;
using ir::ValueId;
using xnnpack::PerTensorQuant;
using xnnpack::quant_of_call;

constexpr std::size_t kMin = 3, kMax = 4;

/// Integers of a quantized tensor that XNNPACK knows: all 256 of i8 or u8.
Reason check_integers(const NodeView& view, const ir::TensorType& integers,
                      const ir::TensorType& real) {
  if (real.dtype != DType::kF32) return std::format("a tensor is {}", name_of(real.dtype));
  if (integers.dtype != DType::kI8 && integers.dtype != DType::kU8) {
    return std::format("a tensor is {}", name_of(integers.dtype));
  }
  const QuantRange range = range_of(integers.dtype);
  if (view.arguments.integer(kMin) != range.min || view.arguments.integer(kMax) != range.max) {
    return std::format("the range {}..{} is not all of {}", view.arguments.integer(kMin),
                       view.arguments.integer(kMax), name_of(integers.dtype));
  }
  const PerTensorQuant quant = quant_of_call(view.node);
  if (!(quant.scale > 0) || !std::isnormal(quant.scale)) {
    return std::format("the scale is {}", quant.scale);
  }
  if (quant.zero_point < range.min || quant.zero_point > range.max) {
    return std::format("the zero point is {}", quant.zero_point);
  }
  return check_shape(real);
}

/// Everybody who makes or reads the integers takes them for the same numbers.
Reason check_agreement(const NodeView& view) {
  const ir::Value& integers = view.graph.value(operand(view, 0));
  const PerTensorQuant quant = quant_of_call(view.node);
  const auto differs = [&](const Node& other) {
    if (other.op == nullptr) return false;
    const QuantKind kind = other.op->quantize.kind;
    if (kind != QuantKind::kQuantize && kind != QuantKind::kDequantize) return true;
    const PerTensorQuant its = quant_of_call(other);
    return its.scale != quant.scale || its.zero_point != quant.zero_point;
  };
  if (integers.kind == ir::ValueKind::kResult && differs(view.graph.node(integers.producer))) {
    return "the integers are not quantized with this scale";
  }
  for (const ir::NodeId user : view.graph.users(operand(view, 0))) {
    if (differs(view.graph.node(user))) return "the integers are read in another way, too";
  }
  return std::nullopt;
}

}  // namespace

Reason check_quantize(const NodeView& view) {
  return check_integers(view, view.results[0], view.arguments.tensor(0));
}

Result<void> lower_quantize(const NodeView& view, xnnpack::Builder& builder) {
  builder.quantize(operand(view, 0), view.node.results[0]);
  return {};
}

Reason check_dequantize(const NodeView& view) {
  Reason reason = check_integers(view, view.arguments.tensor(0), view.results[0]);
  return reason ? reason : check_agreement(view);
}

// The builder converts where somebody asks for real numbers.
Result<void> lower_dequantize(const NodeView&, xnnpack::Builder&) { return {}; }

}  // namespace tessera::ops
