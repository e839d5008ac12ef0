// SPDX-License-Identifier: MIT
#include <cmath>
#include <functional>

#include "ops/binary_rules.h"
#include "ops/families.h"

/// Sums, products, quotients of real numbers, the larger and the smaller of two.
namespace tessera::ops {

namespace {

using ir::KernelArguments;
using ir::KernelContext;
using ir::NodeView;
using ir::Operator;
using ir::TypeArguments;
using xnnpack::NodeKind;

// ---- kernel ------------------------------------------------------------------------------------

/// kSign * alpha, where kSign is 1 or -1, times `other`, plus `self`; for rsub the two swapped.
template <int kSign, bool kIsReversed = false>
Result<void> add_kernel(KernelContext& context, const KernelArguments& arguments,
                        std::span<Tensor> outputs) {
  const DType common = outputs[0].dtype();
  return combine<LoopTypes>(context, arguments, outputs[0], common, [&]<class T>() {
    const T factor =
        wrapping<T>(T(kSign), number_argument<T>(arguments, 2, common), std::multiplies());
    return [factor](T a, T b) {
      const T scaled = wrapping(factor, kIsReversed ? a : b, std::multiplies());
      return wrapping(kIsReversed ? b : a, scaled, std::plus());
    };
  });
}

// ---- shape -------------------------------------------------------------------------------------

template <class List>
Types infer_add(const TypeArguments& arguments) {
  const auto types = TRY(infer_common<List>(arguments));
  TRY(expect_number_fits(arguments, 2, "alpha", types[0].dtype));
  return types;
}

// ---- XNNPACK -----------------------------------------------------------------------------------

Reason check_alpha(const NodeView& view) {
  if (view.arguments.real(2) != 1) return std::format("alpha is {}", view.arguments.real(2));
  return check_operands(view);
}

// ---- samples, declaration ----------------------------------------------------------------------

constexpr ir::Sample kSamples[] = {{"(f32[1,3,8,9], f32[1,3,8,9])"},
                                   {"(f32[1,3,8,9], f32[1,3,1,1])"},
                                   {"(f32[3,1,9], f32[2,1,8,1])"},
                                   {"(f32[2,7], f32[])"},
                                   {"(f32[7], f32[2,7])"},
                                   {"(f64[2,7], f64[7])"},
                                   {"(f16[2,7], f16[7])"},
                                   {"(bf16[2,1], bf16[7])"},
                                   {"(i32[2,7], i32[7])"},
                                   {"(u8[2,7], i8[7])"},
                                   {"(i16[2,7], i64[])"},
                                   {"(bool[5], bool[5])"},
                                   {"(i64[3], f16[3])"},
                                   {"(f32[2,1], f64[3])"},
                                   {"(f32[2,0], f32[1])"}};
constexpr ir::Sample kAddSamples[] = {
    {"(f32[1,3,8,9], f32[1,3,8,9], 1)"}, {"(f32[1,3,8,9], f32[1,3,1,1], 1)"},
    {"(f32[3,1,9], f32[2,1,8,1], 0.5)"}, {"(f32[2,7], f32[], 1)"},
    {"(i32[2,7], i32[7], 3)"},           {"(f64[2,7], f64[7], 2)"},
    {"(f16[2,7], f16[7], 2)"},           {"(bf16[2,1], bf16[7], 1)"},
    {"(u8[2,7], u8[7], 200)"},           {"(i8[2,7], u8[1], -1)"},
    {"(i64[3], f32[3], 1.5)"},           {"(bool[5], i64[], 1)"}};
constexpr ir::Sample kScalarSamples[] = {{"(f32[2,7], 1.5)"}, {"(f64[7], 3)"},  {"(f16[7], 0.3)"},
                                         {"(i32[7], 3)"},     {"(i64[], 0.5)"}, {"(u8[7], 5)"},
                                         {"(i8[7], -4)"},     {"(bool[4], 3)"}};
constexpr ir::Sample kAddScalarSamples[] = {
    {"(f32[2,7], 1.5, 1)"}, {"(f64[7], 3, 0.5)"}, {"(f16[7], 0.3, 1)"}, {"(i32[7], 3, 2)"},
    {"(i64[], 0.5, 2)"},    {"(u8[7], 250, 1)"},  {"(i8[7], -4, 3)"},   {"(bool[4], 3, 1)"}};

/// All but the last: ATen subtracts no bool.
template <std::size_t kCount>
constexpr std::span<const ir::Sample> without_bool(const ir::Sample (&samples)[kCount]) {
  return {samples, kCount - 1};
}

template <class List, class Function>
constexpr Operator common(std::string_view schema, std::string_view out_name, Function,
                          std::span<const ir::Sample> samples, ir::XnnpackRule rule = {},
                          ir::QuantRule quantize = {}) {
  return {.schema = schema,
          .out_name = out_name,
          .infer = infer_common<List>,
          .kernel = combine_kernel<LoopTypes, Function>,
          .input_region = operand_region,
          .xnnpack = rule,
          .quantize = quantize,
          .samples = samples};
}

template <class Function>
constexpr Operator real(std::string_view schema, std::string_view out_name, Function,
                        std::span<const ir::Sample> samples, ir::XnnpackRule rule = {}) {
  return {.schema = schema,
          .out_name = out_name,
          .infer = infer_common_float,
          .kernel = combine_kernel<FloatLoopTypes, Function>,
          .input_region = operand_region,
          .xnnpack = rule,
          .samples = samples};
}

constexpr Operator sum(std::string_view schema, std::string_view out_name, ir::InferFn infer,
                       ir::KernelFn kernel, std::span<const ir::Sample> samples,
                       ir::XnnpackRule rule = {}, ir::QuantRule quantize = {}) {
  return {.schema = schema,
          .out_name = out_name,
          .infer = infer,
          .kernel = kernel,
          .input_region = operand_region,
          .xnnpack = rule,
          .quantize = quantize,
          .samples = samples};
}

constexpr ir::QuantRule kQuantizedSum = {
    .kind = ir::QuantKind::kArithmetic, .second = 1, .check = check_sum_scales};
constexpr ir::QuantRule kQuantizedProduct = {
    .kind = ir::QuantKind::kArithmetic, .second = 1, .check = check_product_scales};

// NaN wins over any number.
constexpr auto kMaximum = [](auto a, auto b) { return a > b || a != a ? a : b; };
constexpr auto kMinimum = [](auto a, auto b) { return a < b || a != a ? a : b; };
constexpr auto kMultiply = [](auto a, auto b) { return wrapping(a, b, std::multiplies()); };
constexpr auto kDivide = [](auto a, auto b) { return a / b; };

// clang-format off: one line per operator
constexpr Operator kOperators[] = {
    sum("aten::add.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor", "aten::add.out", infer_add<AllTypes>, add_kernel<1>, kAddSamples, {check_alpha, lower_operands<NodeKind::kAdd>}, kQuantizedSum),
    sum("aten::add.Scalar(Tensor self, Scalar other, Scalar alpha=1) -> Tensor", "aten::add.Scalar_out", infer_add<AllTypes>, add_kernel<1>, kAddScalarSamples),
    sum("aten::sub.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor", "aten::sub.out", infer_add<RealTypes>, add_kernel<-1>, without_bool(kAddSamples), {check_alpha, lower_operands<NodeKind::kSubtract>}, kQuantizedSum),
    sum("aten::sub.Scalar(Tensor self, Scalar other, Scalar alpha=1) -> Tensor", "aten::sub.Scalar_out", infer_add<RealTypes>, add_kernel<-1>, without_bool(kAddScalarSamples)),
    sum("aten::rsub.Scalar(Tensor self, Scalar other, Scalar alpha=1) -> Tensor", "aten::rsub.Scalar_out", infer_add<RealTypes>, add_kernel<-1, true>, without_bool(kAddScalarSamples)),
    common<AllTypes>("aten::mul.Tensor(Tensor self, Tensor other) -> Tensor", "aten::mul.out", kMultiply, kSamples, {check_operands, lower_operands<NodeKind::kMultiply>}, kQuantizedProduct),
    common<AllTypes>("aten::mul.Scalar(Tensor self, Scalar other) -> Tensor", "aten::mul.Scalar_out", kMultiply, kScalarSamples),
    real("aten::div.Tensor(Tensor self, Tensor other) -> Tensor", "aten::div.out", kDivide, kSamples, {check_operands, lower_operands<NodeKind::kDiv>}),
    real("aten::div.Scalar(Tensor self, Scalar other) -> Tensor", "aten::div.Scalar_out", kDivide, kScalarSamples),
    common<AllTypes>("aten::maximum(Tensor self, Tensor other) -> Tensor", "aten::maximum.out", kMaximum, kSamples, {check_operands, lower_operands<NodeKind::kMaximum>}),
    common<AllTypes>("aten::minimum(Tensor self, Tensor other) -> Tensor", "aten::minimum.out", kMinimum, kSamples, {check_operands, lower_operands<NodeKind::kMinimum>}),
    real("aten::atan2(Tensor self, Tensor other) -> Tensor", "aten::atan2.out", [](auto a, auto b) { return std::atan2(a, b); }, kSamples),
};
// clang-format on

}  // namespace

std::span<const Operator> binary_operators() { return kOperators; }

}  // namespace tessera::ops
