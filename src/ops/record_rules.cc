// SPDX-License-Identifier: MIT
#include "ops/record_rules.h"

#include <algorithm>

#include "base/check.h"
#include "base/try.h"
#include "ops/exact_scale.h"
#include "ops/region_rules.h"

namespace tessera::ops {
namespace {

using xnnpack::ConcatenateParams;
using xnnpack::ConstantPadParams;
using xnnpack::ConvolutionParams;
using xnnpack::name_of;
using xnnpack::NodeKind;
using xnnpack::NodeRecord;
using xnnpack::PoolingParams;
using xnnpack::ResizeParams;
using xnnpack::SliceParams;
using xnnpack::TransposeParams;

/// xnnpack.h's XNN_FLAG_TENSORFLOW_SAME_PADDING and XNN_FLAG_ALIGN_CORNERS.
constexpr std::uint32_t kSamePadding = 0x4;
constexpr std::uint32_t kAlignCorners = 0x8;

enum class Family {
  kElementwise,
  kTranspose,
  kConvolution,
  kTransposedConvolution,
  kPooling,
  kResize,
  kConcatenate,
  kSlice,
  kPad,
  kSoftmax,
  kNone,
};

Family family_of(NodeKind kind) {
  switch (kind) {
    case NodeKind::kStaticTranspose:
      return Family::kTranspose;
    case NodeKind::kConv2d:
    case NodeKind::kDepthwiseConv2d:
      return Family::kConvolution;
    case NodeKind::kConvTranspose2d:
      return Family::kTransposedConvolution;
    case NodeKind::kAvgPooling2d:
    case NodeKind::kMaxPooling2d:
      return Family::kPooling;
    case NodeKind::kStaticResizeBilinear2D:
      return Family::kResize;
    case NodeKind::kConcatenate2:
    case NodeKind::kConcatenate3:
    case NodeKind::kConcatenate4:
    case NodeKind::kConcatenate5:
      return Family::kConcatenate;
    case NodeKind::kStaticSlice:
      return Family::kSlice;
    case NodeKind::kStaticConstantPad:
      return Family::kPad;
    case NodeKind::kSoftmax:
      return Family::kSoftmax;
    case NodeKind::kFullyConnected:
    case NodeKind::kGlobalAvgPooling2d:
    case NodeKind::kStaticReshape:
    case NodeKind::kArgMaxPooling2d:
    case NodeKind::kScaledDotProductAttention:
    case NodeKind::kBatchMatrixMultiply:
      return Family::kNone;
    default:
      return Family::kElementwise;
  }
}

/// A window over one of the two spatial dimensions of NHWC (1 height, 2 width).
struct SpatialWindow {
  Window window;
  std::int64_t padding_after = 0;
  std::int64_t adjustment = 0;
  std::int64_t extent() const { return window.dilation * (window.kernel - 1) + 1; }
};

SpatialWindow window_of(const NodeRecord& node, std::size_t dim) {
  if (const auto* conv = std::get_if<ConvolutionParams>(&node.params)) {
    if (dim == 1) {
      return {
          {conv->kernel_height, conv->subsampling_height, conv->dilation_height, conv->padding_top},
          conv->padding_bottom,
          conv->adjustment_height};
    }
    return {{conv->kernel_width, conv->subsampling_width, conv->dilation_width, conv->padding_left},
            conv->padding_right,
            conv->adjustment_width};
  }
  const auto& pool = std::get<PoolingParams>(node.params);
  // XNNPACK's average pooling has no dilation.
  const bool is_average = node.kind == NodeKind::kAvgPooling2d;
  if (dim == 1) {
    return {{pool.pooling_height, pool.stride_height, is_average ? 1 : pool.dilation_height,
             pool.padding_top},
            pool.padding_bottom};
  }
  return {{pool.pooling_width, pool.stride_width, is_average ? 1 : pool.dilation_width,
           pool.padding_left},
          pool.padding_right};
}

Result<std::int64_t> windowed_size(const NodeRecord& node, std::size_t dim, std::int64_t input) {
  const SpatialWindow spatial = window_of(node, dim);
  const std::int64_t padding = spatial.window.padding_before + spatial.padding_after;
  if (node.kind == NodeKind::kConvTranspose2d) {
    return spatial.window.stride * (input - 1) + spatial.adjustment + spatial.extent() - padding;
  }
  const std::int64_t room = input + padding - spatial.extent();
  if (room < 0) {
    return fail(ErrorCode::kInvalidArgument, "{}: window of {} on a size of {} with padding {}",
                name_of(node.kind), spatial.extent(), input, padding);
  }
  return room / spatial.window.stride + 1;
}

Result<Shape> windowed_shape(const NodeRecord& node, const RecordShapes& shapes) {
  const Shape& input = shapes.inputs[0];
  std::int64_t channels = input[3];
  if (const auto* conv = std::get_if<ConvolutionParams>(&node.params)) {
    channels = static_cast<std::int64_t>(conv->groups) * conv->group_output_channels;
  }
  return Shape{input[0], TRY(windowed_size(node, 1, input[1])),
               TRY(windowed_size(node, 2, input[2])), channels};
}

Result<Shape> broadcast_shape(const NodeRecord& node, std::span<const Shape> inputs) {
  Shape result = inputs[0];
  for (const Shape& input : inputs.subspan(1)) {
    const Shape& longer = input.rank() > result.rank() ? input : result;
    const Shape& shorter = input.rank() > result.rank() ? result : input;
    Shape merged = longer;
    const std::size_t shift = longer.rank() - shorter.rank();
    for (std::size_t dim = 0; dim < shorter.rank(); ++dim) {
      const std::int64_t a = longer[dim + shift], b = shorter[dim];
      if (a != b && a != 1 && b != 1) {
        return fail(ErrorCode::kInvalidArgument, "{}: sizes {} and {} do not match",
                    name_of(node.kind), longer.to_string(), shorter.to_string());
      }
      merged[dim + shift] = a == 1 ? b : a;
    }
    result = merged;
  }
  return result;
}

Result<Shape> concatenated_shape(const NodeRecord& node, std::span<const Shape> inputs) {
  const std::size_t axis = std::get<ConcatenateParams>(node.params).axis;
  Shape result = inputs[0];
  if (axis >= result.rank()) {
    return fail(ErrorCode::kInvalidProgram, "{}: axis {} of {}", name_of(node.kind), axis,
                result.to_string());
  }
  for (const Shape& input : inputs.subspan(1)) {
    for (std::size_t dim = 0; dim < result.rank(); ++dim) {
      if (input.rank() != result.rank() || (dim != axis && input[dim] != result[dim])) {
        return fail(ErrorCode::kInvalidArgument, "{}: sizes {} and {} do not match",
                    name_of(node.kind), inputs[0].to_string(), input.to_string());
      }
    }
    result[axis] += input[axis];
  }
  return result;
}

Result<std::int64_t> resized_size(const NodeRecord& node, std::int64_t input, std::int64_t bound,
                                  std::int64_t new_size) {
  if (bound <= 0 || new_size <= 0 || (input * new_size) % bound != 0) {
    return fail(ErrorCode::kInvalidArgument, "{} of {} to {}: no whole size for an input of {}",
                name_of(node.kind), bound, new_size, input);
  }
  return input * new_size / bound;
}

Result<Shape> sliced_shape(const NodeRecord& node, const Shape& input) {
  const auto& slice = std::get<SliceParams>(node.params);
  Shape result = input;
  for (std::size_t dim = 0; dim < input.rank(); ++dim) {
    const std::int64_t offset = slice.offsets[dim];
    result[dim] = slice.sizes[dim] == 0 ? input[dim] - offset : std::int64_t{slice.sizes[dim]};
    if (result[dim] <= 0 || offset + result[dim] > input[dim]) {
      return fail(ErrorCode::kInvalidArgument, "{}: {} from {} in dimension {} of {}",
                  name_of(node.kind), result[dim], offset, dim, input.to_string());
    }
  }
  return result;
}

Region windowed_region(const NodeRecord& node, const Shape& input, const Region& wanted) {
  Region region = wanted;
  for (const std::size_t dim : {std::size_t{1}, std::size_t{2}}) {
    const Window window = window_of(node, dim).window;
    region[dim] = node.kind == NodeKind::kConvTranspose2d
                      ? transposed_window_region(wanted[dim], window)
                      : window_region(wanted[dim], window);
  }
  if (std::holds_alternative<ConvolutionParams>(node.params)) region[3] = {0, input[3]};
  return region;
}

Region transposed_region(const NodeRecord& node, const Region& wanted) {
  const auto& permutation = std::get<TransposeParams>(node.params).permutation;
  Region region = wanted;
  for (std::size_t dim = 0; dim < wanted.rank(); ++dim) region[permutation[dim]] = wanted[dim];
  return region;
}

Region concatenated_region(const NodeRecord& node, const RecordShapes& shapes, Region wanted,
                           std::size_t operand) {
  const std::size_t axis = std::get<ConcatenateParams>(node.params).axis;
  std::int64_t offset = 0;
  for (std::size_t i = 0; i < operand; ++i) offset += shapes.inputs[i][axis];
  wanted[axis] = {wanted[axis].begin - offset, wanted[axis].end - offset};
  return wanted;
}

Region resized_region(const Shape& input, const Shape& output, const Region& wanted) {
  Region region = wanted;
  for (const std::size_t dim : {std::size_t{1}, std::size_t{2}}) {
    const double scale = static_cast<double>(input[dim]) / static_cast<double>(output[dim]);
    // Other factors' weights are rounded differently at every position.
    region[dim] = is_power_of_two(scale) ? bilinear_region(wanted[dim], scale, false, input[dim])
                                         : Interval{0, input[dim]};
  }
  return region;
}

/// Every interval moved by an offset of its dimension.
Region moved_region(const Region& wanted, std::span<const std::uint32_t> offsets, int sign) {
  Region region = wanted;
  for (std::size_t dim = 0; dim < wanted.rank(); ++dim) {
    const std::int64_t offset = sign * std::int64_t{offsets[dim]};
    region[dim] = {wanted[dim].begin + offset, wanted[dim].end + offset};
  }
  return region;
}

Result<void> check_rank(const NodeRecord& node, const Shape& input, std::size_t rank) {
  if (input.rank() == rank) return {};
  return fail(ErrorCode::kInvalidProgram, "{}: expected rank {}, found {}", name_of(node.kind),
              rank, input.to_string());
}

}  // namespace

std::optional<std::string> why_not_local(const NodeRecord& node) {
  const Family family = family_of(node.kind);
  if (family == Family::kNone) return "needs its whole input";
  if (family == Family::kResize && (node.flags & kAlignCorners) != 0) {
    return "aligns corners, which depends on the whole image's size";
  }
  if ((family == Family::kConvolution || family == Family::kPooling) &&
      (node.flags & kSamePadding) != 0) {
    return "pads by the size of its input";
  }
  return std::nullopt;
}

Result<Shape> record_output_shape(const NodeRecord& node, const RecordShapes& shapes) {
  const Shape& input = shapes.inputs[0];
  switch (family_of(node.kind)) {
    case Family::kElementwise:
      return broadcast_shape(node, shapes.inputs);
    case Family::kSoftmax:
      return input;
    case Family::kConcatenate:
      return concatenated_shape(node, shapes.inputs);
    case Family::kConvolution:
    case Family::kTransposedConvolution:
    case Family::kPooling:
      TRY(check_rank(node, input, 4));
      return windowed_shape(node, shapes);
    case Family::kTranspose: {
      const auto& permutation = std::get<TransposeParams>(node.params).permutation;
      TRY(check_rank(node, input, permutation.size()));
      Shape result = input;
      for (std::size_t dim = 0; dim < input.rank(); ++dim) result[dim] = input[permutation[dim]];
      return result;
    }
    case Family::kResize: {
      TRY(check_rank(node, input, 4));
      const auto& resize = std::get<ResizeParams>(node.params);
      return Shape{input[0], TRY(resized_size(node, input[1], shapes.bounds[1], resize.new_height)),
                   TRY(resized_size(node, input[2], shapes.bounds[2], resize.new_width)), input[3]};
    }
    case Family::kSlice:
      TRY(check_rank(node, input, std::get<SliceParams>(node.params).offsets.size()));
      return sliced_shape(node, input);
    case Family::kPad: {
      const auto& pad = std::get<ConstantPadParams>(node.params);
      TRY(check_rank(node, input, pad.pre_paddings.size()));
      Shape result = input;
      for (std::size_t dim = 0; dim < input.rank(); ++dim) {
        result[dim] += std::int64_t{pad.pre_paddings[dim]} + pad.post_paddings[dim];
      }
      return result;
    }
    case Family::kNone:
      break;
  }
  return fail(ErrorCode::kNotSupported, "{} needs its whole input", name_of(node.kind));
}

Region record_input_region(const NodeRecord& node, const RecordShapes& shapes, const Shape& output,
                           const Region& wanted, std::size_t operand) {
  const Shape& input = shapes.inputs[operand];
  Region region = wanted;
  switch (family_of(node.kind)) {
    case Family::kElementwise:
      region = broadcast_region(wanted, input);
      break;
    case Family::kTranspose:
      region = transposed_region(node, wanted);
      break;
    case Family::kConvolution:
    case Family::kTransposedConvolution:
    case Family::kPooling:
      region = operand == 0 ? windowed_region(node, input, wanted) : Region::whole(input);
      break;
    case Family::kResize:
      region = resized_region(input, output, wanted);
      break;
    case Family::kConcatenate:
      region = concatenated_region(node, shapes, wanted, operand);
      break;
    case Family::kSlice:
      region = moved_region(wanted, std::get<SliceParams>(node.params).offsets, 1);
      break;
    case Family::kPad:
      region = moved_region(wanted, std::get<ConstantPadParams>(node.params).pre_paddings, -1);
      break;
    case Family::kSoftmax:
      region[input.rank() - 1] = {0, input[input.rank() - 1]};
      break;
    case Family::kNone:
      CHECK(false, "{} has no region rule", name_of(node.kind));
  }
  for (std::size_t dim = 0; dim < region.rank(); ++dim) region[dim] = clip(region[dim], input[dim]);
  return region;
}

}  // namespace tessera::ops
