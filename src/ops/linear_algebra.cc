// SPDX-License-Identifier: MIT
#include <algorithm>

#include "base/try.h"
#include "ops/dispatch.h"
#include "ops/families.h"
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

/// Columns of the result that are summed up at once.
constexpr std::int64_t kColumns = 32;

/// out[row, column ..] = a[row, :] * b[:, column ..], each sum in the order of the inner dimension.
template <class T>
void multiply_block(const T* a_row, const T* b, T* out_row, std::int64_t inner,
                    std::int64_t columns, std::int64_t column) {
  T sums[kColumns] = {};
  const std::int64_t count = std::min(kColumns, columns - column);
  for (std::int64_t k = 0; k < inner; ++k) {
    const T* b_row = b + k * columns + column;
    const T factor = a_row[k];
    if (count == kColumns) {
      for (std::int64_t i = 0; i < kColumns; ++i) sums[i] += factor * b_row[i];
    } else {
      for (std::int64_t i = 0; i < count; ++i) sums[i] += factor * b_row[i];
    }
  }
  std::copy_n(sums, count, out_row + column);
}

template <class T>
void multiply(KernelContext& context, const Tensor& a, const Tensor& b, Tensor& out) {
  const std::int64_t inner = a.size(1), columns = b.size(1);
  const std::int64_t num_blocks = (columns + kColumns - 1) / kColumns;
  const auto count = static_cast<std::size_t>(a.size(0) * num_blocks);
  const std::size_t grain = kElementsPerThread / static_cast<std::size_t>(inner + 1) + 1;
  context.parallel_for(count, grain, [&](std::size_t begin, std::size_t end) {
    for (auto i = static_cast<std::int64_t>(begin); i < static_cast<std::int64_t>(end); ++i) {
      const std::int64_t row = i / num_blocks;
      multiply_block(a.data<T>() + row * inner, b.data<T>(), out.data<T>() + row * columns, inner,
                     columns, i % num_blocks * kColumns);
    }
  });
}

Result<void> mm_kernel(KernelContext& context, const KernelArguments& arguments,
                       std::span<Tensor> outputs) {
  dispatch<TypeList<float, double>>(outputs[0].dtype(), [&]<class T>() {
    multiply<T>(context, arguments.tensor(0), arguments.tensor(1), outputs[0]);
  });
  return {};
}

/// beta * self + alpha * (mat1 x mat2); self is broadcast.
Result<void> addmm_kernel(KernelContext& context, const KernelArguments& arguments,
                          std::span<Tensor> outputs) {
  Tensor& out = outputs[0];
  const Tensor& self = arguments.tensor(0);
  const std::int64_t columns = out.size(1);
  const std::int64_t self_columns = self.rank() == 0 ? 1 : self.size(self.rank() - 1);
  const std::int64_t row_stride = self.rank() == 2 && self.size(0) != 1 ? self_columns : 0;
  const std::int64_t column_stride = self_columns == 1 ? 0 : 1;
  dispatch<TypeList<float, double>>(out.dtype(), [&]<class T>() {
    multiply<T>(context, arguments.tensor(1), arguments.tensor(2), out);
    const T beta = static_cast<T>(arguments.real(3)), alpha = static_cast<T>(arguments.real(4));
    for (std::int64_t row = 0; row < out.size(0); ++row) {
      const T* self_row = self.data<T>() + row * row_stride;
      T* out_row = out.data<T>() + row * columns;
      for (std::int64_t i = 0; i < columns; ++i) {
        // A beta of 0 ignores self, NaN and all.
        const T offset = beta == 0 ? T(0) : beta * self_row[i * column_stride];
        out_row[i] = offset + alpha * out_row[i];
      }
    }
  });
  return {};
}

// ---- shape -------------------------------------------------------------------------------------

Result<TensorType> product_type(const TensorType& a, std::string_view name_a, const TensorType& b,
                                std::string_view name_b) {
  TRY(expect_float(a, name_a));
  TRY(expect_same_dtype(a, name_a, b, name_b));
  TRY(expect_rank(a, name_a, 2, 2));
  TRY(expect_rank(b, name_b, 2, 2));
  TRY(expect_equal(a.dims[1], std::format("size 1 of argument '{}'", name_a), b.dims[0],
                   std::format("size 0 of argument '{}'", name_b)));
  return TensorType{a.dtype, {a.dims[0], b.dims[1]}};
}

Types infer_mm(const TypeArguments& arguments) {
  return std::vector{TRY(product_type(arguments.tensor(0), "self", arguments.tensor(1), "mat2"))};
}

Types infer_addmm(const TypeArguments& arguments) {
  const TensorType& self = arguments.tensor(0);
  const TensorType result =
      TRY(product_type(arguments.tensor(1), "mat1", arguments.tensor(2), "mat2"));
  TRY(expect_same_dtype(arguments.tensor(1), "mat1", self, "self"));
  TRY(expect_rank(self, "self", 0, 2));
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
  Tensor result = TRY(Tensor::empty(DType::kF32, Shape{columns, rows}));
  for (std::int64_t column = 0; column < columns; ++column) {
    for (std::int64_t row = 0; row < rows; ++row) {
      result.data<float>()[column * rows + row] = matrix.data<float>()[row * columns + column];
    }
  }
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
  const std::uint32_t filter = builder.constant(TRY(transposed(*constant_operand(view, left + 1))));
  std::uint32_t bias_id = xnnpack::kNoValue;
  if (bias != nullptr) {
    Tensor flat = *bias;
    flat.set_shape(Shape{bias->num_elements()});
    bias_id = builder.constant(flat);
  }
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

// ---- samples, declaration ----------------------------------------------------------------------

constexpr ir::Sample kMmSamples[] = {
    {"(f32[3,17], f32[17,70])"}, {"(f32[1,40], f32[40,33])"}, {"(f64[4,5], f64[5,6])"}};
constexpr ir::Sample kAddmmSamples[] = {{"(f32[70], f32[3,17], f32[17,70], 1, 1)"},
                                        {"(f32[10], f32[1,40], f32[40,10], 1, 1)"},
                                        {"(f32[3,1], f32[3,5], f32[5,8], 0.5, 2.0)"},
                                        {"(f64[4,6], f64[4,5], f64[5,6], 1, 1)"}};

constexpr ir::Operator kOperators[] = {
    {.schema = "aten::mm(Tensor self, Tensor mat2) -> Tensor",
     .out_name = "aten::mm.out",
     .infer = infer_mm,
     .kernel = mm_kernel,
     .input_region = mm_region,
     .xnnpack = {check_mm, lower_mm},
     .samples = kMmSamples},
    {.schema = "aten::addmm(Tensor self, Tensor mat1, Tensor mat2, *, Scalar beta=1, Scalar "
               "alpha=1) -> Tensor",
     .out_name = "aten::addmm.out",
     .infer = infer_addmm,
     .kernel = addmm_kernel,
     .input_region = addmm_region,
     .xnnpack = {check_addmm, lower_addmm},
     .samples = kAddmmSamples},
};

}  // namespace

std::span<const ir::Operator> linear_algebra_operators() { return kOperators; }

}  // namespace tessera::ops
