// SPDX-License-Identifier: MIT
#include "xnnpack/define_nodes.h"

#include <algorithm>
#include <array>
#include <optional>
#include <unordered_set>
#include <utility>

#include "base/check.h"
#include "base/try.h"
#include "xnnpack/define_values.h"
#include "xnnpack/node_kinds.h"
#include "xnnpack/payload_check.h"

namespace tessera::xnnpack {
namespace {

using Sizes = std::array<std::size_t, XNN_MAX_TENSOR_DIMS>;

Sizes to_sizes(const std::vector<std::uint32_t>& numbers) {
  Sizes sizes{};
  std::ranges::copy(numbers, sizes.begin());
  return sizes;
}

std::optional<xnn_unary_operator> unary_operator(NodeKind kind) {
  switch (kind) {
    case NodeKind::kSigmoid:
      return xnn_unary_sigmoid;
    case NodeKind::kClamp:
      return xnn_unary_clamp;
    case NodeKind::kFloor:
      return xnn_unary_floor;
    case NodeKind::kConvert:
      return xnn_unary_convert;
    case NodeKind::kSquareRoot:
      return xnn_unary_square_root;
    case NodeKind::kCeiling:
      return xnn_unary_ceiling;
    case NodeKind::kHardswish:
      return xnn_unary_hardswish;
    case NodeKind::kLeakyReLU:
      return xnn_unary_leaky_relu;
    case NodeKind::kNegate:
      return xnn_unary_negate;
    case NodeKind::kSquare:
      return xnn_unary_square;
    case NodeKind::kELU:
      return xnn_unary_elu;
    case NodeKind::kAbs:
      return xnn_unary_abs;
    case NodeKind::kReciprocalSquareRoot:
      return xnn_unary_reciprocal_square_root;
    case NodeKind::kLog:
      return xnn_unary_log;
    case NodeKind::kGelu:
      return xnn_unary_gelu;
    case NodeKind::kTanh:
      return xnn_unary_tanh;
    case NodeKind::kExp:
      return xnn_unary_exp;
    case NodeKind::kSin:
      return xnn_unary_sine;
    case NodeKind::kCos:
      return xnn_unary_cosine;
    default:
      return std::nullopt;
  }
}

xnn_binary_operator binary_operator(NodeKind kind) {
  switch (kind) {
    case NodeKind::kAdd:
      return xnn_binary_add;
    case NodeKind::kSubtract:
      return xnn_binary_subtract;
    case NodeKind::kMultiply:
      return xnn_binary_multiply;
    case NodeKind::kDiv:
      return xnn_binary_divide;
    case NodeKind::kMinimum:
      return xnn_binary_minimum;
    case NodeKind::kMaximum:
      return xnn_binary_maximum;
    case NodeKind::kPReLU:
      return xnn_binary_prelu;
    default:
      CHECK(false, "{} is no binary operator", name_of(kind));
      return xnn_binary_invalid;
  }
}

/// Makes the calls for one node. Ids are XNNPACK's.
class NodeDefiner {
 public:
  NodeDefiner(xnn_subgraph_t subgraph, const NodeRecord& node, const ValueIds& ids)
      : subgraph_(subgraph), node_(node), out_(ids.at(node.outputs[0])) {
    std::ranges::transform(node.inputs, in_.begin(), [&](std::uint32_t id) {
      return id == kNoValue ? XNN_INVALID_VALUE_ID : ids.at(id);
    });
    if (node.outputs.size() > 1) second_out_ = ids.at(node.outputs[1]);
  }

  xnn_status define() const {
    switch (info_of(node_.kind).form) {
      case NodeForm::kUnary:
        return define_unary();
      case NodeForm::kBinary:
        return define_binary();
      case NodeForm::kConcatenate:
        return define_concatenate();
      case NodeForm::kConvolution:
        return define_convolution();
      case NodeForm::kPooling:
        return define_pooling();
      case NodeForm::kArgMaxPooling:
        return define_argmax_pooling();
      case NodeForm::kFullyConnected:
        return xnn_define_fully_connected(subgraph_, node_.output_min, node_.output_max, in_[0],
                                          in_[1], in_[2], out_, node_.flags);
      case NodeForm::kSlope:
        return define_slope();
      case NodeForm::kTranspose:
      case NodeForm::kReshape:
      case NodeForm::kSlice:
      case NodeForm::kConstantPad:
      case NodeForm::kResize:
        return define_shaped();
      case NodeForm::kAttention:
        return xnn_status_unsupported_parameter;  // no ExecuTorch runtime has it either
    }
    std::unreachable();
  }

 private:
  template <class Params>
  const Params& params() const {
    return std::get<Params>(node_.params);
  }

  xnn_status define_unary() const {
    if (const auto unary = unary_operator(node_.kind)) {
      const xnn_unary_params range{.clamp = {.min = node_.output_min, .max = node_.output_max}};
      return xnn_define_unary(subgraph_, *unary, &range, in_[0], out_, node_.flags & ~kMaybePack);
    }
    switch (node_.kind) {
      case NodeKind::kSoftmax:
        return xnn_define_softmax(subgraph_, in_[0], out_, node_.flags);
      case NodeKind::kCopy:
        return xnn_define_copy(subgraph_, in_[0], out_, node_.flags);
      default: {
        CHECK(node_.kind == NodeKind::kGlobalAvgPooling2d);
        const std::array<std::size_t, 2> height_and_width = {1, 2};
        return xnn_define_static_reduce(subgraph_, xnn_reduce_mean, height_and_width.size(),
                                        height_and_width.data(), in_[0], out_, node_.flags);
      }
    }
  }

  xnn_status define_slope() const {
    const float slope = params<SlopeParams>().slope;
    xnn_unary_params unary{};
    if (node_.kind == NodeKind::kELU) {
      unary.elu.alpha = slope;
    } else {
      unary.leaky_relu.negative_slope = slope;
    }
    return xnn_define_unary(subgraph_, *unary_operator(node_.kind), &unary, in_[0], out_,
                            node_.flags);
  }

  xnn_status define_binary() const {
    if (node_.kind == NodeKind::kBatchMatrixMultiply) {
      return xnn_define_batch_matrix_multiply(subgraph_, in_[0], in_[1], out_, node_.flags);
    }
    const xnn_binary_params range{.output_min = node_.output_min, .output_max = node_.output_max};
    return xnn_define_binary(subgraph_, binary_operator(node_.kind), &range, in_[0], in_[1], out_,
                             node_.flags);
  }

  xnn_status define_concatenate() const {
    const auto axis = static_cast<std::int32_t>(params<ConcatenateParams>().axis);
    switch (node_.inputs.size()) {
      case 2:
        return xnn_define_concatenate2(subgraph_, axis, in_[0], in_[1], out_, node_.flags);
      case 3:
        return xnn_define_concatenate3(subgraph_, axis, in_[0], in_[1], in_[2], out_, node_.flags);
      case 4:
        return xnn_define_concatenate4(subgraph_, axis, in_[0], in_[1], in_[2], in_[3], out_,
                                       node_.flags);
      default:
        return xnn_define_concatenate5(subgraph_, axis, in_[0], in_[1], in_[2], in_[3], in_[4],
                                       out_, node_.flags);
    }
  }

  xnn_status define_convolution() const {
    const auto& p = params<ConvolutionParams>();
    switch (node_.kind) {
      case NodeKind::kConv2d:
        return xnn_define_convolution_2d(
            subgraph_, p.padding_top, p.padding_right, p.padding_bottom, p.padding_left,
            p.kernel_height, p.kernel_width, p.subsampling_height, p.subsampling_width,
            p.dilation_height, p.dilation_width, p.groups, p.group_input_channels,
            p.group_output_channels, node_.output_min, node_.output_max, in_[0], in_[1], in_[2],
            out_, node_.flags);
      case NodeKind::kDepthwiseConv2d:
        return xnn_define_depthwise_convolution_2d(
            subgraph_, p.padding_top, p.padding_right, p.padding_bottom, p.padding_left,
            p.kernel_height, p.kernel_width, p.subsampling_height, p.subsampling_width,
            p.dilation_height, p.dilation_width, /*depth_multiplier=*/p.group_output_channels,
            /*input_channels=*/p.groups, node_.output_min, node_.output_max, in_[0], in_[1], in_[2],
            out_, node_.flags);
      default:
        return xnn_define_deconvolution_2d(
            subgraph_, p.padding_top, p.padding_right, p.padding_bottom, p.padding_left,
            p.adjustment_height, p.adjustment_width, p.kernel_height, p.kernel_width,
            p.subsampling_height, p.subsampling_width, p.dilation_height, p.dilation_width,
            p.groups, p.group_input_channels, p.group_output_channels, node_.output_min,
            node_.output_max, in_[0], in_[1], in_[2], out_, node_.flags);
    }
  }

  xnn_status define_pooling() const {
    const auto& p = params<PoolingParams>();
    if (node_.kind == NodeKind::kAvgPooling2d) {
      return xnn_define_average_pooling_2d(
          subgraph_, p.padding_top, p.padding_right, p.padding_bottom, p.padding_left,
          p.pooling_height, p.pooling_width, p.stride_height, p.stride_width, node_.output_min,
          node_.output_max, in_[0], out_, node_.flags);
    }
    return xnn_define_max_pooling_2d(
        subgraph_, p.padding_top, p.padding_right, p.padding_bottom, p.padding_left,
        p.pooling_height, p.pooling_width, p.stride_height, p.stride_width, p.dilation_height,
        p.dilation_width, node_.output_min, node_.output_max, in_[0], out_, node_.flags);
  }

  xnn_status define_argmax_pooling() const {
    const auto& p = params<PoolingParams>();
    return xnn_define_argmax_pooling_2d(subgraph_, p.padding_top, p.padding_right, p.padding_bottom,
                                        p.padding_left, p.pooling_height, p.pooling_width, in_[0],
                                        out_, second_out_, node_.flags);
  }

  xnn_status define_shaped() const {
    if (const auto* transpose = std::get_if<TransposeParams>(&node_.params)) {
      const auto permutation = to_sizes(transpose->permutation);
      return xnn_define_static_transpose(subgraph_, transpose->permutation.size(),
                                         permutation.data(), in_[0], out_, node_.flags);
    }
    if (const auto* reshape = std::get_if<ReshapeParams>(&node_.params)) {
      const auto shape = to_sizes(reshape->new_shape);
      return xnn_define_static_reshape(subgraph_, reshape->new_shape.size(), shape.data(), in_[0],
                                       out_, node_.flags);
    }
    if (const auto* slice = std::get_if<SliceParams>(&node_.params)) {
      const auto offsets = to_sizes(slice->offsets), sizes = to_sizes(slice->sizes);
      return xnn_define_static_slice(subgraph_, slice->offsets.size(), offsets.data(), sizes.data(),
                                     in_[0], out_, node_.flags);
    }
    if (const auto* pad = std::get_if<ConstantPadParams>(&node_.params)) {
      const auto before = to_sizes(pad->pre_paddings), after = to_sizes(pad->post_paddings);
      return xnn_define_static_constant_pad(subgraph_, before.data(), after.data(), pad->value,
                                            in_[0], out_, node_.flags);
    }
    const auto& resize = params<ResizeParams>();
    return xnn_define_static_resize_bilinear_2d(subgraph_, resize.new_height, resize.new_width,
                                                in_[0], out_, node_.flags);
  }

  xnn_subgraph_t subgraph_;
  const NodeRecord& node_;
  std::array<std::uint32_t, 5> in_{};
  std::uint32_t out_;
  std::uint32_t second_out_ = XNN_INVALID_VALUE_ID;
};

/// What XNNPACK would take and compute wrongly, or write out of bounds.
Result<void> check_supported(const Payload& payload, const NodeRecord& node) {
  const auto value_of = [&](std::uint32_t id) -> const ValueRecord& {
    return *std::ranges::find(payload.values, id, &ValueRecord::id);
  };
  if (node.kind == NodeKind::kArgMaxPooling2d && value_of(node.outputs[1]).flags == 0) {
    // It never learns the sizes of the indices (src/subgraph/argmax-pooling-2d.c, reshape), so its
    // workspace has no room for them.
    return fail(ErrorCode::kNotSupported, "indices that are no output of the delegate");
  }
  if (node.kind == NodeKind::kFullyConnected && node.inputs[2] != kNoValue &&
      value_of(node.inputs[0]).datatype == Datatype::kF32) {
    const Datatype filter = value_of(node.inputs[1]).datatype;
    if (filter == Datatype::kQCInt8 || filter == Datatype::kQCInt4) {
      // Its kernels start from the bias and multiply the sum by the scale.
      return fail(ErrorCode::kNotSupported, "a bias beside an f32 input and a {} filter",
                  name_of(filter));
    }
  }
  // XNNPACK has no place for the range of most nodes.
  if (!info_of(node.kind).can_clamp &&
      (node.output_min != -NodeRecord::kInfinity || node.output_max != NodeRecord::kInfinity)) {
    return fail(ErrorCode::kNotSupported, "an output range");
  }
  return {};
}

Result<void> define_node(const Payload& payload, const NodeRecord& node, const ValueIds& ids,
                         xnn_subgraph_t subgraph) {
  TRY(check_supported(payload, node));
  const auto status = NodeDefiner(subgraph, node, ids).define();
  if (status == xnn_status_success) return {};
  return fail(ErrorCode::kNotSupported, "XNNPACK refuses it: {}", name_of(status));
}

/// Nodes that an output depends on. XNNPACK aborts the process where it finds that a value's only
/// reader is a node without readers (src/subgraph.c, xnn_subgraph_fusion).
std::vector<bool> find_live_nodes(const Payload& payload) {
  std::unordered_set<std::uint32_t> needed;
  for (const auto& value : payload.values) {
    if ((value.flags & ValueRecord::kExternalOutput) != 0) needed.insert(value.id);
  }
  std::vector<bool> is_live(payload.nodes.size());
  for (std::size_t i = payload.nodes.size(); i-- > 0;) {
    const auto& node = payload.nodes[i];
    is_live[i] =
        std::ranges::any_of(node.outputs, [&](std::uint32_t id) { return needed.contains(id); });
    if (is_live[i]) needed.insert(node.inputs.begin(), node.inputs.end());
  }
  return is_live;
}

}  // namespace

std::string_view name_of(xnn_status status) {
  switch (status) {
    case xnn_status_success:
      return "success";
    case xnn_status_uninitialized:
      return "uninitialized";
    case xnn_status_invalid_parameter:
      return "invalid parameter";
    case xnn_status_invalid_state:
      return "invalid state";
    case xnn_status_unsupported_parameter:
      return "unsupported parameter";
    case xnn_status_unsupported_hardware:
      return "unsupported hardware";
    case xnn_status_out_of_memory:
      return "out of memory";
    default:
      return "unknown status";
  }
}

Result<DefinedSubgraph> define_subgraph(const Payload& payload,
                                        std::span<const std::span<const std::byte>> constants) {
  DefinedSubgraph defined;
  xnn_subgraph_t subgraph = nullptr;
  const auto status = xnn_create_subgraph(payload.num_externals, /*flags=*/0, &subgraph);
  if (status != xnn_status_success) {
    return fail(ErrorCode::kDelegateMemoryAllocationFailed, "XNNPACK delegate: {}",
                name_of(status));
  }
  defined.subgraph.reset(subgraph);
  const auto ids = TRY(define_values(payload, constants, defined));
  const auto is_live = find_live_nodes(payload);
  for (std::size_t i = 0; i < payload.nodes.size(); ++i) {
    if (!is_live[i]) continue;
    auto result = define_node(payload, payload.nodes[i], ids, subgraph);
    if (!result) {
      return with_context(std::move(result).error(),
                          std::format("XNNPACK delegate: {}", describe(payload, i)));
    }
  }
  return defined;
}

}  // namespace tessera::xnnpack
