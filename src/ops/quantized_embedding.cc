// SPDX-License-Identifier: MIT
#include <span>
#include <vector>

#include "base/try.h"
#include "ops/dispatch.h"
#include "ops/promotion.h"
#include "ops/shape_rules.h"

/// Rows of quantized tables, dequantized. A row has one scale, or one for each group of columns.
namespace tessera::ops {

namespace {

using ir::Dim;
using ir::KernelArguments;
using ir::KernelContext;
using ir::TensorType;
using ir::TypeArguments;
using Types = Result<std::vector<TensorType>>;
using RealRowTypes = TypeList<float, Half, BFloat16>;

enum : std::size_t {
  kWeight,
  kScales,
  kZeroPoints,
  kQuantMin,
  kQuantMax,
  kIndices,
  kDtype  ///< of the overloads that have it
};

// ---- kernel ------------------------------------------------------------------------------------

/// Number `column` of a row of kBits-bit numbers. Numbers of 4 bits begin in the upper half of a
/// byte, those of 2 bits in the lowest bits; both are stored with an offset.
template <int kBits, class W>
std::int32_t element(const W* row, std::int64_t column) {
  if constexpr (kBits == 8) return row[column];
  if constexpr (kBits == 4) return ((row[column / 2] >> (column % 2 == 0 ? 4 : 0)) & 15) - 8;
  if constexpr (kBits == 2) return ((row[column / 4] >> (column % 4 * 2)) & 3) - 2;
}

float real_at(const Tensor& tensor, std::int64_t i) {
  float value = 0;
  dispatch<RealRowTypes>(tensor.dtype(),
                         [&]<class T>() { value = static_cast<float>(tensor.data<T>()[i]); });
  return value;
}

Result<std::int64_t> index_at(const Tensor& indices, std::int64_t i, std::int64_t num_rows) {
  const std::int64_t index = indices.dtype() == DType::kI64
                                 ? indices.data<std::int64_t>()[i]
                                 : std::int64_t{indices.data<std::int32_t>()[i]};
  if (index >= 0 && index < num_rows) return index;
  return fail(ErrorCode::kInvalidArgument,
              "element {} of argument 'indices' is {}, expected 0 to {}", i, index, num_rows - 1);
}

template <int kBits, class W, class Out>
Result<void> look_up(const KernelArguments& arguments, Tensor& output) {
  const Tensor& weight = arguments.tensor(kWeight);
  const Tensor& scales = arguments.tensor(kScales);
  const Tensor* zero_points = arguments.optional_tensor(kZeroPoints);
  const Tensor& indices = arguments.tensor(kIndices);
  const std::int64_t columns = weight.size(1) * 8 / kBits;
  const std::int64_t num_groups = scales.rank() == 2 ? scales.size(1) : 1;
  const std::int64_t group_size = columns / num_groups;
  Out* out = output.data<Out>();
  for (std::int64_t i = 0; i < indices.num_elements(); ++i) {
    const std::int64_t index = TRY(index_at(indices, i, weight.size(0)));
    const W* row = weight.data<W>() + index * weight.size(1);
    for (std::int64_t group = 0; group < num_groups; ++group) {
      const std::int64_t at = index * num_groups + group;
      const float scale = real_at(scales, at);
      const float zero_point = zero_points == nullptr ? 0 : real_at(*zero_points, at);
      for (std::int64_t k = group * group_size; k < (group + 1) * group_size; ++k) {
        const auto number = static_cast<float>(element<kBits>(row, k));
        out[k] = static_cast<Out>((number - zero_point) * scale);
      }
    }
    out += columns;
  }
  return {};
}

template <int kBits>
Result<void> kernel(KernelContext&, const KernelArguments& arguments, std::span<Tensor> outputs) {
  Result<void> result;
  dispatch<RealRowTypes>(outputs[0].dtype(), [&]<class Out>() {
    if constexpr (kBits == 8) {
      if (arguments.tensor(kWeight).dtype() == DType::kI8) {
        result = look_up<kBits, std::int8_t, Out>(arguments, outputs[0]);
        return;
      }
    }
    result = look_up<kBits, std::uint8_t, Out>(arguments, outputs[0]);
  });
  return result;
}

// ---- shape -------------------------------------------------------------------------------------

Result<void> check_scales(const TypeArguments& arguments, const Dim& columns) {
  const TensorType& scales = arguments.tensor(kScales);
  TRY(expect_types<RealRowTypes>(scales, "weight_scales"));
  TRY(expect_rank(scales, "weight_scales", 1, 2));
  TRY(expect_equal(arguments.tensor(kWeight).dims[0], "size 0 of argument 'weight'", scales.dims[0],
                   "size 0 of argument 'weight_scales'"));
  if (scales.rank() == 2) {
    const Dim& groups = scales.dims[1];
    if (!groups.is_constant() || !columns.is_constant() || groups.constant() < 1 ||
        columns.constant() % groups.constant() != 0) {
      return fail(ErrorCode::kInvalidArgument,
                  "argument 'weight_scales' has {} groups, expected a divisor of {}",
                  groups.to_string(), columns.to_string());
    }
  }
  const TensorType* zero_points = arguments.optional_tensor(kZeroPoints);
  if (zero_points == nullptr) return {};
  TRY(expect_types<RealRowTypes>(*zero_points, "weight_zero_points"));
  if (zero_points->dims == scales.dims) return {};
  return fail(ErrorCode::kInvalidArgument,
              "argument 'weight_zero_points' has sizes {}, but 'weight_scales' {}",
              to_string(zero_points->dims), to_string(scales.dims));
}

template <int kBits, bool kHasDtype>
Types infer(const TypeArguments& arguments) {
  const TensorType& weight = arguments.tensor(kWeight);
  const TensorType& indices = arguments.tensor(kIndices);
  if constexpr (kBits == 8) {
    TRY(expect_types<TypeList<std::uint8_t, std::int8_t>>(weight, "weight"));
  } else {
    TRY(expect_types<TypeList<std::uint8_t>>(weight, "weight"));
  }
  TRY(expect_rank(weight, "weight", 2, 2));
  const Dim columns = weight.dims[1] * Dim(8 / kBits);
  TRY(check_scales(arguments, columns));
  TRY(expect_types<TypeList<std::int32_t, std::int64_t>>(indices, "indices"));
  const std::int64_t min = TRY(integer_argument(arguments, kQuantMin, "weight_quant_min"));
  static_cast<void>(TRY(integer_argument(arguments, kQuantMax, "weight_quant_max", min)));
  TensorType result{arguments.tensor(kScales).dtype, indices.dims};
  if constexpr (kHasDtype) result.dtype = TRY(dtype_argument(arguments, kDtype, result.dtype));
  TRY(expect_types<RealRowTypes>(result, "out"));
  result.dims.push_back(columns);
  return std::vector{std::move(result)};
}

// ---- samples, declaration ----------------------------------------------------------------------

constexpr ir::Sample kByteSamples[] = {{"(i8[5,8], f32[5], none, -128, 127, i64[2,3])", 5},
                                       {"(u8[5,8], f32[5,2], f32[5,2], 0, 255, i64[4])", 5},
                                       {"(i8[5,8], f16[5], f16[5], -128, 127, i64[2])", 5},
                                       {"(i8[5,8], bf16[5], none, -128, 127, i64[0])", 5}};
constexpr ir::Sample kByteDtypeSamples[] = {
    {"(i8[5,8], f32[5], none, -128, 127, i64[2,3], none)", 5},
    {"(i8[5,8], f32[5], f32[5], -128, 127, i64[2], 5)", 5}};
constexpr ir::Sample kPackedSamples[] = {
    {"(u8[5,8], f32[5], none, -8, 7, i64[2,3])", 5},
    {"(u8[200,8], f32[200,4], f32[200,4], -8, 7, i32[4])", 200},
    {"(u8[250,8], f16[250], none, -8, 7, i64[2])", 250}};
constexpr ir::Sample kPackedDtypeSamples[] = {
    {"(u8[150,8], f32[150], none, -8, 7, i64[2,3], none)", 150},
    {"(u8[5,8], f32[5], none, -8, 7, i64[2], 15)", 5}};

constexpr ir::Operator kOperators[] = {
    {.schema = "quantized_decomposed::embedding_byte(Tensor weight, Tensor weight_scales, Tensor? "
               "weight_zero_points, int weight_quant_min, int weight_quant_max, Tensor indices) -> "
               "Tensor",
     .out_name = "quantized_decomposed::embedding_byte.out",
     .infer = infer<8, false>,
     .kernel = kernel<8>,
     .samples = kByteSamples},
    {.schema = "quantized_decomposed::embedding_byte.dtype(Tensor weight, Tensor weight_scales, "
               "Tensor? weight_zero_points, int weight_quant_min, int weight_quant_max, Tensor "
               "indices, *, ScalarType? dtype=None) -> Tensor",
     .out_name = "quantized_decomposed::embedding_byte.dtype_out",
     .infer = infer<8, true>,
     .kernel = kernel<8>,
     .samples = kByteDtypeSamples},
    {.schema = "quantized_decomposed::embedding_4bit(Tensor weight, Tensor weight_scales, Tensor? "
               "weight_zero_points, int weight_quant_min, int weight_quant_max, Tensor indices) -> "
               "Tensor",
     .out_name = "quantized_decomposed::embedding_4bit.out",
     .infer = infer<4, false>,
     .kernel = kernel<4>,
     .samples = kPackedSamples},
    {.schema = "quantized_decomposed::embedding_4bit.dtype(Tensor weight, Tensor weight_scales, "
               "Tensor? weight_zero_points, int weight_quant_min, int weight_quant_max, Tensor "
               "indices, *, ScalarType? dtype=None) -> Tensor",
     .out_name = "quantized_decomposed::embedding_4bit.dtype_out",
     .infer = infer<4, true>,
     .kernel = kernel<4>,
     .samples = kPackedDtypeSamples},
    {.schema = "quantized_decomposed::embedding_2bit(Tensor weight, Tensor weight_scales, Tensor? "
               "weight_zero_points, int weight_quant_min, int weight_quant_max, Tensor indices) -> "
               "Tensor",
     .out_name = "quantized_decomposed::embedding_2bit.out",
     .infer = infer<2, false>,
     .kernel = kernel<2>,
     .samples = kPackedSamples},
    {.schema = "quantized_decomposed::embedding_2bit.dtype(Tensor weight, Tensor weight_scales, "
               "Tensor? weight_zero_points, int weight_quant_min, int weight_quant_max, Tensor "
               "indices, *, ScalarType? dtype=None) -> Tensor",
     .out_name = "quantized_decomposed::embedding_2bit.dtype_out",
     .infer = infer<2, true>,
     .kernel = kernel<2>,
     .samples = kPackedDtypeSamples},
};

}  // namespace

std::span<const ir::Operator> quantized_embedding_operators() { return kOperators; }

}  // namespace tessera::ops
