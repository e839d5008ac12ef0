// SPDX-License-Identifier: MIT
#include <span>
#include <vector>

#include "base/try.h"
#include "ops/affine.h"
#include "ops/affine_runs.h"
#include "ops/dispatch.h"
#include "ops/same_shape.h"
#include "ops/shape_rules.h"

/// From real numbers to integers.
namespace tessera::ops {

namespace {

using ir::KernelArguments;
using ir::KernelContext;
using ir::TensorType;
using ir::TypeArguments;
using Types = Result<std::vector<TensorType>>;

namespace per_tensor {
enum : std::size_t { kInput, kScale, kZeroPoint, kQuantMin, kQuantMax, kDtype };
}
namespace per_channel {
enum : std::size_t { kInput, kScales, kZeroPoints, kAxis, kQuantMin, kQuantMax, kDtype };
}
namespace per_token {
enum : std::size_t { kInput, kScales, kZeroPoints, kQuantMin, kQuantMax, kDtype };
}

// ---- kernel ------------------------------------------------------------------------------------

Result<void> quantize(KernelContext& context, const Tensor& input, const AffineRuns& runs,
                      const QuantRange& range, Tensor& output) {
  dispatch<FloatTypes>(input.dtype(), [&]<class T>() {
    dispatch<QuantizedTypes>(output.dtype(), [&]<class Q>() {
      for_each_run(
          context, runs, [&](std::int64_t first, std::int64_t count, const AffineParams& params) {
            quantize_run(input.data<T>() + first, output.data<Q>() + first, count, params, range);
          });
    });
  });
  return {};
}

Result<void> per_tensor_kernel(KernelContext& context, const KernelArguments& arguments,
                               std::span<Tensor> outputs) {
  using namespace per_tensor;
  const AffineParams params{static_cast<float>(arguments.real(kScale)),
                            static_cast<std::int32_t>(arguments.integer(kZeroPoint))};
  const Tensor& input = arguments.tensor(kInput);
  return quantize(context, input, one_run(input, params), quant_range(arguments, kQuantMin),
                  outputs[0]);
}

Result<void> per_tensor_tensor_kernel(KernelContext& context, const KernelArguments& arguments,
                                      std::span<Tensor> outputs) {
  using namespace per_tensor;
  const AffineParams params =
      TRY(params_at(arguments.tensor(kScale), &arguments.tensor(kZeroPoint), 0));
  const Tensor& input = arguments.tensor(kInput);
  return quantize(context, input, one_run(input, params), quant_range(arguments, kQuantMin),
                  outputs[0]);
}

Result<void> per_channel_kernel(KernelContext& context, const KernelArguments& arguments,
                                std::span<Tensor> outputs) {
  using namespace per_channel;
  const Tensor& input = arguments.tensor(kInput);
  const AffineRuns runs =
      TRY(channel_runs(input, arguments.integer(kAxis), arguments.tensor(kScales),
                       arguments.optional_tensor(kZeroPoints)));
  return quantize(context, input, runs, quant_range(arguments, kQuantMin), outputs[0]);
}

Result<void> per_token_kernel(KernelContext& context, const KernelArguments& arguments,
                              std::span<Tensor> outputs) {
  using namespace per_token;
  const Tensor& input = arguments.tensor(kInput);
  const AffineRuns runs =
      TRY(token_runs(input, arguments.tensor(kScales), &arguments.tensor(kZeroPoints)));
  return quantize(context, input, runs, quant_range(arguments, kQuantMin), outputs[0]);
}

// ---- shape -------------------------------------------------------------------------------------

/// The result of quantizing the input with the range and dtype that start at this position.
Types quantized_type(const TypeArguments& arguments, std::size_t quant_min) {
  const TensorType& input = arguments.tensor(0);
  TRY(expect_types<FloatTypes>(input, "input"));
  const TensorType result{TRY(quantized_dtype_argument(arguments, quant_min + 2)), input.dims};
  TRY(quant_range_argument(arguments, quant_min, result.dtype));
  return std::vector{result};
}

Types infer_per_tensor(const TypeArguments& arguments) {
  TRY(expect_zero_point(arguments, per_tensor::kZeroPoint));
  return quantized_type(arguments, per_tensor::kQuantMin);
}

Types infer_per_tensor_tensor(const TypeArguments& arguments) {
  TRY(expect_one_param(arguments.tensor(per_tensor::kScale),
                       arguments.tensor(per_tensor::kZeroPoint)));
  return quantized_type(arguments, per_tensor::kQuantMin);
}

Types infer_per_channel(const TypeArguments& arguments) {
  using namespace per_channel;
  TRY(expect_channel_params(arguments, kAxis, arguments.tensor(kScales),
                            arguments.optional_tensor(kZeroPoints)));
  return quantized_type(arguments, kQuantMin);
}

Types infer_per_token(const TypeArguments& arguments) {
  using namespace per_token;
  TRY(expect_token_params(arguments.tensor(kInput), arguments.tensor(kScales),
                          arguments.tensor(kZeroPoints)));
  return quantized_type(arguments, kQuantMin);
}

// ---- samples, declaration ----------------------------------------------------------------------

constexpr ir::Sample kPerTensorSamples[] = {{"(f32[3,40], 0.02, 3, -128, 127, 1)"},
                                            {"(f32[3,4], 0.03125, 128, 0, 255, 0)"},
                                            {"(f32[3,4], 0.0001, -7, -32768, 32767, 2)"},
                                            {"(f32[3,4], 1e-09, 5, -2147483648, 2147483647, 3)"},
                                            {"(f16[9], 0.1, 0, -8, 7, 1)"},
                                            {"(bf16[9], 0.1, 0, -8, 7, 1)"},
                                            {"(f32[], 0.1, 0, -8, 7, 1)"},
                                            {"(f32[0,2], 0.1, 0, -8, 7, 1)"}};
constexpr ir::Sample kPerTensorTensorSamples[] = {{"(f32[3,40], f64[1], i64[1], -128, 127, 1)"},
                                                  {"(f32[7], f32[1], i32[1], 0, 255, 0)", 9}};
constexpr ir::Sample kPerChannelSamples[] = {{"(f32[2,3,5], f32[3], i64[3], 1, -128, 127, 1)"},
                                             {"(f32[3,5], f32[5], i32[5], -1, -8, 7, 1)"},
                                             {"(f32[5,3], f64[5], i64[5], 0, 0, 255, 0)", 100}};
constexpr ir::Sample kPerTokenSamples[] = {{"(f32[2,3,5], f64[2,3,1], i64[2,3,1], -128, 127, 1)"},
                                           {"(f32[3,5], f32[3,1], i32[3,1], -8, 7, 1)", 3}};

constexpr ir::Operator kOperators[] = {
    {.schema = "quantized_decomposed::quantize_per_tensor(Tensor input, float scale, int "
               "zero_point, int quant_min, int quant_max, ScalarType dtype) -> Tensor",
     .out_name = "quantized_decomposed::quantize_per_tensor.out",
     .infer = infer_per_tensor,
     .kernel = per_tensor_kernel,
     .input_region = same_region,
     .samples = kPerTensorSamples},
    {.schema = "quantized_decomposed::quantize_per_tensor.tensor(Tensor input, Tensor scale, "
               "Tensor zero_point, int quant_min, int quant_max, ScalarType dtype) -> Tensor",
     .out_name = "quantized_decomposed::quantize_per_tensor.Tensor_out",
     .infer = infer_per_tensor_tensor,
     .kernel = per_tensor_tensor_kernel,
     .samples = kPerTensorTensorSamples},
    {.schema = "quantized_decomposed::quantize_per_channel(Tensor input, Tensor scales, Tensor "
               "zero_points, int axis, int quant_min, int quant_max, ScalarType dtype) -> Tensor",
     .out_name = "quantized_decomposed::quantize_per_channel.out",
     .infer = infer_per_channel,
     .kernel = per_channel_kernel,
     .samples = kPerChannelSamples},
    {.schema = "quantized_decomposed::quantize_per_token(Tensor input, Tensor scales, Tensor "
               "zero_points, int quant_min, int quant_max, ScalarType dtype) -> Tensor",
     .out_name = "quantized_decomposed::quantize_per_token.out",
     .infer = infer_per_token,
     .kernel = per_token_kernel,
     .samples = kPerTokenSamples},
};

}  // namespace

std::span<const ir::Operator> quantize_operators() { return kOperators; }

}  // namespace tessera::ops
