// SPDX-License-Identifier: MIT
#include <span>
#include <vector>

#include "base/try.h"
#include "ops/affine.h"
#include "ops/affine_runs.h"
#include "ops/convolution_kernel.h"
#include "ops/dispatch.h"
#include "ops/promotion.h"
#include "ops/same_shape.h"
#include "ops/shape_rules.h"

/// Sums of quantized tensors and products with quantized matrices.
namespace tessera::ops {

namespace {

using ir::KernelArguments;
using ir::KernelContext;
using ir::TensorType;
using ir::TypeArguments;
using Types = Result<std::vector<TensorType>>;
using MixedTypes = TypeList<float, Half>;
using AddedTypes = TypeList<std::uint8_t, std::int8_t>;

/// Positions of add: each operand and the result have scale, zero point, quant_min and quant_max.
enum : std::size_t { kA = 0, kB = 5, kOut = 9 };
enum : std::size_t { kInput, kWeight, kScales, kZeroPoints, kDtype };

// ---- kernel ------------------------------------------------------------------------------------

AffineParams params_argument(const KernelArguments& arguments, std::size_t scale) {
  return {static_cast<float>(arguments.real(scale)),
          static_cast<std::int32_t>(arguments.integer(scale + 1))};
}

/// Dequantizes, adds and quantizes, block by block.
Result<void> add_kernel(KernelContext& context, const KernelArguments& arguments,
                        std::span<Tensor> outputs) {
  const Tensor& a = arguments.tensor(kA);
  const Tensor& b = arguments.tensor(kB);
  const AffineParams params_a = params_argument(arguments, kA + 1);
  const AffineParams params_b = params_argument(arguments, kB + 1);
  const AffineParams params_out = params_argument(arguments, kOut + 1);
  const QuantRange range = quant_range(arguments, kOut + 3);
  dispatch<AddedTypes>(a.dtype(), [&]<class Q>() {
    constexpr std::size_t kBlock = 256;
    const auto count = static_cast<std::size_t>(a.num_elements());
    context.parallel_for(count, kElementsPerThread, [&](std::size_t begin, std::size_t end) {
      float sum[kBlock], addend[kBlock];
      for (std::size_t i = begin; i < end; i += kBlock) {
        const auto size = static_cast<std::int64_t>(std::min(kBlock, end - i));
        dequantize_run(a.data<Q>() + i, sum, size, params_a);
        dequantize_run(b.data<Q>() + i, addend, size, params_b);
        for (std::int64_t k = 0; k < size; ++k) sum[k] += addend[k];
        quantize_run(sum, outputs[0].data<Q>() + i, size, params_out, range);
      }
    });
  });
  return {};
}

template <class T>
std::vector<float> to_floats(const Tensor& tensor) {
  return {tensor.data<T>(), tensor.data<T>() + tensor.num_elements()};
}

/// out = input x matrix, which has a row for each column of the input.
template <class T>
void multiply(KernelContext& context, const Tensor& input, const std::vector<float>& matrix,
              Tensor& out) {
  const std::vector<float> left = to_floats<T>(input);
  std::vector<float> product(static_cast<std::size_t>(out.num_elements()));
  multiply_matrices<float>(context, 1, input.size(0), input.size(1), out.size(1), left.data(),
                           matrix.data(), product.data());
  dispatch<MixedTypes>(out.dtype(), [&]<class Out>() {
    for (std::size_t i = 0; i < product.size(); ++i) {
      out.data<Out>()[i] = static_cast<Out>(product[i]);
    }
  });
}

/// Row k of the weight has a scale.
Result<void> mixed_mm_kernel(KernelContext& context, const KernelArguments& arguments,
                             std::span<Tensor> outputs) {
  const Tensor& weight = arguments.tensor(kWeight);
  const std::int64_t columns = weight.size(1);
  dispatch<MixedTypes>(arguments.tensor(kInput).dtype(), [&]<class T>() {
    const T* scales = arguments.tensor(kScales).data<T>();
    std::vector<float> matrix(static_cast<std::size_t>(weight.num_elements()));
    for (std::int64_t row = 0; row < weight.size(0); ++row) {
      dequantize_run(weight.data<std::int8_t>() + row * columns, matrix.data() + row * columns,
                     columns, {static_cast<float>(scales[row]), 0});
    }
    multiply<T>(context, arguments.tensor(kInput), matrix, outputs[0]);
  });
  return {};
}

/// The weight has a row for each output, with one scale or one for each group of columns.
Result<void> mixed_linear_kernel(KernelContext& context, const KernelArguments& arguments,
                                 std::span<Tensor> outputs) {
  const Tensor& weight = arguments.tensor(kWeight);
  const Tensor& scale_tensor = arguments.tensor(kScales);
  const std::int64_t rows = weight.size(0), columns = weight.size(1);
  const std::int64_t num_groups = scale_tensor.rank() == 2 ? scale_tensor.size(1) : 1;
  const std::int64_t group_size =
      std::max<std::int64_t>((columns + num_groups - 1) / num_groups, 1);
  dispatch<MixedTypes>(arguments.tensor(kInput).dtype(), [&]<class T>() {
    const T* scales = scale_tensor.data<T>();
    std::vector<float> matrix(static_cast<std::size_t>(weight.num_elements()));
    for (std::int64_t row = 0; row < rows; ++row) {
      for (std::int64_t column = 0; column < columns; ++column) {
        const auto scale = static_cast<float>(scales[row * num_groups + column / group_size]);
        matrix[static_cast<std::size_t>(column * rows + row)] =
            static_cast<float>(weight.data<std::int8_t>()[row * columns + column]) * scale;
      }
    }
    multiply<T>(context, arguments.tensor(kInput), matrix, outputs[0]);
  });
  return {};
}

// ---- shape -------------------------------------------------------------------------------------

/// ExecuTorch takes ranges of [0, 255] only, whatever the dtype.
Types infer_add(const TypeArguments& arguments) {
  const TensorType& a = arguments.tensor(kA);
  const TensorType& b = arguments.tensor(kB);
  TRY(expect_types<AddedTypes>(a, "a"));
  TRY(expect_same_dtype(a, "a", b, "b"));
  if (a.dims != b.dims) {
    return fail(ErrorCode::kInvalidArgument, "arguments 'a' and 'b' have sizes {} and {}",
                to_string(a.dims), to_string(b.dims));
  }
  for (const std::size_t position : {kA + 1, kB + 1, kOut + 1}) {
    TRY(expect_zero_point(arguments, position + 1));
    const std::int64_t min = TRY(integer_argument(arguments, position + 2, "quant_min", -128, 255));
    static_cast<void>(TRY(integer_argument(arguments, position + 3, "quant_max", min, 255)));
  }
  TRY(quant_range_argument(arguments, kOut + 3, a.dtype));
  return std::vector{a};
}

/// Checks the operands; `inner` is the weight's dimension that the input's columns go with.
Result<void> check_mixed(const TypeArguments& arguments, std::size_t inner) {
  const TensorType& input = arguments.tensor(kInput);
  const TensorType& weight = arguments.tensor(kWeight);
  const TensorType& scales = arguments.tensor(kScales);
  TRY(expect_types<MixedTypes>(input, "input"));
  TRY(expect_dtype(weight, "weight", {DType::kI8}));
  TRY(expect_same_dtype(input, "input", scales, "weight_scales"));
  TRY(expect_rank(input, "input", 2, 2));
  TRY(expect_rank(weight, "weight", 2, 2));
  TRY(expect_rank(scales, "weight_scales", 1, inner == 0 ? 1 : 2));
  if (!arguments.is_none(kZeroPoints)) {
    return fail(ErrorCode::kNotSupported, "argument 'weight_zero_points' is given, expected none");
  }
  TRY(expect_equal(weight.dims[inner], std::format("size {} of argument 'weight'", inner),
                   input.dims[1], "size 1 of argument 'input'"));
  TRY(expect_equal(weight.dims[0], "size 0 of argument 'weight'", scales.dims[0],
                   "size 0 of argument 'weight_scales'"));
  const bool has_groups = scales.rank() == 2;
  if (has_groups && !(scales.dims[1].is_constant() && scales.dims[1].constant() >= 1)) {
    return fail(ErrorCode::kInvalidArgument,
                "argument 'weight_scales' has sizes {}, expected groups", to_string(scales.dims));
  }
  return {};
}

Types infer_mixed_mm(const TypeArguments& arguments) {
  TRY(check_mixed(arguments, 0));
  const TensorType& input = arguments.tensor(kInput);
  return std::vector{TensorType{input.dtype, {input.dims[0], arguments.tensor(kWeight).dims[1]}}};
}

Types infer_mixed_linear(const TypeArguments& arguments) {
  TRY(check_mixed(arguments, 1));
  const TensorType& input = arguments.tensor(kInput);
  TensorType result{TRY(dtype_argument(arguments, kDtype, input.dtype)),
                    {input.dims[0], arguments.tensor(kWeight).dims[0]}};
  TRY(expect_types<MixedTypes>(result, "out"));
  return std::vector{std::move(result)};
}

// ---- samples, declaration ----------------------------------------------------------------------

constexpr ir::Sample kAddSamples[] = {
    {"(u8[3,40], 0.1, 5, 0, 255, u8[3,40], 0.2, 3, 0, 255, 0.05, 7, 0, 255)", 250},
    {"(i8[300], 0.1, 1, 0, 127, i8[300], 0.02, 3, 0, 127, 0.15, 2, 0, 127)"}};
constexpr ir::Sample kMixedMmSamples[] = {{"(f32[3,5], i8[5,40], f32[5], none)"},
                                          {"(f16[2,5], i8[5,4], f16[5], none)"}};
constexpr ir::Sample kMixedLinearSamples[] = {{"(f32[3,5], i8[40,5], f32[40], none, none)"},
                                              {"(f32[3,7], i8[4,7], f32[4,3], none, 6)"},
                                              {"(f16[2,4], i8[3,4], f16[3], none, 6)"}};

constexpr ir::Operator kOperators[] = {
    {.schema = "quantized_decomposed::add(Tensor a, float a_scale, int a_zero_point, int "
               "a_quant_min, int a_quant_max, Tensor b, float b_scale, int b_zero_point, int "
               "b_quant_min, int b_quant_max, float out_scale, int out_zero_point, int "
               "out_quant_min, int out_quant_max) -> Tensor",
     .out_name = "quantized_decomposed::add.out",
     .infer = infer_add,
     .kernel = add_kernel,
     .input_region = same_region,
     .samples = kAddSamples},
    {.schema = "quantized_decomposed::mixed_mm(Tensor input, Tensor weight, Tensor weight_scales, "
               "Tensor? weight_zero_points) -> Tensor",
     .out_name = "quantized_decomposed::mixed_mm.out",
     .infer = infer_mixed_mm,
     .kernel = mixed_mm_kernel,
     .samples = kMixedMmSamples},
    {.schema = "quantized_decomposed::mixed_linear(Tensor input, Tensor weight, Tensor "
               "weight_scales, Tensor? weight_zero_points, ScalarType? dtype=None) -> Tensor",
     .out_name = "quantized_decomposed::mixed_linear.out",
     .infer = infer_mixed_linear,
     .kernel = mixed_linear_kernel,
     .samples = kMixedLinearSamples},
};

}  // namespace

std::span<const ir::Operator> quantized_arithmetic_operators() { return kOperators; }

}  // namespace tessera::ops
