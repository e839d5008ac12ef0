// SPDX-License-Identifier: MIT
#include "xnnpack/infer_shapes.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "base/try.h"
#include "xnnpack/node_kinds.h"
#include "xnnpack/payload_check.h"

namespace tessera::xnnpack {
namespace {

constexpr std::int64_t kMaxElements = std::int64_t{1} << 56;  // so that bytes fit in 64 bits

template <class... Args>
std::unexpected<Error> wrong(std::format_string<Args...> format, Args&&... args) {
  return fail(ErrorCode::kInvalidArgument, format, std::forward<Args>(args)...);
}

Result<void> check_size(const Shape& shape) {
  std::int64_t num_elements = 1;
  for (const std::int64_t size : shape) {
    if (size < 1) return wrong("{} has a size below 1", shape.to_string());
    if (num_elements > kMaxElements / size) return wrong("{} is too large", shape.to_string());
    num_elements *= size;
  }
  return {};
}

/// Sizes in the record are upper bounds, so that nothing inside can become larger than the file
/// says, whatever paddings and windows it has.
Result<void> check_bound(const ValueRecord& value, const Shape& shape) {
  std::uint64_t bound = 1;
  for (const std::uint32_t size : value.dims) {
    if (__builtin_mul_overflow(bound, std::uint64_t{size}, &bound)) return {};
  }
  const bool is_inner = value.flags == 0;
  if (!is_inner || std::cmp_less_equal(shape.num_elements(), bound)) return {};
  return wrong(
      "value {} would have the sizes {}, more than the {} elements that the program gives it",
      value.id, shape.to_string(), bound);
}

/// How many windows fit.
Result<std::int64_t> num_windows(std::int64_t size, std::uint32_t kernel, std::uint32_t stride,
                                 std::uint32_t dilation, std::uint32_t padding_before,
                                 std::uint32_t padding_after) {
  const std::int64_t extent = std::int64_t{kernel - 1} * dilation + 1;
  const std::int64_t padded = size + padding_before + padding_after;
  if (padded < extent) return wrong("a window of {} in a padded size of {}", extent, padded);
  return (padded - extent) / stride + 1;
}

Result<std::int64_t> transposed_size(std::int64_t size, std::uint32_t kernel, std::uint32_t stride,
                                     std::uint32_t dilation, std::uint32_t padding,
                                     std::uint32_t adjustment) {
  if (size > kMaxElements / stride) return wrong("size {} is too large", size);
  const std::int64_t extent = std::int64_t{kernel - 1} * dilation + 1;
  const std::int64_t result = stride * (size - 1) + extent + adjustment - padding;
  if (result < 1) return wrong("padding {} leaves nothing of size {}", padding, size);
  return result;
}

Result<Shape> convolution_shape(const NodeRecord& node, const Shape& input) {
  const auto& p = std::get<ConvolutionParams>(node.params);
  const std::int64_t channels = std::int64_t{p.groups} * p.group_input_channels;
  if (input[3] != channels) return wrong("{} input channels, expected {}", input[3], channels);
  Shape shape = input;
  shape[3] = std::int64_t{p.groups} * p.group_output_channels;
  if (node.kind == NodeKind::kConvTranspose2d) {
    shape[1] =
        TRY(transposed_size(input[1], p.kernel_height, p.subsampling_height, p.dilation_height,
                            p.padding_top + p.padding_bottom, p.adjustment_height));
    shape[2] = TRY(transposed_size(input[2], p.kernel_width, p.subsampling_width, p.dilation_width,
                                   p.padding_left + p.padding_right, p.adjustment_width));
  } else {
    shape[1] = TRY(num_windows(input[1], p.kernel_height, p.subsampling_height, p.dilation_height,
                               p.padding_top, p.padding_bottom));
    shape[2] = TRY(num_windows(input[2], p.kernel_width, p.subsampling_width, p.dilation_width,
                               p.padding_left, p.padding_right));
  }
  return shape;
}

Result<Shape> pooling_shape(const NodeRecord& node, const Shape& input) {
  const auto& p = std::get<PoolingParams>(node.params);
  Shape shape = input;
  shape[1] = TRY(num_windows(input[1], p.pooling_height, p.stride_height, p.dilation_height,
                             p.padding_top, p.padding_bottom));
  shape[2] = TRY(num_windows(input[2], p.pooling_width, p.stride_width, p.dilation_width,
                             p.padding_left, p.padding_right));
  return shape;
}

/// Sizes from the right; `num_kept` trailing ones of `a` are left alone.
Result<Shape> broadcast(const Shape& a, const Shape& b, std::size_t num_kept = 0) {
  const std::size_t rank = std::max(a.rank(), b.rank());
  const auto from_right = [](const Shape& shape, std::size_t i) {
    return i < shape.rank() ? shape[shape.rank() - 1 - i] : 1;
  };
  Shape shape;
  for (std::size_t dim = 0; dim < rank; ++dim) {
    const std::size_t i = rank - 1 - dim;
    const std::int64_t size_a = from_right(a, i), size_b = from_right(b, i);
    if (i >= num_kept && size_a != size_b && size_a != 1 && size_b != 1) {
      return wrong("{} and {} do not go together", a.to_string(), b.to_string());
    }
    shape.push_back(i < num_kept ? size_a : std::max(size_a, size_b));
  }
  return shape;
}

Result<Shape> matrix_product_shape(const NodeRecord& node, const Shape& a, const Shape& b) {
  if (a.rank() < 2 || b.rank() < 2) return wrong("a matrix has at least 2 dims");
  const bool is_transposed = (node.flags & kTransposeWeights) != 0;
  const std::int64_t last = b[b.rank() - 1], before = b[b.rank() - 2];
  if (a[a.rank() - 1] != (is_transposed ? last : before)) {
    return wrong("{} and {} cannot be multiplied", a.to_string(), b.to_string());
  }
  Shape shape = TRY(broadcast(a, b, /*num_kept=*/2));
  shape[shape.rank() - 1] = is_transposed ? before : last;
  return shape;
}

Result<Shape> fully_connected_shape(const NodeRecord& node, const Shape& input,
                                    const Shape& filter) {
  const bool is_transposed = (node.flags & kTransposeWeights) != 0;
  const std::int64_t channels = filter[is_transposed ? 0 : 1];
  if (input[input.rank() - 1] != channels) {
    return wrong("{} input channels, expected {}", input[input.rank() - 1], channels);
  }
  Shape shape = input;
  shape[shape.rank() - 1] = filter[is_transposed ? 1 : 0];
  return shape;
}

Result<Shape> reshaped(const ReshapeParams& params, const Shape& input) {
  std::int64_t known = 1;
  for (const std::uint32_t size : params.new_shape) {
    if (size != 0 && known > kMaxElements / size) return wrong("the new shape is too large");
    if (size != 0) known *= size;
  }
  const std::int64_t num_elements = input.num_elements();
  const bool infers = std::ranges::contains(params.new_shape, 0u);
  if (infers ? num_elements % known != 0 : num_elements != known) {
    return wrong("{} does not have as many elements as the new shape", input.to_string());
  }
  Shape shape;
  for (const std::uint32_t size : params.new_shape) {
    shape.push_back(size == 0 ? num_elements / known : size);
  }
  return shape;
}

Result<Shape> slice_shape(const SliceParams& params, const Shape& input) {
  Shape shape;
  for (std::size_t dim = 0; dim < input.rank(); ++dim) {
    const std::int64_t offset = params.offsets[dim], size = params.sizes[dim];
    // XNNPACK takes size 0 as the whole dim, not as what follows the offset.
    const std::int64_t taken = size == 0 ? input[dim] : size;
    if (offset + taken > input[dim]) {
      return wrong("[{}, +{}] of size {} in dim {}", offset, taken, input[dim], dim);
    }
    shape.push_back(taken);
  }
  return shape;
}

Result<Shape> concatenated(std::uint32_t axis, std::span<const Shape* const> inputs) {
  Shape shape = *inputs[0];
  for (const Shape* input : inputs.subspan(1)) {
    Shape expected = *input;
    expected[axis] = shape[axis];
    if (expected != shape) {
      return wrong("{} and {} do not go together", shape.to_string(), input->to_string());
    }
    shape[axis] += (*input)[axis];
  }
  return shape;
}

Result<Shape> unary_shape(const NodeRecord& node, const Shape& input) {
  if (node.kind == NodeKind::kSoftmax && input.rank() == 0) return wrong("input has no dims");
  if (node.kind != NodeKind::kGlobalAvgPooling2d) return input;
  if ((node.flags & kKeepDims) == 0) return Shape{input[0], input[3]};
  return Shape{input[0], 1, 1, input[3]};
}

Result<Shape> padded(const ConstantPadParams& params, const Shape& input) {
  Shape shape = input;
  for (std::size_t dim = 0; dim < input.rank(); ++dim) {
    shape[dim] += std::int64_t{params.pre_paddings[dim]} + params.post_paddings[dim];
  }
  return shape;
}

Result<Shape> output_shape(const NodeRecord& node, std::span<const Shape* const> inputs) {
  const Shape& input = *inputs[0];
  switch (info_of(node.kind).form) {
    case NodeForm::kUnary:
      return unary_shape(node, input);
    case NodeForm::kSlope:
      return input;
    case NodeForm::kBinary:
      return node.kind == NodeKind::kBatchMatrixMultiply
                 ? matrix_product_shape(node, input, *inputs[1])
                 : broadcast(input, *inputs[1]);
    case NodeForm::kConcatenate:
      return concatenated(std::get<ConcatenateParams>(node.params).axis, inputs);
    case NodeForm::kConvolution:
      return convolution_shape(node, input);
    case NodeForm::kPooling:
    case NodeForm::kArgMaxPooling:
      return pooling_shape(node, input);
    case NodeForm::kTranspose: {
      Shape shape;
      for (const std::uint32_t dim : std::get<TransposeParams>(node.params).permutation) {
        shape.push_back(input[dim]);
      }
      return shape;
    }
    case NodeForm::kReshape:
      return reshaped(std::get<ReshapeParams>(node.params), input);
    case NodeForm::kSlice:
      return slice_shape(std::get<SliceParams>(node.params), input);
    case NodeForm::kConstantPad:
      return padded(std::get<ConstantPadParams>(node.params), input);
    case NodeForm::kResize: {
      const auto& p = std::get<ResizeParams>(node.params);
      return Shape{input[0], p.new_height, p.new_width, input[3]};
    }
    case NodeForm::kFullyConnected:
      return fully_connected_shape(node, input, *inputs[1]);
    case NodeForm::kAttention:
      return fail(ErrorCode::kNotSupported, "not supported");
  }
  std::unreachable();
}

}  // namespace

ShapeInference::ShapeInference(const Payload& payload)
    : payload_(payload), shapes_(payload.values.size()) {
  std::unordered_map<std::uint32_t, std::size_t> index_of;
  std::vector<std::size_t> externals(payload.num_externals);
  std::size_t num_inputs = 0;
  for (std::size_t i = 0; i < payload.values.size(); ++i) {
    const auto& value = payload.values[i];
    index_of.emplace(value.id, i);
    if (value.flags != 0) externals[value.external_id] = i;
    if ((value.flags & ValueRecord::kExternalInput) != 0) ++num_inputs;
    if (value.constant_index != 0) {
      for (const std::uint32_t dim : value.dims) shapes_[i].push_back(dim);
    }
  }
  const auto first_output = externals.begin() + static_cast<std::ptrdiff_t>(num_inputs);
  inputs_.assign(externals.begin(), first_output);
  outputs_.assign(first_output, externals.end());
  for (const auto& node : payload.nodes) {
    Operands operands;
    for (const std::uint32_t id : node.inputs) {
      if (id != kNoValue) operands.inputs.push_back(index_of.at(id));
    }
    for (const std::uint32_t id : node.outputs) operands.outputs.push_back(index_of.at(id));
    operands_.push_back(std::move(operands));
  }
}

Result<void> ShapeInference::run(std::span<const Shape> inputs) {
  if (inputs.size() != inputs_.size()) {
    return wrong("XNNPACK delegate: {} inputs, expected {}", inputs.size(), inputs_.size());
  }
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const std::size_t rank = payload_.values[inputs_[i]].dims.size();
    if (inputs[i].rank() != rank) {
      return wrong("XNNPACK delegate: input {} has {} dims, expected {}", i, inputs[i].rank(),
                   rank);
    }
    TRY(check_size(inputs[i]));
    shapes_[inputs_[i]] = inputs[i];
  }
  std::vector<const Shape*> operand_shapes;
  for (std::size_t i = 0; i < payload_.nodes.size(); ++i) {
    operand_shapes.clear();
    for (const std::size_t value : operands_[i].inputs) operand_shapes.push_back(&shapes_[value]);
    const auto checked = [&](const Shape& shape) -> Result<void> {
      TRY(check_size(shape));
      for (const std::size_t value : operands_[i].outputs) {
        if (shape.rank() != payload_.values[value].dims.size()) {
          return wrong("{} has not the {} dims of value {}", shape.to_string(),
                       payload_.values[value].dims.size(), payload_.values[value].id);
        }
        TRY(check_bound(payload_.values[value], shape));
        shapes_[value] = shape;
      }
      return {};
    };
    auto done = output_shape(payload_.nodes[i], operand_shapes).and_then(checked);
    if (!done) {
      return with_context(std::move(done).error(),
                          std::format("XNNPACK delegate: {}", describe(payload_, i)));
    }
  }
  return {};
}

}  // namespace tessera::xnnpack
