// SPDX-License-Identifier: MIT
#include "xnnpack/node_check.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/try.h"
#include "xnnpack/node_kinds.h"

namespace tessera::xnnpack {
namespace {

template <class... Args>
std::unexpected<Error> broken(std::format_string<Args...> format, Args&&... args) {
  return fail(ErrorCode::kInvalidProgram, format, std::forward<Args>(args)...);
}

Result<void> check_rank(const ValueRecord& value, std::size_t rank) {
  if (value.dims.size() == rank) return {};
  return broken("value {} has {} dims, expected {}", value.id, value.dims.size(), rank);
}

/// Kernel, stride and dilation of a window: positive, and the spanned extent small enough that no
/// sum overflows.
Result<void> check_window(std::uint32_t kernel, std::uint32_t stride, std::uint32_t dilation,
                          std::uint32_t padding_before, std::uint32_t padding_after) {
  constexpr std::uint64_t kMaxExtent = 1u << 24;
  if (kernel == 0 || stride == 0 || dilation == 0) {
    return broken("kernel {}, stride {}, dilation {}: all must be positive", kernel, stride,
                  dilation);
  }
  const std::uint64_t extent = std::uint64_t{kernel - 1} * dilation + 1;
  if (extent > kMaxExtent || stride > kMaxExtent || padding_before > kMaxExtent ||
      padding_after > kMaxExtent) {
    return broken("kernel {}, stride {}, dilation {}, padding {} and {}: too large", kernel, stride,
                  dilation, padding_before, padding_after);
  }
  return {};
}

Result<void> check_bias(const ValueRecord* bias, std::uint64_t num_channels) {
  if (bias == nullptr) return {};
  if (bias->constant_index == 0) return broken("bias {} is not a constant", bias->id);
  if (bias->dims.size() == 1 && bias->dims[0] == num_channels) return {};
  return broken("bias {} does not have {} elements in one dim", bias->id, num_channels);
}

Result<void> check_convolution(const NodeRecord& node, const NodeValues& values) {
  const auto& p = std::get<ConvolutionParams>(node.params);
  TRY(check_window(p.kernel_height, p.subsampling_height, p.dilation_height, p.padding_top,
                   p.padding_bottom));
  TRY(check_window(p.kernel_width, p.subsampling_width, p.dilation_width, p.padding_left,
                   p.padding_right));
  TRY(check_rank(*values.inputs[0], 4));
  TRY(check_rank(*values.outputs[0], 4));
  const auto& filter = *values.inputs[1];
  if (filter.constant_index == 0) return broken("filter {} is not a constant", filter.id);
  if (filter.datatype == Datatype::kF16) {  // XNNPACK would accept it and fail when it packs it
    return fail(ErrorCode::kNotSupported, "f16 filter {}", filter.id);
  }
  const std::uint64_t num_output_channels = std::uint64_t{p.groups} * p.group_output_channels;
  if (p.groups == 0 || p.group_input_channels == 0 || p.group_output_channels == 0 ||
      num_output_channels > UINT32_MAX ||
      std::uint64_t{p.groups} * p.group_input_channels > UINT32_MAX) {
    return broken("{} groups of {} input and {} output channels", p.groups, p.group_input_channels,
                  p.group_output_channels);
  }
  const bool is_depthwise = node.kind == NodeKind::kDepthwiseConv2d;
  const auto outputs = static_cast<std::uint32_t>(num_output_channels);
  const auto expected =
      is_depthwise ? std::array{1u, p.kernel_height, p.kernel_width, outputs}
                   : std::array{outputs, p.kernel_height, p.kernel_width, p.group_input_channels};
  if (!std::ranges::equal(filter.dims, expected) || (is_depthwise && p.group_input_channels != 1)) {
    return broken("filter {} does not have the node's kernel and channels", filter.id);
  }
  if (node.kind == NodeKind::kConvTranspose2d &&
      (p.adjustment_height >= p.subsampling_height || p.adjustment_width >= p.subsampling_width)) {
    return broken("output padding is not below the stride");
  }
  return check_bias(values.inputs[2], num_output_channels);
}

Result<void> check_fully_connected(const NodeRecord& node, const NodeValues& values) {
  const auto& filter = *values.inputs[1];
  TRY(check_rank(filter, 2));
  if (values.inputs[0]->dims.empty()) return broken("input has no dims");
  const bool is_transposed = (node.flags & kTransposeWeights) != 0;
  if (is_transposed && filter.datatype == Datatype::kQBInt4) {
    return broken("group-wise quantized weights cannot be transposed");
  }
  return check_bias(values.inputs[2], filter.dims[is_transposed ? 1 : 0]);
}

Result<void> check_pooling(const NodeRecord& node, const NodeValues& values) {
  const auto& p = std::get<PoolingParams>(node.params);
  TRY(check_window(p.pooling_height, p.stride_height, p.dilation_height, p.padding_top,
                   p.padding_bottom));
  TRY(check_window(p.pooling_width, p.stride_width, p.dilation_width, p.padding_left,
                   p.padding_right));
  if (node.kind == NodeKind::kAvgPooling2d && (p.dilation_height != 1 || p.dilation_width != 1)) {
    return broken("average pooling with dilation");
  }
  TRY(check_rank(*values.inputs[0], 4));
  return check_rank(*values.outputs[0], 4);
}

Result<void> check_permutation(const NodeRecord& node, const NodeValues& values) {
  const auto& permutation = std::get<TransposeParams>(node.params).permutation;
  TRY(check_rank(*values.inputs[0], permutation.size()));
  if (permutation.empty()) return broken("an empty permutation");
  for (std::uint32_t i = 0; i < permutation.size(); ++i) {
    if (!std::ranges::contains(permutation, i)) return broken("dim {} is not permuted", i);
  }
  return {};
}

/// Two lists of numbers, each with one number per dim of the input.
Result<void> check_per_dim(const NodeValues& values, const std::vector<std::uint32_t>& first,
                           const std::vector<std::uint32_t>& second) {
  const std::size_t rank = values.inputs[0]->dims.size();
  if (first.size() == rank && second.size() == rank) return {};
  return broken("{} and {} numbers for {} dims", first.size(), second.size(), rank);
}

Result<void> check_reshape(const NodeRecord& node) {
  const auto& shape = std::get<ReshapeParams>(node.params).new_shape;
  if (std::ranges::count(shape, 0u) > 1) return broken("more than one size is to be inferred");
  return {};
}

Result<void> check_concatenate(const NodeRecord& node, const NodeValues& values) {
  const std::uint32_t axis = std::get<ConcatenateParams>(node.params).axis;
  for (const auto* input : values.inputs) TRY(check_rank(*input, values.inputs[0]->dims.size()));
  if (axis < values.inputs[0]->dims.size()) return {};
  return broken("axis {} of {} dims", axis, values.inputs[0]->dims.size());
}

Result<void> check_resize(const NodeRecord& node, const NodeValues& values) {
  constexpr std::uint32_t kMaxSize = 1u << 24;
  const auto& p = std::get<ResizeParams>(node.params);
  if (p.new_height == 0 || p.new_width == 0 || p.new_height > kMaxSize || p.new_width > kMaxSize) {
    return broken("to {} by {}", p.new_height, p.new_width);
  }
  return check_rank(*values.inputs[0], 4);
}

Result<void> check_form(const NodeRecord& node, const NodeValues& values) {
  switch (info_of(node.kind).form) {
    case NodeForm::kConvolution:
      return check_convolution(node, values);
    case NodeForm::kFullyConnected:
      return check_fully_connected(node, values);
    case NodeForm::kPooling:
    case NodeForm::kArgMaxPooling:
      return check_pooling(node, values);
    case NodeForm::kTranspose:
      return check_permutation(node, values);
    case NodeForm::kReshape:
      return check_reshape(node);
    case NodeForm::kSlice: {
      const auto& p = std::get<SliceParams>(node.params);
      return check_per_dim(values, p.offsets, p.sizes);
    }
    case NodeForm::kConstantPad: {
      const auto& p = std::get<ConstantPadParams>(node.params);
      return check_per_dim(values, p.pre_paddings, p.post_paddings);
    }
    case NodeForm::kResize:
      return check_resize(node, values);
    case NodeForm::kConcatenate:
      return check_concatenate(node, values);
    case NodeForm::kUnary:
      if (node.kind != NodeKind::kGlobalAvgPooling2d) return {};
      return check_rank(*values.inputs[0], 4);
    case NodeForm::kBinary:
    case NodeForm::kSlope:
    case NodeForm::kAttention:
      return {};
  }
  std::unreachable();
}

}  // namespace

Result<void> check_node(const NodeRecord& node, const NodeValues& values) {
  const std::uint32_t unknown = node.flags & ~info_of(node.kind).known_flags;
  if (unknown != 0) return fail(ErrorCode::kNotSupported, "flags {:#x}", unknown);
  if (std::isnan(node.output_min) || std::isnan(node.output_max) ||
      node.output_min > node.output_max) {
    return broken("output range {} to {}", node.output_min, node.output_max);
  }
  return check_form(node, values);
}

}  // namespace tessera::xnnpack
