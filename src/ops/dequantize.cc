// SPDX-License-Identifier: MIT
#include <span>
#include <vector>

#include "base/try.h"
#include "ops/affine.h"
#include "ops/affine_runs.h"
#include "ops/dispatch.h"
#include "ops/promotion.h"
#include "ops/same_shape.h"
#include "ops/shape_rules.h"

/// From integers back to real numbers.
namespace tessera::ops {

namespace {

using ir::KernelArguments;
using ir::KernelContext;
using ir::TensorType;
using ir::TypeArguments;
using Types = Result<std::vector<TensorType>>;
using StoredTypes = Joined<QuantizedTypes, TypeList<std::int64_t>>;

namespace per_tensor {
enum : std::size_t { kInput, kScale, kZeroPoint, kQuantMin, kQuantMax, kDtype, kOutDtype };
}
namespace per_channel {
enum : std::size_t { kInput, kScales, kZeroPoints, kAxis, kQuantMin, kQuantMax, kDtype, kOutDtype };
}
namespace per_token {
enum : std::size_t { kInput, kScales, kZeroPoints, kQuantMin, kQuantMax, kDtype, kOutDtype };
}

// ---- kernel ------------------------------------------------------------------------------------

Result<void> dequantize(KernelContext& context, const Tensor& input, const AffineRuns& runs,
                        Tensor& output) {
  dispatch<StoredTypes>(input.dtype(), [&]<class Q>() {
    dispatch<FloatTypes>(output.dtype(), [&]<class T>() {
      for_each_run(
          context, runs, [&](std::int64_t first, std::int64_t count, const AffineParams& params) {
            dequantize_run(input.data<Q>() + first, output.data<T>() + first, count, params);
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
  return dequantize(context, input, one_run(input, params), outputs[0]);
}

Result<void> per_tensor_tensor_kernel(KernelContext& context, const KernelArguments& arguments,
                                      std::span<Tensor> outputs) {
  using namespace per_tensor;
  const AffineParams params =
      TRY(params_at(arguments.tensor(kScale), &arguments.tensor(kZeroPoint), 0));
  const Tensor& input = arguments.tensor(kInput);
  return dequantize(context, input, one_run(input, params), outputs[0]);
}

Result<void> per_channel_kernel(KernelContext& context, const KernelArguments& arguments,
                                std::span<Tensor> outputs) {
  using namespace per_channel;
  const Tensor& input = arguments.tensor(kInput);
  const AffineRuns runs =
      TRY(channel_runs(input, arguments.integer(kAxis), arguments.tensor(kScales),
                       arguments.optional_tensor(kZeroPoints)));
  return dequantize(context, input, runs, outputs[0]);
}

Result<void> per_token_kernel(KernelContext& context, const KernelArguments& arguments,
                              std::span<Tensor> outputs) {
  using namespace per_token;
  const Tensor& input = arguments.tensor(kInput);
  const AffineRuns runs =
      TRY(token_runs(input, arguments.tensor(kScales), &arguments.tensor(kZeroPoints)));
  return dequantize(context, input, runs, outputs[0]);
}

// ---- shape -------------------------------------------------------------------------------------

/// The result for an input whose range starts at this position; its dtype comes two later, that of
/// the result three.
Types real_type(const TypeArguments& arguments, std::size_t quant_min) {
  const TensorType& input = arguments.tensor(0);
  TRY(expect_types<StoredTypes>(input, "input"));
  const std::int64_t min = TRY(integer_argument(arguments, quant_min, "quant_min"));
  static_cast<void>(TRY(integer_argument(arguments, quant_min + 1, "quant_max", min)));
  if (TRY(dtype_argument(arguments, quant_min + 2, input.dtype)) != input.dtype) {
    return fail(ErrorCode::kInvalidType, "argument 'dtype' is not that of 'input', {}",
                name_of(input.dtype));
  }
  const DType dtype = TRY(dtype_argument(arguments, quant_min + 3, DType::kF32));
  if (!is_float(dtype)) {
    return fail(ErrorCode::kInvalidType, "the result would be {}, expected {}", name_of(dtype),
                names_of(FloatTypes()));
  }
  return std::vector{TensorType{dtype, input.dims}};
}

Types infer_per_tensor(const TypeArguments& arguments) {
  TRY(expect_zero_point(arguments, per_tensor::kZeroPoint));
  return real_type(arguments, per_tensor::kQuantMin);
}

Types infer_per_tensor_tensor(const TypeArguments& arguments) {
  TRY(expect_one_param(arguments.tensor(per_tensor::kScale),
                       arguments.tensor(per_tensor::kZeroPoint)));
  return real_type(arguments, per_tensor::kQuantMin);
}

Types infer_per_channel(const TypeArguments& arguments) {
  using namespace per_channel;
  TRY(expect_channel_params(arguments, kAxis, arguments.tensor(kScales),
                            arguments.optional_tensor(kZeroPoints)));
  return real_type(arguments, kQuantMin);
}

Types infer_per_token(const TypeArguments& arguments) {
  using namespace per_token;
  TRY(expect_token_params(arguments.tensor(kInput), arguments.tensor(kScales),
                          arguments.tensor(kZeroPoints)));
  return real_type(arguments, kQuantMin);
}

// ---- samples, declaration ----------------------------------------------------------------------

constexpr ir::Sample kPerTensorSamples[] = {
    {"(i8[3,40], 0.02, 3, -128, 127, 1, none)"},
    {"(u8[3,4], 0.03125, 128, 0, 255, 0, 6)"},
    {"(i16[3,4], 0.1, -7, -32768, 32767, 2, none)"},
    {"(i32[3,4], 0.1, 5, -2147483648, 2147483647, 3, none)"},
    {"(i8[9], 0.1, 0, -128, 127, 1, 5)"},
    {"(i8[9], 0.1, 0, -128, 127, 1, 15)"},
    {"(i8[], 0.1, 0, -128, 127, 1, none)"},
    {"(i8[0,2], 0.1, 0, -128, 127, 1, none)"}};
constexpr ir::Sample kPerTensorTensorSamples[] = {
    {"(i8[3,40], f64[1], i64[1], -128, 127, 1, none)"},
    {"(u8[7], f32[1], i32[1], 0, 255, 0, none)", 9}};
constexpr ir::Sample kPerChannelSamples[] = {{"(i8[2,3,5], f32[3], i64[3], 1, -128, 127, 1, none)"},
                                             {"(i8[3,5], f32[5], none, -1, -128, 127, 1, none)"},
                                             {"(u8[5,3], f32[5], i32[5], 0, 0, 255, 0, 6)", 100}};
constexpr ir::Sample kPerTokenSamples[] = {{"(i8[2,3,5], f64[2,3,1], i64[2,3,1], -128, 127, 1, 6)"},
                                           {"(i8[3,5], f32[3,1], i32[3,1], -128, 127, 1, 6)", 3}};

constexpr ir::Operator kOperators[] = {
    {.schema = "quantized_decomposed::dequantize_per_tensor(Tensor input, float scale, int "
               "zero_point, int quant_min, int quant_max, ScalarType dtype, *, ScalarType? "
               "out_dtype=None) -> Tensor",
     .out_name = "quantized_decomposed::dequantize_per_tensor.out",
     .infer = infer_per_tensor,
     .kernel = per_tensor_kernel,
     .input_region = same_region,
     .samples = kPerTensorSamples},
    {.schema = "quantized_decomposed::dequantize_per_tensor.tensor(Tensor input, Tensor scale, "
               "Tensor zero_point, int quant_min, int quant_max, ScalarType dtype, *, ScalarType? "
               "out_dtype=None) -> Tensor",
     .out_name = "quantized_decomposed::dequantize_per_tensor.Tensor_out",
     .infer = infer_per_tensor_tensor,
     .kernel = per_tensor_tensor_kernel,
     .samples = kPerTensorTensorSamples},
    {.schema = "quantized_decomposed::dequantize_per_channel(Tensor input, Tensor scales, Tensor? "
               "zero_points, int axis, int quant_min, int quant_max, ScalarType dtype, *, "
               "ScalarType? out_dtype=None) -> Tensor",
     .out_name = "quantized_decomposed::dequantize_per_channel.out",
     .infer = infer_per_channel,
     .kernel = per_channel_kernel,
     .samples = kPerChannelSamples},
    {.schema = "quantized_decomposed::dequantize_per_token(Tensor input, Tensor scales, Tensor "
               "zero_points, int quant_min, int quant_max, ScalarType dtype, ScalarType "
               "output_dtype) -> Tensor",
     .out_name = "quantized_decomposed::dequantize_per_token.out",
     .infer = infer_per_token,
     .kernel = per_token_kernel,
     .samples = kPerTokenSamples},
};

}  // namespace

std::span<const ir::Operator> dequantize_operators() { return kOperators; }

}  // namespace tessera::ops
