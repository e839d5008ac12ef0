// SPDX-License-Identifier: MIT
#pragma once

#include <initializer_list>
#include <limits>
#include <optional>
#include <string>

#include "ir/graph.h"
#include "ir/operator.h"
#include "xnnpack/builder.h"

/// What the XNNPACK rules of several operators need.
namespace tessera::ops {

using Reason = std::optional<std::string>;  ///< why XNNPACK cannot run a node, or nothing

inline constexpr float kInfinity = std::numeric_limits<float>::infinity();

inline ir::ValueId operand(const ir::NodeView& view, std::size_t position) {
  return std::get<ir::ValueId>(view.node.arguments[position]);
}

/// The elements of a constant operand, the integers of one that is dequantized; null if the operand
/// is none or computed.
const Tensor* constant_operand(const ir::NodeView& view, std::size_t position);

/// The elements as a filter has them: i8 stays, f16 becomes f32.
Tensor as_filter(const Tensor& weight);

/// All tensors are f32, or all are f16; they have at most 6 dimensions and no size that is always
/// 0.
Reason check_float_tensors(const ir::NodeView& view);
/// The type has sizes that XNNPACK can have.
Reason check_shape(const ir::TensorType& type);
/// check_float_tensors, and operand 0 has this rank.
Reason check_float_image(const ir::NodeView& view, std::size_t rank = 4);

/// Scales of int8 tensors whose ratios XNNPACK's kernels can represent.
Reason check_sum_scales(const ir::NodeView& view, std::span<const float> operands, float result);
Reason check_product_scales(const ir::NodeView& view, std::span<const float> operands,
                            float result);

/// All sizes of operands and of result 0 are numbers.
Reason check_constant_sizes(const ir::NodeView& view);
/// Nobody reads the results from `first` on.
Reason check_unused(const ir::NodeView& view, std::size_t first);

/// Where dimension `dim` of NCHW stands in this layout.
inline std::size_t axis_in(xnnpack::Layout layout, std::size_t dim) {
  constexpr std::size_t kInNhwc[] = {0, 3, 1, 2};
  return layout == xnnpack::Layout::kNhwc ? kInNhwc[dim] : dim;
}

/// Adds an elementwise node over these operands in the layout that the operands have already.
void lower_elementwise(const ir::NodeView& view, xnnpack::Builder& builder, xnnpack::NodeKind kind,
                       std::initializer_list<std::size_t> positions);
/// Restricts operand 0 to [min, max], by the node that makes it if that can be.
void lower_clamp(const ir::NodeView& view, xnnpack::Builder& builder, float min, float max);
/// Adds a node from operand 0 to result 0, both in this layout.
void lower_node(const ir::NodeView& view, xnnpack::Builder& builder, xnnpack::NodeKind kind,
                xnnpack::Layout layout, xnnpack::NodeParams params, std::uint32_t flags = 0);

/// The rule of an operator that is one XNNPACK node with one operand.
template <xnnpack::NodeKind kKind>
constexpr ir::XnnpackRule unary_rule() {
  return {.check = check_float_tensors,
          .lower = [](const ir::NodeView& view, xnnpack::Builder& builder) -> Result<void> {
            lower_elementwise(view, builder, kKind, {0});
            return {};
          }};
}

}  // namespace tessera::ops
