// SPDX-License-Identifier: MIT
#include <cmath>

#include "ops/families.h"
#include "ops/unary_rules.h"

/// Functions of one number whose result has the number's own type, and questions about one.
namespace tessera::ops {

namespace {

using ir::Operator;
using xnnpack::NodeKind;

constexpr ir::Sample kRealSamples[] = {
    {"(f32[1,3,8,9])"}, {"(f32[])"}, {"(f64[2,5])"}, {"(f16[37])"},  {"(bf16[2,3])"}, {"(i32[7])"},
    {"(i64[2,3])"},     {"(u8[5])"}, {"(i8[5])"},    {"(i16[1,5])"}, {"(f32[2,0,3])"}};
constexpr ir::Sample kIntegerSamples[] = {{"(i32[1,3,8,9])"}, {"(i64[2,3])"}, {"(u8[5])"},
                                          {"(i8[5])"},        {"(i16[])"},    {"(bool[9])"}};
constexpr ir::Sample kAnySamples[] = {{"(f32[1,3,8,9])"}, {"(f64[2,5])"}, {"(f16[7])"},
                                      {"(i32[17])"},      {"(i64[])"},    {"(u8[5])"},
                                      {"(bool[9])"},      {"(i8[0])"}};

template <class List, class Function>
constexpr Operator same(std::string_view schema, std::string_view out_name, Function,
                        ir::XnnpackRule rule = {},
                        std::span<const ir::Sample> samples = kRealSamples,
                        ir::QuantRule quantize = {}) {
  return {.schema = schema,
          .out_name = out_name,
          .infer = infer_same<List>,
          .kernel = map_kernel<LoopTypes, Function>,
          .input_region = same_region,
          .xnnpack = rule,
          .quantize = quantize,
          .samples = samples};
}

template <class Function>
constexpr Operator predicate(std::string_view schema, std::string_view out_name, Function) {
  return {.schema = schema,
          .out_name = out_name,
          .infer = infer_to_bool,
          .kernel = predicate_kernel<Function>,
          .input_region = same_region,
          .samples = kAnySamples};
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

/// -1, 0, 1; NaN stays NaN.
template <class T>
T sign(T x) {
  const T one = x > 0 ? T(1) : x;
  return x < 0 ? T(-1) : one;
}

/// Integers are whole already.
template <class Function, class T>
T whole(T x, const Function& function) {
  if constexpr (std::is_integral_v<T>) return x;
  return function(x);
}

constexpr ir::XnnpackRule kReluRule = {
    .check = check_float_tensors,
    .lower = [](const ir::NodeView& view, xnnpack::Builder& builder) -> Result<void> {
      lower_clamp(view, builder, 0, kInfinity);
      return {};
    }};

Result<void> bitwise_not_kernel(ir::KernelContext& context, const ir::KernelArguments& arguments,
                                std::span<Tensor> outputs) {
  const Tensor& in = arguments.tensor(0);
  if (in.dtype() == DType::kBool) {
    return map_tensor<IntegerLoopTypes>(context, in, outputs[0],
                                        []<class T>() { return [](T x) { return x ^ T(1); }; });
  }
  return map_tensor<IntegerLoopTypes>(context, in, outputs[0],
                                      []<class T>() { return [](T x) { return ~x; }; });
}

// clang-format off: one line per operator
constexpr Operator kOperators[] = {
    same<RealTypes>("aten::relu(Tensor self) -> Tensor", "aten::relu.out", [](auto x) { return x < 0 ? decltype(x)(0) : x; }, kReluRule, kRealSamples, {.kind = ir::QuantKind::kClamp}),
    same<RealTypes>("aten::abs(Tensor self) -> Tensor", "aten::abs.out", [](auto x) { return absolute(x); }, unary_rule<NodeKind::kAbs>()),
    same<RealTypes>("aten::neg(Tensor self) -> Tensor", "aten::neg.out", [](auto x) { return negate(x); }, unary_rule<NodeKind::kNegate>()),
    same<AllTypes>("aten::sign(Tensor self) -> Tensor", "aten::sign.out", [](auto x) { return sign(x); }, {}, kAnySamples),
    same<RealTypes>("aten::floor(Tensor self) -> Tensor", "aten::floor.out", [](auto x) { return whole(x, [](auto y) { return std::floor(y); }); }, unary_rule<NodeKind::kFloor>()),
    same<RealTypes>("aten::ceil(Tensor self) -> Tensor", "aten::ceil.out", [](auto x) { return whole(x, [](auto y) { return std::ceil(y); }); }, unary_rule<NodeKind::kCeiling>()),
    same<RealTypes>("aten::trunc(Tensor self) -> Tensor", "aten::trunc.out", [](auto x) { return whole(x, [](auto y) { return std::trunc(y); }); }),
    // Halves go to the even neighbour: the processor's default rounding.
    same<RealTypes>("aten::round(Tensor self) -> Tensor", "aten::round.out", [](auto x) { return whole(x, [](auto y) { return std::nearbyint(y); }); }),
    same<AllTypes>("aten::_conj_physical(Tensor self) -> Tensor", "aten::_conj_physical.out", [](auto x) { return x; }, {}, kAnySamples),
    predicate("aten::logical_not(Tensor self) -> Tensor", "aten::logical_not.out", [](auto x) { return x == 0; }),
    predicate("aten::isnan(Tensor self) -> Tensor", "aten::isnan.out", [](auto x) { return x != x; }),
    predicate("aten::isinf(Tensor self) -> Tensor", "aten::isinf.out", [](auto x) { return absolute(x) == std::numeric_limits<decltype(x)>::infinity() && std::is_floating_point_v<decltype(x)>; }),
    {.schema = "aten::bitwise_not(Tensor self) -> Tensor", .out_name = "aten::bitwise_not.out", .infer = infer_same<IntegerOrBoolTypes>, .kernel = bitwise_not_kernel, .input_region = same_region, .samples = kIntegerSamples},
};
// clang-format on

}  // namespace

std::span<const Operator> unary_operators() { return kOperators; }

}  // namespace tessera::ops
