// SPDX-License-Identifier: MIT
#include <algorithm>

#include "base/try.h"
#include "ops/convolution_kernel.h"
#include "ops/convolution_rule.h"
#include "ops/dispatch.h"
#include "ops/region_rules.h"
#include "ops/shape_rules.h"

namespace tessera::ops {

using namespace convolution;

namespace {

using ir::Dim;
using ir::KernelArguments;
using ir::KernelContext;
using ir::TensorType;
using ir::TypeArguments;
using Types = Result<std::vector<TensorType>>;

// ---- kernel ------------------------------------------------------------------------------------

/// The axis of spatial dimension `dim`.
WindowAxis axis_of(const KernelArguments& arguments, const Shape& output, std::size_t dim) {
  return {.input = arguments.tensor(kInput).size(2 + dim),
          .output = output[2 + dim],
          .kernel = arguments.tensor(kWeight).size(2 + dim),
          .stride = list_element(arguments, kStride, dim),
          .padding = list_element(arguments, kPadding, dim),
          .dilation = list_element(arguments, kDilation, dim)};
}

/// A 1-D convolution is a 2-D one of height 1.
ConvolutionGeometry geometry_of(const KernelArguments& arguments, const Shape& output) {
  const Shape& input = arguments.tensor(kInput).shape();
  const std::int64_t groups = arguments.integer(kGroups);
  const bool is_2d = input.rank() == 4;
  return {.batch = input[0],
          .groups = groups,
          .input_channels = input[1] / groups,
          .output_channels = output[1] / groups,
          .height = is_2d ? axis_of(arguments, output, 0) : WindowAxis(),
          .width = axis_of(arguments, output, is_2d ? 1 : 0),
          .is_transposed = arguments.boolean(kTransposed)};
}

Result<void> kernel(KernelContext& context, const KernelArguments& arguments,
                    std::span<Tensor> outputs) {
  const ConvolutionGeometry geometry = geometry_of(arguments, outputs[0].shape());
  const Tensor* bias = arguments.optional_tensor(kBias);
  dispatch<RealTypes>(outputs[0].dtype(), [&]<class T>() {
    convolve<T>(context, geometry, std::as_const(arguments.tensor(kInput)).data<T>(),
                std::as_const(arguments.tensor(kWeight)).data<T>(),
                bias == nullptr ? nullptr : std::as_const(*bias).data<T>(), outputs[0].data<T>());
  });
  return {};
}

// ---- shape -------------------------------------------------------------------------------------

/// Weights are [output channels, input channels per group, ...], transposed ones [input channels,
/// output channels per group, ...].
Result<void> check_channels(const TypeArguments& arguments, std::int64_t groups) {
  const TensorType& input = arguments.tensor(kInput);
  const TensorType& weight = arguments.tensor(kWeight);
  const bool is_transposed = arguments.boolean(kTransposed);
  if (is_transposed) {
    TRY(expect_equal(weight.dims[0], "size 0 of argument 'weight'", input.dims[1],
                     "channels of argument 'input'"));
  } else {
    TRY(expect_equal(weight.dims[1] * Dim(groups), "channels of argument 'weight' times groups",
                     input.dims[1], "channels of argument 'input'"));
  }
  if (weight.dims[0].constant() % groups == 0) return {};
  return fail(ErrorCode::kInvalidArgument,
              "argument 'weight' has {} {} channels, expected a multiple of 'groups', {}",
              weight.dims[0].constant(), is_transposed ? "input" : "output", groups);
}

/// Checks dtypes, ranks and channel counts.
Result<void> check_operands(const TypeArguments& arguments, std::int64_t groups) {
  const TensorType& input = arguments.tensor(kInput);
  const TensorType& weight = arguments.tensor(kWeight);
  TRY(expect_types<RealTypes>(input, "input"));
  TRY(expect_same_dtype(input, "input", weight, "weight"));
  TRY(expect_rank(input, "input", 3, 4));
  TRY(expect_rank(weight, "weight", input.rank(), input.rank()));
  for (const Dim& dim : weight.dims) {
    if (dim.is_constant() && dim.constant() >= 1 && dim.constant() <= kMaxWindowParameter) continue;
    return fail(ErrorCode::kInvalidArgument, "argument 'weight' has sizes {}, expected 1 to {}",
                to_string(weight.dims), kMaxWindowParameter);
  }
  return check_channels(arguments, groups);
}

Result<void> check_bias(const TypeArguments& arguments, const Dim& output_channels) {
  const TensorType* bias = arguments.optional_tensor(kBias);
  if (bias == nullptr) return {};
  TRY(expect_same_dtype(arguments.tensor(kInput), "input", *bias, "bias"));
  TRY(expect_rank(*bias, "bias", 1, 1));
  return expect_equal(output_channels, "output channels of argument 'weight'", bias->dims[0],
                      "size of argument 'bias'");
}

/// Size of the result of a transposed convolution.
Result<Dim> transposed_output(const Dim& input, const WindowSize& window,
                              std::int64_t output_padding) {
  const std::int64_t extent = window.dilation * (window.kernel - 1) + 1;
  const Dim size = input * Dim(window.stride) +
                   Dim(extent + output_padding - window.stride - 2 * window.padding);
  if (size.is_constant() && size.constant() < 1) {
    return fail(ErrorCode::kInvalidArgument,
                "size of 'input' is {}, which gives a result of size {} with kernel {}, stride {} "
                "and padding {}",
                input.to_string(), size.constant(), window.kernel, window.stride, window.padding);
  }
  return size;
}

Types infer(const TypeArguments& arguments) {
  const std::int64_t groups =
      TRY(integer_argument(arguments, kGroups, "groups", 1, kMaxWindowParameter));
  TRY(check_operands(arguments, groups));
  const TensorType& input = arguments.tensor(kInput);
  const TensorType& weight = arguments.tensor(kWeight);
  const bool is_transposed = arguments.boolean(kTransposed);
  const Dim output_channels = is_transposed ? weight.dims[1] * Dim(groups) : weight.dims[0];
  TRY(check_bias(arguments, output_channels));
  const std::size_t num_spatial = input.rank() - 2;
  const auto stride = TRY(integers_argument(arguments, kStride, "stride", num_spatial, 1));
  const auto padding = TRY(integers_argument(arguments, kPadding, "padding", num_spatial, 0));
  const auto dilation = TRY(integers_argument(arguments, kDilation, "dilation", num_spatial, 1));
  const auto output_padding =
      TRY(integers_argument(arguments, kOutputPadding, "output_padding", num_spatial, 0));
  TensorType result{input.dtype, {input.dims[0], output_channels}};
  for (std::size_t i = 0; i < num_spatial; ++i) {
    const WindowSize window{.kernel = weight.dims[2 + i].constant(),
                            .stride = stride[i],
                            .dilation = dilation[i],
                            .padding = padding[i]};
    if (is_transposed && output_padding[i] >= std::max(stride[i], dilation[i])) {
      return fail(ErrorCode::kInvalidArgument,
                  "argument 'output_padding' is {}, expected less than stride {} or dilation {}",
                  output_padding[i], stride[i], dilation[i]);
    }
    result.dims.push_back(is_transposed
                              ? TRY(transposed_output(input.dims[2 + i], window, output_padding[i]))
                              : TRY(window_output(input.dims[2 + i], window, "size of 'input'")));
  }
  return std::vector{std::move(result)};
}

// ---- region ------------------------------------------------------------------------------------

/// A transposed convolution of the interval cuts `padding` off its result on both sides: the
/// interval is as long as the wanted outputs need.
Interval transposed_interval(Interval output, const Window& window, std::int64_t output_padding) {
  const Interval needed = transposed_window_region(output, window);
  const std::int64_t extent = window.dilation * (window.kernel - 1) + 1;
  const std::int64_t room = output.end + 2 * window.padding_before - output_padding - extent;
  return {std::min(needed.begin, output.begin / window.stride),
          std::max(needed.end, (room + window.stride - 1) / window.stride + 1)};
}

Region input_region(const ir::RegionQuery& query) {
  const auto shape = ir::constant_shape(query.arguments.tensor(query.argument));
  CHECK(shape.has_value());
  Region region = Region::whole(*shape);
  if (query.argument != kInput) return region;
  region[0] = query.output_region[0];
  for (std::size_t i = 2; i < shape->rank(); ++i) {
    const Window window{.kernel = query.arguments.tensor(kWeight).dims[i].constant(),
                        .stride = list_element(query.arguments, kStride, i - 2),
                        .dilation = list_element(query.arguments, kDilation, i - 2),
                        .padding_before = list_element(query.arguments, kPadding, i - 2)};
    const Interval interval =
        query.arguments.boolean(kTransposed)
            ? transposed_interval(query.output_region[i], window,
                                  list_element(query.arguments, kOutputPadding, i - 2))
            : window_region(query.output_region[i], window);
    region[i] = clip(interval, (*shape)[i]);
  }
  return region;
}

// ---- samples, declaration ----------------------------------------------------------------------

constexpr ir::Sample kSamples[] = {
    {"(f32[1,3,8,19], f32[5,3,3,3], f32[5], [1,1], [1,1], [1,1], false, [0,0], 1)"},
    {"(f32[2,3,9,11], f32[8,3,3,3], none, [2,2], [1,1], [1,1], false, [0,0], 1)"},
    {"(f32[1,6,7,23], f32[9,6,1,1], f32[9], [1,1], [0,0], [1,1], false, [0,0], 1)"},
    {"(f32[1,8,12,21], f32[8,1,3,3], f32[8], [1,1], [1,1], [1,1], false, [0,0], 8)"},
    {"(f32[1,1,12,21], f32[4,1,3,3], none, [1,1], [1,1], [1,1], false, [0,0], 1)"},
    {"(f32[1,4,13,15], f32[6,2,3,2], f32[6], [2,3], [2,1], [2,2], false, [0,0], 2)"},
    {"(f32[1,2,9,9], f32[3,2,5,1], f32[3], [3,1], [0,0], [1,1], false, [0,0], 1)"},
    {"(f32[2,4,20], f32[6,2,3], f32[6], [2], [1], [1], false, [0], 2)"},
    {"(f64[1,2,6,9], f64[3,2,3,3], f64[3], [1,1], [1,1], [1,1], false, [0,0], 1)"},
    {"(f16[1,2,6,9], f16[3,2,3,3], f16[3], [1,1], [1,1], [1,1], false, [0,0], 1)"},
    {"(bf16[1,4,6,9], bf16[4,1,3,3], none, [2,1], [1,1], [1,1], false, [0,0], 4)"},
    {"(i64[1,2,6,9], i64[3,2,3,3], i64[3], [1,1], [1,1], [1,1], false, [0,0], 1)"},
    {"(f32[1,2,11,20], f32[19,2,3,3], f32[19], [1,1], [10,1], [10,1], false, [0,0], 1)"},
    {"(f32[0,3,4,5], f32[2,3,3,3], none, [1,1], [1,1], [1,1], false, [0,0], 1)"},
    {"(f32[1,40,1,70], f32[5,40,1,1], f32[5], [1,1], [0,0], [1,1], false, [0,0], 1)"},
    {"(f32[1,3,14,16], f32[3,4,2,2], f32[4], [2,2], [0,0], [1,1], true, [0,0], 1)"},
    {"(f32[2,4,5,6], f32[4,3,3,4], f32[6], [2,3], [1,2], [1,1], true, [1,2], 2)"},
    {"(f32[1,2,13,15], f32[2,3,3,3], none, [1,1], [1,1], [2,2], true, [0,1], 1)"},
    {"(f32[1,3,5,6], f32[3,1,1,2], f32[3], [3,3], [0,0], [1,1], true, [2,1], 3)"},
    {"(f32[2,4,20], f32[4,3,3], f32[3], [2], [1], [1], true, [1], 1)"},
    {"(f64[1,2,5,6], f64[2,3,3,3], f64[3], [2,2], [1,1], [1,1], true, [0,0], 1)"},
    {"(bf16[1,2,5,6], bf16[2,3,3,3], bf16[3], [2,2], [1,1], [1,1], true, [0,0], 1)"}};

constexpr ir::Operator kOperators[] = {
    {.schema = "aten::convolution(Tensor input, Tensor weight, Tensor? bias, SymInt[] stride, "
               "SymInt[] padding, SymInt[] dilation, bool transposed, SymInt[] output_padding, "
               "SymInt groups) -> Tensor",
     .out_name = "aten::convolution.out",
     .infer = infer,
     .kernel = kernel,
     .input_region = input_region,
     .xnnpack = {check_convolution, lower_convolution},
     .quantize = {.kind = ir::QuantKind::kWeighted,
                  .weight = convolution::kWeight,
                  .bias = convolution::kBias,
                  .transposed_flag = convolution::kTransposed,
                  .check = check_int8_convolution},
     .samples = kSamples},
};

}  // namespace

std::span<const ir::Operator> convolution_operators() { return kOperators; }

}  // namespace tessera::ops
