// SPDX-License-Identifier: MIT
#include <span>
#include <vector>

#include "base/try.h"
#include "ops/affine.h"
#include "ops/affine_forms.h"
#include "ops/dispatch.h"
#include "ops/promotion.h"
#include "ops/same_shape.h"
#include "ops/shape_rules.h"
#include "ops/xnnpack_quantize.h"

/// From integers back to real numbers.
namespace tessera::ops {

namespace {

using ir::KernelArguments;
using ir::KernelContext;
using ir::TensorType;
using ir::TypeArguments;
using Types = Result<std::vector<TensorType>>;
using StoredTypes = Joined<QuantizedTypes, TypeList<std::int64_t>>;

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

template <const AffineForm& kForm>
Result<void> kernel(KernelContext& context, const KernelArguments& arguments,
                    std::span<Tensor> outputs) {
  return dequantize(context, arguments.tensor(0), TRY(kForm.runs(arguments)), outputs[0]);
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

template <const AffineForm& kForm>
Types infer(const TypeArguments& arguments) {
  TRY(kForm.check(arguments));
  return real_type(arguments, kForm.quant_min);
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
     .infer = infer<kPerTensor>,
     .kernel = kernel<kPerTensor>,
     .input_region = same_region,
     .xnnpack = {check_dequantize, lower_dequantize},
     .quantize = {.kind = ir::QuantKind::kDequantize},
     .samples = kPerTensorSamples},
    {.schema = "quantized_decomposed::dequantize_per_tensor.tensor(Tensor input, Tensor scale, "
               "Tensor zero_point, int quant_min, int quant_max, ScalarType dtype, *, ScalarType? "
               "out_dtype=None) -> Tensor",
     .out_name = "quantized_decomposed::dequantize_per_tensor.Tensor_out",
     .infer = infer<kPerTensorOfTensors>,
     .kernel = kernel<kPerTensorOfTensors>,
     .quantize = {.kind = ir::QuantKind::kDequantizeDynamic},
     .samples = kPerTensorTensorSamples},
    {.schema = "quantized_decomposed::dequantize_per_channel(Tensor input, Tensor scales, Tensor? "
               "zero_points, int axis, int quant_min, int quant_max, ScalarType dtype, *, "
               "ScalarType? out_dtype=None) -> Tensor",
     .out_name = "quantized_decomposed::dequantize_per_channel.out",
     .infer = infer<kPerChannel>,
     .kernel = kernel<kPerChannel>,
     .quantize = {.kind = ir::QuantKind::kDequantizePerChannel},
     .samples = kPerChannelSamples},
    {.schema = "quantized_decomposed::dequantize_per_token(Tensor input, Tensor scales, Tensor "
               "zero_points, int quant_min, int quant_max, ScalarType dtype, ScalarType "
               "output_dtype) -> Tensor",
     .out_name = "quantized_decomposed::dequantize_per_token.out",
     .infer = infer<kPerToken>,
     .kernel = kernel<kPerToken>,
     .quantize = {.kind = ir::QuantKind::kDequantizeDynamic},
     .samples = kPerTokenSamples},
};

}  // namespace

std::span<const ir::Operator> dequantize_operators() { return kOperators; }

}  // namespace tessera::ops
