// SPDX-License-Identifier: MIT
#include <span>
#include <vector>

#include "base/try.h"
#include "ops/affine.h"
#include "ops/affine_forms.h"
#include "ops/dispatch.h"
#include "ops/same_shape.h"
#include "ops/shape_rules.h"
#include "ops/xnnpack_quantize.h"

/// From real numbers to integers.
namespace tessera::ops {

namespace {

using ir::KernelArguments;
using ir::KernelContext;
using ir::TensorType;
using ir::TypeArguments;
using Types = Result<std::vector<TensorType>>;

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

template <const AffineForm& kForm>
Result<void> kernel(KernelContext& context, const KernelArguments& arguments,
                    std::span<Tensor> outputs) {
  const AffineRuns runs = TRY(kForm.runs(arguments));
  return quantize(context, arguments.tensor(0), runs, quant_range(arguments, kForm.quant_min),
                  outputs[0]);
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

template <const AffineForm& kForm>
Types infer(const TypeArguments& arguments) {
  TRY(kForm.check(arguments));
  return quantized_type(arguments, kForm.quant_min);
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
     .infer = infer<kPerTensor>,
     .kernel = kernel<kPerTensor>,
     .input_region = same_region,
     .xnnpack = {check_quantize, lower_quantize},
     .quantize = {.kind = ir::QuantKind::kQuantize},
     .samples = kPerTensorSamples},
    {.schema = "quantized_decomposed::quantize_per_tensor.tensor(Tensor input, Tensor scale, "
               "Tensor zero_point, int quant_min, int quant_max, ScalarType dtype) -> Tensor",
     .out_name = "quantized_decomposed::quantize_per_tensor.Tensor_out",
     .infer = infer<kPerTensorOfTensors>,
     .kernel = kernel<kPerTensorOfTensors>,
     .quantize = {.kind = ir::QuantKind::kQuantizeDynamic},
     .samples = kPerTensorTensorSamples},
    {.schema = "quantized_decomposed::quantize_per_channel(Tensor input, Tensor scales, Tensor "
               "zero_points, int axis, int quant_min, int quant_max, ScalarType dtype) -> Tensor",
     .out_name = "quantized_decomposed::quantize_per_channel.out",
     .infer = infer<kPerChannel>,
     .kernel = kernel<kPerChannel>,
     .samples = kPerChannelSamples},
    {.schema = "quantized_decomposed::quantize_per_token(Tensor input, Tensor scales, Tensor "
               "zero_points, int quant_min, int quant_max, ScalarType dtype) -> Tensor",
     .out_name = "quantized_decomposed::quantize_per_token.out",
     .infer = infer<kPerToken>,
     .kernel = kernel<kPerToken>,
     .quantize = {.kind = ir::QuantKind::kQuantizeDynamic},
     .samples = kPerTokenSamples},
};

}  // namespace

std::span<const ir::Operator> quantize_operators() { return kOperators; }

}  // namespace tessera::ops
