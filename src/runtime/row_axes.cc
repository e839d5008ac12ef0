// SPDX-License-Identifier: MIT
#include "runtime/row_axes.h"

#include <numeric>

#include "ops/record_rules.h"

namespace tessera::runtime {
namespace {

using xnnpack::NodeKind;
using xnnpack::NodeRecord;

/// The spatial dimension of convolutions and pooling, whose memory is N, H, W, C.
constexpr std::size_t kHeight = 1;

RowAxis scaled(RowAxis axis, std::int64_t numerator, std::int64_t denominator) {
  axis.numerator *= numerator;
  axis.denominator *= denominator;
  const std::int64_t divisor = std::gcd(axis.numerator, axis.denominator);
  return {axis.dim, axis.numerator / divisor, axis.denominator / divisor};
}

class RowAxisFinder {
 public:
  RowAxisFinder(const xnnpack::Payload& payload, const xnnpack::ShapeInference& shapes)
      : payload_(payload), shapes_(shapes), axes_(payload.values.size()) {}

  std::optional<std::vector<std::optional<RowAxis>>> run(std::size_t output_dim) {
    axes_[shapes_.outputs()[0]] = RowAxis{output_dim};
    for (std::size_t node = payload_.nodes.size(); node-- > 0;) {
      if (!visit(node)) return std::nullopt;
    }
    return axes_;
  }

 private:
  bool visit(std::size_t index) {
    const NodeRecord& node = payload_.nodes[index];
    if (ops::why_not_local(node) || node.outputs.size() != 1) return false;
    const auto output = axes_[shapes_.node_outputs(index)[0]];
    if (!output) return false;
    for (std::size_t operand = 0; operand < shapes_.node_inputs(index).size(); ++operand) {
      if (!visit_operand(index, operand, *output)) return false;
    }
    return true;
  }

  bool visit_operand(std::size_t node_index, std::size_t operand, const RowAxis& output) {
    const NodeRecord& node = payload_.nodes[node_index];
    const std::size_t index = shapes_.node_inputs(node_index)[operand];
    const xnnpack::ValueRecord& value = payload_.values[index];
    if (std::holds_alternative<xnnpack::PerTokenDynamicQuant>(value.quant)) return false;
    const bool is_window = std::holds_alternative<xnnpack::ConvolutionParams>(node.params) ||
                           std::holds_alternative<xnnpack::PoolingParams>(node.params);
    if (is_window && operand > 0) return value.constant_index != 0;
    const auto axis = input_axis(node, output);
    if (!axis) return false;
    const Shape& shape = shapes_.shape(index);
    const Shape& output_shape = shapes_.shape(shapes_.node_outputs(node_index)[0]);
    // Fewer dimensions, or one row for all: the same for every row.
    const std::size_t missing = output_shape.rank() - std::min(shape.rank(), output_shape.rank());
    const bool is_broadcast =
        missing > axis->dim || (shape[axis->dim - missing] == 1 && output_shape[output.dim] != 1);
    if (is_broadcast) return value.constant_index != 0 || value.flags != 0;
    if (value.constant_index != 0 || missing != 0) return false;
    auto& known = axes_[index];
    if (known && *known != *axis) return false;
    known = axis;
    return true;
  }

  /// Rows of the first operand, from those of the output.
  static std::optional<RowAxis> input_axis(const NodeRecord& node, const RowAxis& output) {
    if (const auto* conv = std::get_if<xnnpack::ConvolutionParams>(&node.params)) {
      if (output.dim != kHeight) return std::nullopt;
      const std::int64_t stride = conv->subsampling_height;
      return node.kind == NodeKind::kConvTranspose2d ? scaled(output, 1, stride)
                                                     : scaled(output, stride, 1);
    }
    if (const auto* pool = std::get_if<xnnpack::PoolingParams>(&node.params)) {
      if (output.dim != kHeight) return std::nullopt;
      return scaled(output, pool->stride_height, 1);
    }
    if (const auto* transpose = std::get_if<xnnpack::TransposeParams>(&node.params)) {
      return RowAxis{transpose->permutation[output.dim], output.numerator, output.denominator};
    }
    if (const auto* cat = std::get_if<xnnpack::ConcatenateParams>(&node.params)) {
      if (cat->axis == output.dim) return std::nullopt;
    }
    if (const auto* pad = std::get_if<xnnpack::ConstantPadParams>(&node.params)) {
      if (pad->pre_paddings[output.dim] + pad->post_paddings[output.dim] > 0) return std::nullopt;
    }
    if (const auto* slice = std::get_if<xnnpack::SliceParams>(&node.params)) {
      if (slice->offsets[output.dim] + slice->sizes[output.dim] > 0) return std::nullopt;
    }
    const bool has_fixed_rows = std::holds_alternative<xnnpack::ResizeParams>(node.params);
    return has_fixed_rows ? std::nullopt : std::optional(output);
  }

  const xnnpack::Payload& payload_;
  const xnnpack::ShapeInference& shapes_;
  std::vector<std::optional<RowAxis>> axes_;
};

}  // namespace

std::optional<std::vector<std::optional<RowAxis>>> find_row_axes(
    const xnnpack::Payload& payload, const xnnpack::ShapeInference& shapes) {
  if (shapes.outputs().size() != 1 || shapes.shape(shapes.outputs()[0]).rank() != 4) {
    return std::nullopt;
  }
  // N, C, H, W at the border of most delegates, else N, H, W, C.
  for (const std::size_t dim : {std::size_t{2}, kHeight}) {
    if (auto axes = RowAxisFinder(payload, shapes).run(dim)) return axes;
  }
  return std::nullopt;
}

}  // namespace tessera::runtime
