// SPDX-License-Identifier: MIT
#include <cmath>

#include "base/try.h"
#include "ops/dispatch.h"
#include "ops/families.h"
#include "ops/region_rules.h"
#include "ops/shape_rules.h"
#include "ops/xnnpack_rules.h"

/// Elementwise operators of two tensors, with broadcasting.
namespace tessera::ops {

namespace {

using ir::KernelArguments;
using ir::KernelContext;
using ir::NodeView;
using ir::Operator;
using ir::TypeArguments;
using xnnpack::NodeKind;
using Types = Result<std::vector<ir::TensorType>>;

// ---- kernel ------------------------------------------------------------------------------------

/// Distance in elements from one position to the next along each dimension of the result; 0 where
/// the operand is broadcast.
Shape broadcast_strides(const Shape& operand, const Shape& result) {
  Shape strides = result;
  std::int64_t stride = 1;
  for (std::size_t back = 1; back <= result.rank(); ++back) {
    const std::size_t dim = result.rank() - back;
    const std::int64_t size = back <= operand.rank() ? operand[operand.rank() - back] : 1;
    strides[dim] = size == 1 ? 0 : stride;
    stride *= size;
  }
  return strides;
}

/// Offset of the first element of row `row` (all dimensions but the last) of the result.
std::int64_t row_offset(std::int64_t row, const Shape& result, const Shape& strides) {
  std::int64_t offset = 0;
  for (std::size_t dim = result.rank() - 1; dim-- > 0;) {
    offset += row % result[dim] * strides[dim];
    row /= result[dim];
  }
  return offset;
}

template <class T, class Function>
void apply(KernelContext& context, const Tensor& a, const Tensor& b, Tensor& out,
           const Function& function) {
  const T* data_a = a.data<T>();
  const T* data_b = b.data<T>();
  T* data_out = out.data<T>();
  if (a.shape() == b.shape() || out.rank() == 0) {
    context.parallel_for(static_cast<std::size_t>(out.num_elements()), kElementsPerThread,
                         [&](std::size_t begin, std::size_t end) {
                           for (std::size_t i = begin; i < end; ++i) {
                             data_out[i] = function(data_a[i], data_b[i]);
                           }
                         });
    return;
  }
  if (out.num_elements() == 0) return;
  const Shape& shape = out.shape();
  const Shape strides_a = broadcast_strides(a.shape(), shape);
  const Shape strides_b = broadcast_strides(b.shape(), shape);
  const std::int64_t row_size = shape[shape.rank() - 1];
  const std::int64_t step_a = strides_a[shape.rank() - 1];
  const std::int64_t step_b = strides_b[shape.rank() - 1];
  const auto num_rows = static_cast<std::size_t>(out.num_elements() / row_size);
  const std::size_t grain = kElementsPerThread / static_cast<std::size_t>(row_size) + 1;
  context.parallel_for(num_rows, grain, [&](std::size_t begin, std::size_t end) {
    for (auto row = static_cast<std::int64_t>(begin); row < static_cast<std::int64_t>(end); ++row) {
      const T* row_a = data_a + row_offset(row, shape, strides_a);
      const T* row_b = data_b + row_offset(row, shape, strides_b);
      T* row_out = data_out + row * row_size;
      for (std::int64_t i = 0; i < row_size; ++i) {
        row_out[i] = function(row_a[i * step_a], row_b[i * step_b]);
      }
    }
  });
}

template <class Function, class... Ts>
Result<void> kernel(KernelContext& context, const KernelArguments& arguments,
                    std::span<Tensor> outputs) {
  dispatch<TypeList<Ts...>>(outputs[0].dtype(), [&]<class T>() {
    apply<T>(context, arguments.tensor(0), arguments.tensor(1), outputs[0], Function());
  });
  return {};
}

// Integers wrap around, as in ATen.
template <class T, class Function>
T wrapping(T a, T b, const Function& function) {
  if constexpr (std::is_integral_v<T>) {
    using Unsigned = std::make_unsigned_t<T>;
    return static_cast<T>(function(static_cast<Unsigned>(a), static_cast<Unsigned>(b)));
  } else {
    return function(a, b);
  }
}

template <class T>
T scalar_argument(const KernelArguments& arguments, std::size_t position) {
  if constexpr (std::is_integral_v<T>) {
    return static_cast<T>(arguments.integer(position));
  } else {
    return static_cast<T>(arguments.real(position));
  }
}

/// a + sign * alpha * b
template <int kSign>
Result<void> add_kernel(KernelContext& context, const KernelArguments& arguments,
                        std::span<Tensor> outputs) {
  dispatch<TypeList<float, double, std::int32_t, std::int64_t>>(outputs[0].dtype(), [&]<class T>() {
    const T factor = wrapping<T>(T(kSign), scalar_argument<T>(arguments, 2), std::multiplies());
    apply<T>(context, arguments.tensor(0), arguments.tensor(1), outputs[0], [factor](T a, T b) {
      const T scaled = wrapping(factor, b, std::multiplies());
      return wrapping(a, scaled, std::plus());
    });
  });
  return {};
}

// ---- shape -------------------------------------------------------------------------------------

Types infer_operands(const TypeArguments& arguments) {
  TRY(expect_same_dtype(arguments.tensor(0), "self", arguments.tensor(1), "other"));
  return std::vector{
      ir::TensorType{arguments.tensor(0).dtype,
                     TRY(broadcast(arguments.tensor(0).dims, arguments.tensor(1).dims))}};
}

Types infer_number(const TypeArguments& arguments) {
  TRY(expect_dtype(arguments.tensor(0), "self",
                   {DType::kF32, DType::kF64, DType::kI32, DType::kI64}));
  return infer_operands(arguments);
}

Types infer_float(const TypeArguments& arguments) {
  TRY(expect_float(arguments.tensor(0), "self"));
  return infer_operands(arguments);
}

Types infer_add(const TypeArguments& arguments) {
  const DType dtype = arguments.tensor(0).dtype;
  const bool is_integer = std::holds_alternative<ir::Dim>(arguments[2]);
  if (!is_integer && (dtype == DType::kI32 || dtype == DType::kI64)) {
    return fail(ErrorCode::kInvalidArgument, "argument 'alpha' is no integer, but 'self' is {}",
                name_of(dtype));
  }
  return infer_number(arguments);
}

// ---- region ------------------------------------------------------------------------------------

Region input_region(const ir::RegionQuery& query) {
  const auto shape = ir::constant_shape(query.arguments.tensor(query.argument));
  CHECK(shape.has_value());
  return broadcast_region(query.output_region, *shape);
}

// ---- XNNPACK -----------------------------------------------------------------------------------

Reason check(const NodeView& view) {
  if (constant_operand(view, 0) != nullptr && constant_operand(view, 1) != nullptr) {
    return "both operands are constants";
  }
  return check_float_tensors(view);
}

Reason check_alpha(const NodeView& view) {
  if (view.arguments.real(2) != 1) return std::format("alpha is {}", view.arguments.real(2));
  return check(view);
}

template <NodeKind kKind>
Result<void> lower(const NodeView& view, xnnpack::Builder& builder) {
  lower_elementwise(view, builder, kKind, {0, 1});
  return {};
}

// ---- samples, declaration ----------------------------------------------------------------------

constexpr ir::Sample kSamples[] = {
    {"(f32[1,3,8,9], f32[1,3,8,9])"}, {"(f32[1,3,8,9], f32[1,3,1,1])"},
    {"(f32[3,1,9], f32[2,1,8,1])"},   {"(f32[2,7], f32[])"},
    {"(f32[7], f32[2,7])"},           {"(f64[2,7], f64[7])"}};
constexpr ir::Sample kAlphaSamples[] = {
    {"(f32[1,3,8,9], f32[1,3,8,9], 1)"}, {"(f32[1,3,8,9], f32[1,3,1,1], 1)"},
    {"(f32[3,1,9], f32[2,1,8,1], 0.5)"}, {"(f32[2,7], f32[], 1)"},
    {"(i32[2,7], i32[7], 3)"},           {"(f64[2,7], f64[7], 2)"}};

template <class... Ts, class Function>
constexpr Operator elementwise(std::string_view schema, std::string_view out_name, Function,
                               ir::InferFn infer, ir::XnnpackRule rule) {
  return {.schema = schema,
          .out_name = out_name,
          .infer = infer,
          .kernel = kernel<Function, Ts...>,
          .input_region = input_region,
          .xnnpack = rule,
          .samples = kSamples};
}

// NaN wins over any number.
constexpr auto kMaximum = [](auto a, auto b) { return a > b || a != a ? a : b; };
constexpr auto kMinimum = [](auto a, auto b) { return a < b || a != a ? a : b; };
constexpr auto kMultiply = [](auto a, auto b) { return wrapping(a, b, std::multiplies()); };
constexpr auto kDivide = [](auto a, auto b) { return a / b; };

constexpr Operator kOperators[] = {
    {.schema = "aten::add.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor",
     .out_name = "aten::add.out",
     .infer = infer_add,
     .kernel = add_kernel<1>,
     .input_region = input_region,
     .xnnpack = {check_alpha, lower<NodeKind::kAdd>},
     .samples = kAlphaSamples},
    {.schema = "aten::sub.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor",
     .out_name = "aten::sub.out",
     .infer = infer_add,
     .kernel = add_kernel<-1>,
     .input_region = input_region,
     .xnnpack = {check_alpha, lower<NodeKind::kSubtract>},
     .samples = kAlphaSamples},
    elementwise<float, double, std::int32_t, std::int64_t>(
        "aten::mul.Tensor(Tensor self, Tensor other) -> Tensor", "aten::mul.out", kMultiply,
        infer_number, {check, lower<NodeKind::kMultiply>}),
    elementwise<float, double>("aten::div.Tensor(Tensor self, Tensor other) -> Tensor",
                               "aten::div.out", kDivide, infer_float,
                               {check, lower<NodeKind::kDiv>}),
    elementwise<float, double, std::int32_t, std::int64_t>(
        "aten::maximum(Tensor self, Tensor other) -> Tensor", "aten::maximum.out", kMaximum,
        infer_number, {check, lower<NodeKind::kMaximum>}),
    elementwise<float, double, std::int32_t, std::int64_t>(
        "aten::minimum(Tensor self, Tensor other) -> Tensor", "aten::minimum.out", kMinimum,
        infer_number, {check, lower<NodeKind::kMinimum>}),
};

}  // namespace

std::span<const Operator> binary_operators() { return kOperators; }

}  // namespace tessera::ops
