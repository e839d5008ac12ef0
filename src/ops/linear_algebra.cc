// SPDX-License-Identifier: MIT
#include <type_traits>
#include <vector>

#include "base/try.h"
#include "ops/convolution_kernel.h"
#include "ops/dispatch.h"
#include "ops/region_rules.h"
#include "ops/shape_rules.h"
#include "ops/xnnpack_rules.h"

/// Matrix products.
namespace tessera::ops {

namespace {

using ir::KernelArguments;
using ir::KernelContext;
using ir::NodeView;
using ir::TensorType;
using ir::TypeArguments;
using Types = Result<std::vector<TensorType>>;

// ---- kernel ------------------------------------------------------------------------------------

Result<void> mm_kernel(KernelContext& context, const KernelArguments& arguments,
                       std::span<Tensor> outputs) {
  const Tensor& a = arguments.tensor(0);
  const Tensor& b = arguments.tensor(1);
  const bool is_batched = a.rank() == 3;
  const std::size_t row_dim = is_batched ? 1 : 0;
  dispatch<RealTypes>(outputs[0].dtype(), [&]<class T>() {
    multiply_matrices<T>(context, is_batched ? a.size(0) : 1, a.size(row_dim), a.size(row_dim + 1),
                         b.size(row_dim + 1), a.data<T>(), b.data<T>(), outputs[0].data<T>());
  });
  return {};
}

/// What beta and alpha multiply: integers wrap around.
template <class T>
using AddendType = std::conditional_t<kIsFloat<T>, Compute<T>, std::uint64_t>;

template <class T>
AddendType<T> factor_argument(const KernelArguments& arguments, std::size_t position) {
  if constexpr (kIsFloat<T>) {
    return static_cast<AddendType<T>>(arguments.real(position));
  } else {
    return static_cast<AddendType<T>>(arguments.integer(position));
  }
}

/// out = beta * self + alpha * product, whose rows have `columns` elements; self is broadcast.
template <class T, class Product>
void add_scaled(const KernelArguments& arguments, const Product* product, Tensor& out) {
  const Tensor& self = arguments.tensor(0);
  const std::int64_t columns = out.size(1);
  const std::int64_t self_columns = self.rank() == 0 ? 1 : self.size(self.rank() - 1);
  const std::int64_t row_stride = self.rank() == 2 && self.size(0) != 1 ? self_columns : 0;
  const std::int64_t column_stride = self_columns == 1 ? 0 : 1;
  const auto beta = factor_argument<T>(arguments, 3), alpha = factor_argument<T>(arguments, 4);
  for (std::int64_t row = 0; row < out.size(0); ++row) {
    const T* self_row = self.data<T>() + row * row_stride;
    T* out_row = out.data<T>() + row * columns;
    for (std::int64_t i = 0; i < columns; ++i) {
      const auto scaled = alpha * static_cast<AddendType<T>>(product[row * columns + i]);
      // A beta of 0 ignores self, NaN and all.
      out_row[i] = static_cast<T>(
          beta == 0 ? scaled
                    : beta * static_cast<AddendType<T>>(self_row[i * column_stride]) + scaled);
    }
  }
}

/// beta * self + alpha * (mat1 x mat2)
Result<void> addmm_kernel(KernelContext& context, const KernelArguments& arguments,
                          std::span<Tensor> outputs) {
  Tensor& out = outputs[0];
  const Tensor& a = arguments.tensor(1);
  const Tensor& b = arguments.tensor(2);
  const std::int64_t rows = a.size(0), inner = a.size(1), columns = b.size(1);
  dispatch<RealTypes>(out.dtype(), [&]<class T>() {
    if constexpr (kIsFloat<T> && !std::is_same_v<T, Compute<T>>) {
      // The product is rounded once only, with self.
      const std::vector<float> wide_a(a.data<T>(), a.data<T>() + a.num_elements());
      const std::vector<float> wide_b(b.data<T>(), b.data<T>() + b.num_elements());
      std::vector<float> product(static_cast<std::size_t>(out.num_elements()));
      multiply_matrices<float>(context, 1, rows, inner, columns, wide_a.data(), wide_b.data(),
                               product.data());
      add_scaled<T>(arguments, product.data(), out);
    } else {
      multiply_matrices<T>(context, 1, rows, inner, columns, a.data<T>(), b.data<T>(),
                           out.data<T>());
      add_scaled<T>(arguments, out.data<T>(), out);
    }
  });
  return {};
}

// ---- shape -------------------------------------------------------------------------------------

/// Two matrices, or two batches of matrices if rank is 3.
Result<TensorType> product_type(const TensorType& a, std::string_view name_a, const TensorType& b,
                                std::string_view name_b, std::size_t rank = 2) {
  TRY(expect_types<RealTypes>(a, name_a));
  TRY(expect_same_dtype(a, name_a, b, name_b));
  TRY(expect_rank(a, name_a, rank, rank));
  TRY(expect_rank(b, name_b, rank, rank));
  TRY(expect_equal(a.dims[rank - 1], std::format("size {} of argument '{}'", rank - 1, name_a),
                   b.dims[rank - 2], std::format("size {} of argument '{}'", rank - 2, name_b)));
  TensorType result{a.dtype, {a.dims[rank - 2], b.dims[rank - 1]}};
  if (rank == 3) {
    TRY(expect_equal(a.dims[0], std::format("size 0 of argument '{}'", name_a), b.dims[0],
                     std::format("size 0 of argument '{}'", name_b)));
    result.dims = {a.dims[0], a.dims[1], b.dims[2]};
  }
  return result;
}

Types infer_mm(const TypeArguments& arguments) {
  return std::vector{TRY(product_type(arguments.tensor(0), "self", arguments.tensor(1), "mat2"))};
}

Types infer_bmm(const TypeArguments& arguments) {
  return std::vector{
      TRY(product_type(arguments.tensor(0), "self", arguments.tensor(1), "mat2", 3))};
}

/// Products of integers have integer factors.
Result<void> expect_factor(const TypeArguments& arguments, std::size_t position,
                           std::string_view name) {
  const bool is_number = std::holds_alternative<ir::Dim>(arguments[position]);
  if (is_number) {
    static_cast<void>(TRY(integer_argument(arguments, position, name)));
    return {};
  }
  if (is_float(arguments.tensor(0).dtype)) return {};
  return fail(ErrorCode::kInvalidArgument, "argument '{}' is no integer, but 'self' is {}", name,
              name_of(arguments.tensor(0).dtype));
}

Types infer_addmm(const TypeArguments& arguments) {
  const TensorType& self = arguments.tensor(0);
  const TensorType result =
      TRY(product_type(arguments.tensor(1), "mat1", arguments.tensor(2), "mat2"));
  TRY(expect_same_dtype(arguments.tensor(1), "mat1", self, "self"));
  TRY(expect_rank(self, "self", 0, 2));
  TRY(expect_factor(arguments, 3, "beta"));
  TRY(expect_factor(arguments, 4, "alpha"));
  const ir::Dims sizes = TRY(broadcast(self.dims, result.dims));
  if (sizes != result.dims) {
    return fail(ErrorCode::kInvalidArgument,
                "argument 'self' has sizes {}, which do not broadcast to {}", to_string(self.dims),
                to_string(result.dims));
  }
  return std::vector{result};
}

// ---- region ------------------------------------------------------------------------------------

/// Rows of the result need rows of the left factor, columns columns of the right one.
Region factor_region(const ir::RegionQuery& query, std::size_t inner_dim) {
  const std::int64_t inner = query.arguments.tensor(query.argument).dims[inner_dim].constant();
  Region region = query.output_region;
  region[inner_dim] = {0, inner};
  return region;
}

Region mm_region(const ir::RegionQuery& query) {
  return factor_region(query, query.argument == 0 ? 1 : 0);
}

Region bmm_region(const ir::RegionQuery& query) {
  return factor_region(query, query.argument == 0 ? 2 : 1);
}

Region addmm_region(const ir::RegionQuery& query) {
  if (query.argument != 0) return factor_region(query, query.argument == 1 ? 1 : 0);
  const auto shape = ir::constant_shape(query.arguments.tensor(0));
  CHECK(shape.has_value());
  return broadcast_region(query.output_region, *shape);
}

// ---- XNNPACK -----------------------------------------------------------------------------------

/// A filter has one row per output.
Result<Tensor> transposed(const Tensor& matrix) {
  const std::int64_t rows = matrix.size(0), columns = matrix.size(1);
  const Tensor from = as_filter(matrix);
  Tensor result = TRY(Tensor::empty(from.dtype(), Shape{columns, rows}));
  dispatch<TypeList<float, std::int8_t>>(from.dtype(), [&]<class T>() {
    for (std::int64_t column = 0; column < columns; ++column) {
      for (std::int64_t row = 0; row < rows; ++row) {
        result.data<T>()[column * rows + row] = from.data<T>()[row * columns + column];
      }
    }
  });
  return result;
}

Reason check_mm(const NodeView& view) {
  if (constant_operand(view, 1) == nullptr) return "the right matrix is no constant";
  if (constant_operand(view, 0) != nullptr) return "both matrices are constants";
  return check_float_tensors(view);
}

Reason check_addmm(const NodeView& view) {
  if (constant_operand(view, 2) == nullptr) return "the right matrix is no constant";
  if (constant_operand(view, 1) != nullptr) return "both matrices are constants";
  const Tensor* bias = constant_operand(view, 0);
  if (bias == nullptr) return "the bias is no constant";
  if (bias->num_elements() != constant_operand(view, 2)->size(1)) {
    return std::format("the bias has {} elements, not {}", bias->num_elements(),
                       constant_operand(view, 2)->size(1));
  }
  if (view.arguments.real(3) != 1 || view.arguments.real(4) != 1) {
    return std::format("beta is {} and alpha {}", view.arguments.real(3), view.arguments.real(4));
  }
  return check_float_tensors(view);
}

Result<void> lower_product(const NodeView& view, xnnpack::Builder& builder, std::size_t left,
                           const Tensor* bias) {
  const auto layout = xnnpack::Layout::kNchw;
  const std::uint32_t input = builder.input(operand(view, left), layout);
  const ir::ValueId weight = operand(view, left + 1);
  const std::uint32_t filter =
      builder.weight(weight, TRY(transposed(*constant_operand(view, left + 1))), 0);
  const std::uint32_t bias_id = builder.bias(bias, operand(view, left), weight);
  builder.add_node({.kind = xnnpack::NodeKind::kFullyConnected,
                    .inputs = {input, filter, bias_id},
                    .outputs = {builder.output(view.node.results[0], layout)}});
  return {};
}

Result<void> lower_mm(const NodeView& view, xnnpack::Builder& builder) {
  return lower_product(view, builder, 0, nullptr);
}
Result<void> lower_addmm(const NodeView& view, xnnpack::Builder& builder) {
  return lower_product(view, builder, 1, constant_operand(view, 0));
}

Reason check_bmm(const NodeView& view) {
  if (constant_operand(view, 0) != nullptr && constant_operand(view, 1) != nullptr) {
    return "both factors are constants";
  }
  return check_float_tensors(view);
}

Result<void> lower_bmm(const NodeView& view, xnnpack::Builder& builder) {
  const auto layout = xnnpack::Layout::kNchw;
  const std::uint32_t left = builder.input(operand(view, 0), layout);
  const std::uint32_t right = builder.input(operand(view, 1), layout);
  builder.add_node({.kind = xnnpack::NodeKind::kBatchMatrixMultiply,
                    .inputs = {left, right},
                    .outputs = {builder.output(view.node.results[0], layout)}});
  return {};
}

// ---- samples, declaration ----------------------------------------------------------------------

constexpr ir::Sample kMmSamples[] = {
    {"(f32[3,17], f32[17,70])"}, {"(f32[1,40], f32[40,33])"}, {"(f64[4,5], f64[5,6])"},
    {"(f32[9,5], f32[5,40])"},   {"(f16[4,5], f16[5,6])"},    {"(bf16[4,5], bf16[5,6])"},
    {"(i64[4,5], i64[5,6])"},    {"(u8[2,3], u8[3,2])"},      {"(i8[2,3], i8[3,2])"},
    {"(i16[2,3], i16[3,2])"},    {"(i32[2,3], i32[3,2])"},    {"(f32[2,0], f32[0,3])"}};
constexpr ir::Sample kBmmSamples[] = {{"(f32[3,4,7], f32[3,7,35])"},
                                      {"(f64[2,1,5], f64[2,5,6])"},
                                      {"(bf16[2,3,5], bf16[2,5,6])"},
                                      {"(i32[2,3,5], i32[2,5,6])"},
                                      {"(f32[0,3,5], f32[0,5,6])"}};
constexpr ir::Sample kAddmmSamples[] = {
    {"(f32[70], f32[3,17], f32[17,70], 1, 1)"},   {"(f32[10], f32[1,40], f32[40,10], 1, 1)"},
    {"(f32[3,1], f32[3,5], f32[5,8], 0.5, 2.0)"}, {"(f64[4,6], f64[4,5], f64[5,6], 1, 1)"},
    {"(f32[], f32[4,5], f32[5,6], 0, 1)"},        {"(f16[6], f16[4,5], f16[5,6], 1, 1)"},
    {"(bf16[4,6], bf16[4,5], bf16[5,6], 1, 2)"},  {"(i64[6], i64[4,5], i64[5,6], 2, 3)"}};

constexpr ir::Operator kOperators[] = {
    {.schema = "aten::mm(Tensor self, Tensor mat2) -> Tensor",
     .out_name = "aten::mm.out",
     .infer = infer_mm,
     .kernel = mm_kernel,
     .input_region = mm_region,
     .xnnpack = {check_mm, lower_mm},
     .quantize = {.kind = ir::QuantKind::kWeighted, .weight = 1, .weight_axis = 1},
     .samples = kMmSamples},
    {.schema = "aten::bmm(Tensor self, Tensor mat2) -> Tensor",
     .out_name = "aten::bmm.out",
     .infer = infer_bmm,
     .kernel = mm_kernel,
     .input_region = bmm_region,
     .xnnpack = {check_bmm, lower_bmm},
     .samples = kBmmSamples},
    {.schema = "aten::addmm(Tensor self, Tensor mat1, Tensor mat2, *, Scalar beta=1, Scalar "
               "alpha=1) -> Tensor",
     .out_name = "aten::addmm.out",
     .infer = infer_addmm,
     .kernel = addmm_kernel,
     .input_region = addmm_region,
     .xnnpack = {check_addmm, lower_addmm},
     .quantize =
         {.kind = ir::QuantKind::kWeighted, .input = 1, .weight = 2, .bias = 0, .weight_axis = 1},
     .samples = kAddmmSamples},
};

}  // namespace

std::span<const ir::Operator> linear_algebra_operators() { return kOperators; }

}  // namespace tessera::ops
