// SPDX-License-Identifier: MIT
#include <cmath>

#include "base/try.h"
#include "ops/channel_affine.h"
#include "ops/dispatch.h"
#include "ops/moments.h"
#include "ops/shape_rules.h"
#include "ops/xnnpack_norms.h"

/// Batch normalisation, with running statistics or with the batch's own. fold_batch_norm merges
/// most of them into the convolution before.
namespace tessera::ops {

namespace {

using ir::KernelArguments;
using ir::KernelContext;
using ir::NodeView;
using ir::TensorType;
using ir::TypeArguments;
using Types = Result<std::vector<TensorType>>;

enum : std::size_t { kInput, kWeight, kBias, kRunningMean, kRunningVar };
/// Positions that differ between the operators.
enum : std::size_t { kNoTrainingEps = 6, kLegitTraining = 5, kLegitEps = 7, kNoStatsEps = 5 };

// ---- kernel ------------------------------------------------------------------------------------

/// Element `channel` of an optional tensor.
template <class T>
Compute<T> element(const KernelArguments& arguments, std::size_t position, std::size_t channel,
                   Compute<T> otherwise) {
  const Tensor* tensor = arguments.optional_tensor(position);
  return tensor == nullptr ? otherwise : static_cast<Compute<T>>(tensor->data<T>()[channel]);
}

/// Sizes of [batch, channels, plane].
struct Planes {
  std::int64_t batch = 0, channels = 0, size = 0;
};
Planes planes_of(const Shape& shape) {
  Planes planes{shape[0], shape[1], 1};
  for (std::size_t dim = 2; dim < shape.rank(); ++dim) planes.size *= shape[dim];
  return planes;
}

template <std::size_t kEps>
Result<void> kernel(KernelContext& context, const KernelArguments& arguments,
                    std::span<Tensor> outputs) {
  const Tensor& input = arguments.tensor(kInput);
  if (input.num_elements() == 0) return {};
  const Planes planes = planes_of(input.shape());
  dispatch<FloatTypes>(input.dtype(), [&]<class T>() {
    const std::size_t grain = kElementsPerThread / static_cast<std::size_t>(planes.size) + 1;
    const auto count = static_cast<std::size_t>(planes.batch * planes.channels);
    context.parallel_for(count, grain, [&](std::size_t begin, std::size_t end) {
      using C = Compute<T>;
      for (std::size_t plane = begin; plane < end; ++plane) {
        const std::size_t channel = plane % static_cast<std::size_t>(planes.channels);
        const C deviation = std::sqrt(element<T>(arguments, kRunningVar, channel, 1) +
                                      static_cast<C>(arguments.real(kEps)));
        const C scale = element<T>(arguments, kWeight, channel, 1) / deviation;
        const C offset = element<T>(arguments, kBias, channel, 0) -
                         element<T>(arguments, kRunningMean, channel, 0) * scale;
        const auto start = static_cast<std::int64_t>(plane) * planes.size;
        scale_run(input.data<T>() + start, outputs[0].data<T>() + start, planes.size, scale,
                  offset);
      }
    });
  });
  return {};
}

/// Writes the mean and the inverse deviation too.
Result<void> no_stats_kernel(KernelContext& context, const KernelArguments& arguments,
                             std::span<Tensor> outputs) {
  const Tensor& input = arguments.tensor(kInput);
  const Planes planes = planes_of(input.shape());
  const std::int64_t stride = planes.channels * planes.size;
  dispatch<FloatTypes>(input.dtype(), [&]<class T>() {
    const auto elements = static_cast<std::size_t>(planes.batch * planes.size);
    const std::size_t grain = kElementsPerThread / (elements + 1) + 1;
    const auto count = static_cast<std::size_t>(planes.channels);
    context.parallel_for(count, grain, [&](std::size_t begin, std::size_t end) {
      for (std::size_t channel = begin; channel < end; ++channel) {
        const std::int64_t start = static_cast<std::int64_t>(channel) * planes.size;
        const T* in = input.data<T>() + start;
        const Moments moments = moments_of(in, planes.batch, planes.size, stride);
        const double inverse = 1 / std::sqrt(moments.variance + arguments.real(kNoStatsEps));
        const double scale = element<T>(arguments, kWeight, channel, 1) * inverse;
        const double offset = element<T>(arguments, kBias, channel, 0) - moments.mean * scale;
        for (std::int64_t i = 0; i < planes.batch; ++i) {
          scale_run(in + i * stride, outputs[0].data<T>() + start + i * stride, planes.size, scale,
                    offset);
        }
        outputs[1].data<T>()[channel] = static_cast<T>(moments.mean);
        outputs[2].data<T>()[channel] = static_cast<T>(inverse);
      }
    });
  });
  return {};
}

// ---- shape -------------------------------------------------------------------------------------

/// Checks the input and `num_parameters` parameters of the channels behind it.
Result<void> check_operands(const TypeArguments& arguments, std::size_t num_parameters) {
  const TensorType& input = arguments.tensor(kInput);
  TRY(expect_types<FloatTypes>(input, "input"));
  TRY(expect_rank(input, "input", 2, Shape::kMaxRank));
  constexpr std::string_view kNames[] = {"weight", "bias", "running_mean", "running_var"};
  for (std::size_t i = 0; i < num_parameters; ++i) {
    const TensorType* parameter = arguments.optional_tensor(kWeight + i);
    if (parameter == nullptr) continue;
    TRY(expect_same_dtype(input, "input", *parameter, kNames[i]));
    TRY(expect_rank(*parameter, kNames[i], 1, 1));
    TRY(expect_equal(input.dims[1], "number of channels of 'input'", parameter->dims[0],
                     std::format("size of argument '{}'", kNames[i])));
  }
  return {};
}

Types infer(const TypeArguments& arguments) {
  TRY(check_operands(arguments, 4));
  // The batch's statistics, which inference does not compute, are empty.
  const TensorType empty{arguments.tensor(kInput).dtype, {0}};
  return std::vector{arguments.tensor(kInput), empty, empty};
}

Types infer_legit(const TypeArguments& arguments) {
  if (arguments.boolean(kLegitTraining)) {
    return fail(ErrorCode::kNotSupported, "argument 'training' is true, expected false");
  }
  return infer(arguments);
}

Types infer_no_stats(const TypeArguments& arguments) {
  TRY(check_operands(arguments, 2));
  if (!arguments.boolean(3)) {
    return fail(ErrorCode::kInvalidArgument,
                "argument 'training' is false, but there are no running statistics");
  }
  const TensorType& input = arguments.tensor(kInput);
  const TensorType statistics{input.dtype, {input.dims[1]}};
  return std::vector{input, statistics, statistics};
}

// ---- region ------------------------------------------------------------------------------------

Region input_region(const ir::RegionQuery& query) {
  if (query.argument == kInput) return query.output_region;
  Region channels;
  channels.push_back(query.output_region[1]);
  return channels;
}

// ---- XNNPACK -----------------------------------------------------------------------------------

Reason check_inference(const NodeView& view) {
  if (Reason reason = check_unused(view, 1)) return reason;
  for (const std::size_t position : {kWeight, kBias, kRunningMean, kRunningVar}) {
    const bool is_none = view.arguments.is_none(position);
    if (!is_none && constant_operand(view, position) == nullptr)
      return "a parameter is no constant";
  }
  return check_float_tensors(view);
}

/// A depthwise convolution of 1x1, which XNNPACK has a kernel of its own for; the factors and sums
/// of other ranks broadcast over what follows the channels.
Result<void> lower_inference(const NodeView& view, xnnpack::Builder& builder) {
  const ChannelAffine affine =
      channel_affine(constant_operand(view, kWeight), constant_operand(view, kBias),
                     *constant_operand(view, kRunningMean), *constant_operand(view, kRunningVar),
                     view.arguments.real(kNoTrainingEps));
  const auto channels = static_cast<std::int64_t>(affine.scale.size());
  const auto parameter = [&](const std::vector<double>& elements, const Shape& shape) {
    const std::vector<float> floats(elements.begin(), elements.end());
    return Tensor::of_bytes(DType::kF32, shape, std::as_bytes(std::span<const float>(floats)));
  };
  if (view.results[0].rank() == 4) {
    const std::uint32_t input = builder.input(operand(view, kInput), xnnpack::Layout::kNhwc);
    const std::uint32_t filter = builder.constant(parameter(affine.scale, {1, 1, 1, channels}));
    const std::uint32_t bias = builder.constant(parameter(affine.shift, {channels}));
    builder.add_node(
        {.kind = xnnpack::NodeKind::kDepthwiseConv2d,
         .inputs = {input, filter, bias},
         .outputs = {builder.output(view.node.results[0], xnnpack::Layout::kNhwc)},
         .params = xnnpack::ConvolutionParams{.groups = static_cast<std::uint32_t>(channels)}});
    return {};
  }
  xnnpack::Wiring wiring(builder);
  Shape shape = {1, channels};
  for (std::size_t dim = 2; dim < view.results[0].rank(); ++dim) shape.push_back(1);
  const auto x = wiring.input(operand(view, kInput), xnnpack::Layout::kNchw);
  const auto scaled = wiring.binary(xnnpack::NodeKind::kMultiply, x,
                                    wiring.constant(parameter(affine.scale, shape), x));
  wiring.output(view.node.results[0], xnnpack::Layout::kNchw,
                wiring.binary(xnnpack::NodeKind::kAdd, scaled,
                              wiring.constant(parameter(affine.shift, shape), x)));
  return {};
}

/// Without running statistics a batch of one is normalized channel by channel.
Reason check_no_stats(const NodeView& view) {
  if (Reason reason = check_float_image(view)) return reason;
  if (Reason reason = check_unused(view, 1)) return reason;
  if (view.arguments.tensor(kInput).dims[0] != ir::Dim(1)) return "the batch is not 1";
  return check_norm(view, kWeight, kBias);
}

Result<void> lower_no_stats(const NodeView& view, xnnpack::Builder& builder) {
  const ir::Dim& channels = view.arguments.tensor(kInput).dims[1];
  lower_group_norm(builder, operand(view, kInput), view.node.results[0],
                   static_cast<std::uint32_t>(channels.constant()),
                   {.eps = view.arguments.real(kNoStatsEps),
                    .weight = constant_operand(view, kWeight),
                    .bias = constant_operand(view, kBias)});
  return {};
}

// ---- samples, declaration ----------------------------------------------------------------------

constexpr ir::Sample kSamples[] = {{"(f32[2,3,5,6], f32[3], f32[3], f32[3], f32[3], 0.1, 1e-05)"},
                                   {"(f32[1,4,7], none, none, f32[4], f32[4], 0.1, 0.001)"},
                                   {"(f64[2,3,4,4], f64[3], f64[3], f64[3], f64[3], 0.1, 1e-05)"},
                                   {"(f16[2,3,4], f16[3], f16[3], f16[3], f16[3], 0.1, 1e-05)"},
                                   {"(bf16[2,3,4], bf16[3], none, bf16[3], bf16[3], 0.1, 1e-05)"}};
constexpr ir::Sample kLegitSamples[] = {
    {"(f32[2,3,5,6], f32[3], f32[3], f32[3], f32[3], false, 0.1, 1e-05)"},
    {"(f64[2,3], none, f64[3], f64[3], f64[3], false, 0.1, 0.001)"}};
constexpr ir::Sample kNoStatsSamples[] = {{"(f32[2,3,5,6], f32[3], f32[3], true, 0.1, 1e-05)"},
                                          {"(f32[1,3,15,6], none, none, true, 0.1, 0.001)"},
                                          {"(f64[3,4], f64[4], none, true, 0.1, 1e-05)"},
                                          {"(bf16[2,3,19], none, none, true, 0.1, 1e-05)"}};

constexpr ir::Operator kOperators[] = {
    {.schema = "aten::_native_batch_norm_legit_no_training(Tensor input, Tensor? weight, Tensor? "
               "bias, Tensor running_mean, Tensor running_var, float momentum, float eps) -> "
               "(Tensor, Tensor, Tensor)",
     .out_name = "aten::_native_batch_norm_legit_no_training.out",
     .infer = infer,
     .kernel = kernel<kNoTrainingEps>,
     .input_region = input_region,
     .xnnpack = {check_inference, lower_inference},
     .samples = kSamples},
    {.schema = "aten::_native_batch_norm_legit(Tensor input, Tensor? weight, Tensor? bias, Tensor "
               "running_mean, Tensor running_var, bool training, float momentum, float eps) -> "
               "(Tensor, Tensor, Tensor)",
     .out_name = "aten::_native_batch_norm_legit.out",
     .infer = infer_legit,
     .kernel = kernel<kLegitEps>,
     .input_region = input_region,
     .samples = kLegitSamples},
    {.schema = "aten::_native_batch_norm_legit.no_stats(Tensor input, Tensor? weight, Tensor? "
               "bias, bool training, float momentum, float eps) -> (Tensor, Tensor, Tensor)",
     .out_name = "aten::_native_batch_norm_legit.no_stats_out",
     .infer = infer_no_stats,
     .kernel = no_stats_kernel,
     .xnnpack = {check_no_stats, lower_no_stats},
     .samples = kNoStatsSamples},
};

}  // namespace

std::span<const ir::Operator> batch_norm_operators() { return kOperators; }

}  // namespace tessera::ops
