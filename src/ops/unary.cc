// SPDX-License-Identifier: MIT
#include <cmath>

#include "base/try.h"
#include "ops/dispatch.h"
#include "ops/families.h"
#include "ops/same_shape.h"
#include "ops/shape_rules.h"
#include "ops/xnnpack_rules.h"

namespace tessera::ops {

namespace {

using ir::KernelArguments;
using ir::KernelContext;
using ir::Operator;
using ir::TypeArguments;
using xnnpack::NodeKind;
using Types = Result<std::vector<ir::TensorType>>;

Types infer_float(const TypeArguments& arguments) {
  TRY(expect_float(arguments.tensor(0), "self"));
  return std::vector{arguments.tensor(0)};
}

Types infer_number(const TypeArguments& arguments) {
  TRY(expect_dtype(arguments.tensor(0), "self",
                   {DType::kF32, DType::kF64, DType::kI32, DType::kI64}));
  return std::vector{arguments.tensor(0)};
}

template <class Function, class... Ts>
Result<void> kernel(KernelContext& context, const KernelArguments& arguments,
                    std::span<Tensor> outputs) {
  const Tensor& in = arguments.tensor(0);
  dispatch<TypeList<Ts...>>(in.dtype(), [&]<class T>() {
    map_elements(context, in.data<T>(), outputs[0].data<T>(), in.num_elements(), Function());
  });
  return {};
}

constexpr ir::Sample kSamples[] = {{"(f32[1,3,8,9])"}, {"(f32[37])"}, {"(f64[2,5])"}};
constexpr ir::Sample kNumberSamples[] = {
    {"(f32[1,3,8,9])"}, {"(f32[37])"}, {"(f64[2,5])"}, {"(i32[7])"}, {"(i64[2,3])"}};

/// Defined for floating point numbers only.
template <class Function>
constexpr Operator on_floats(std::string_view schema, std::string_view out_name, Function,
                             ir::XnnpackRule rule = {}) {
  return {.schema = schema,
          .out_name = out_name,
          .infer = infer_float,
          .kernel = kernel<Function, float, double>,
          .input_region = same_region,
          .xnnpack = rule,
          .samples = kSamples};
}

/// Defined for integers too.
template <class Function>
constexpr Operator on_numbers(std::string_view schema, std::string_view out_name, Function,
                              ir::XnnpackRule rule = {}) {
  return {.schema = schema,
          .out_name = out_name,
          .infer = infer_number,
          .kernel = kernel<Function, float, double, std::int32_t, std::int64_t>,
          .input_region = same_region,
          .xnnpack = rule,
          .samples = kNumberSamples};
}

// The smallest integer has no counterpart; wrapping around is what ATen does.
template <class T>
T negate(T x) {
  if constexpr (std::is_integral_v<T>) return static_cast<T>(std::make_unsigned_t<T>(0) - x);
  return -x;
}

template <class T>
T absolute(T x) {
  if constexpr (std::is_integral_v<T>) return x < 0 ? negate(x) : x;
  return std::abs(x);
}

constexpr ir::XnnpackRule kReluRule = {
    .check = check_float_tensors,
    .lower = [](const ir::NodeView& view, xnnpack::Builder& builder) -> Result<void> {
      lower_clamp(view, builder, 0, kInfinity);
      return {};
    }};

// clang-format off: one line per operator
constexpr Operator kOperators[] = {
    on_numbers("aten::relu(Tensor self) -> Tensor", "aten::relu.out", [](auto x) { return x < 0 ? decltype(x)(0) : x; }, kReluRule),
    on_numbers("aten::abs(Tensor self) -> Tensor", "aten::abs.out", [](auto x) { return absolute(x); }, unary_rule<NodeKind::kAbs>()),
    on_numbers("aten::neg(Tensor self) -> Tensor", "aten::neg.out", [](auto x) { return negate(x); }, unary_rule<NodeKind::kNegate>()),
    on_floats("aten::sigmoid(Tensor self) -> Tensor", "aten::sigmoid.out", [](auto x) { return 1 / (1 + std::exp(-x)); }, unary_rule<NodeKind::kSigmoid>()),
    on_floats("aten::tanh(Tensor self) -> Tensor", "aten::tanh.out", [](auto x) { return std::tanh(x); }, unary_rule<NodeKind::kTanh>()),
    on_floats("aten::exp(Tensor self) -> Tensor", "aten::exp.out", [](auto x) { return std::exp(x); }, unary_rule<NodeKind::kExp>()),
    on_floats("aten::log(Tensor self) -> Tensor", "aten::log.out", [](auto x) { return std::log(x); }, unary_rule<NodeKind::kLog>()),
    on_floats("aten::sqrt(Tensor self) -> Tensor", "aten::sqrt.out", [](auto x) { return std::sqrt(x); }, unary_rule<NodeKind::kSquareRoot>()),
    on_floats("aten::rsqrt(Tensor self) -> Tensor", "aten::rsqrt.out", [](auto x) { return 1 / std::sqrt(x); }, unary_rule<NodeKind::kReciprocalSquareRoot>()),
    on_floats("aten::reciprocal(Tensor self) -> Tensor", "aten::reciprocal.out", [](auto x) { return 1 / x; }),
    on_floats("aten::floor(Tensor self) -> Tensor", "aten::floor.out", [](auto x) { return std::floor(x); }, unary_rule<NodeKind::kFloor>()),
    on_floats("aten::ceil(Tensor self) -> Tensor", "aten::ceil.out", [](auto x) { return std::ceil(x); }, unary_rule<NodeKind::kCeiling>()),
    on_floats("aten::sin(Tensor self) -> Tensor", "aten::sin.out", [](auto x) { return std::sin(x); }, unary_rule<NodeKind::kSin>()),
    on_floats("aten::cos(Tensor self) -> Tensor", "aten::cos.out", [](auto x) { return std::cos(x); }, unary_rule<NodeKind::kCos>()),
    on_floats("aten::erf(Tensor self) -> Tensor", "aten::erf.out", [](auto x) { return std::erf(x); }),
};
// clang-format on

}  // namespace

std::span<const Operator> unary_operators() { return kOperators; }

}  // namespace tessera::ops
