// SPDX-License-Identifier: MIT
#include <cmath>

#include "ops/families.h"
#include "ops/unary_rules.h"
#include "ops/vector_math.h"

/// Functions of one real number; integers and bool give f32.
namespace tessera::ops {

namespace {

using ir::Operator;
using xnnpack::NodeKind;

constexpr ir::Sample kSamples[] = {
    {"(f32[1,3,8,9])"}, {"(f32[37])"}, {"(f64[2,5])"}, {"(f16[2,3])"},  {"(bf16[7])"},
    {"(i32[7])"},       {"(i64[])"},   {"(u8[4])"},    {"(bool[2,3])"}, {"(f32[0])"}};

template <class Function>
constexpr Operator real(std::string_view schema, std::string_view out_name, Function,
                        ir::XnnpackRule rule = {}, ir::QuantRule quantize = {}) {
  return {.schema = schema,
          .out_name = out_name,
          .infer = infer_to_float,
          .kernel = map_kernel<FloatLoopTypes, Function>,
          .input_region = same_region,
          .xnnpack = rule,
          .quantize = quantize,
          .samples = kSamples};
}

/// log(x / (1 - x)) with x kept within [eps, 1 - eps], if eps is given.
Result<void> logit_kernel(ir::KernelContext& context, const ir::KernelArguments& arguments,
                          std::span<Tensor> outputs) {
  const double eps = arguments.optional_real(1).value_or(-1);
  return map_tensor<FloatLoopTypes>(context, arguments.tensor(0), outputs[0], [&]<class T>() {
    const bool is_clamped = eps >= 0;
    const T low = is_clamped ? static_cast<T>(eps) : -std::numeric_limits<T>::infinity();
    const T high = is_clamped ? 1 - static_cast<T>(eps) : std::numeric_limits<T>::infinity();
    return [low, high](T x) {
      const T raised = x < low ? low : x;
      const T kept = raised > high ? high : raised;
      return std::log(kept / (1 - kept));
    };
  });
}

constexpr ir::Sample kLogitSamples[] = {{"(f32[2,9], none)"}, {"(f32[37], 0.01)"},
                                        {"(f64[5], 0.25)"},   {"(f16[4], 0.125)"},
                                        {"(i32[4], 0.25)"},   {"(bool[3], 0.25)"}};

/// XNNPACK's f16 square root of a negative number is -0, not NaN.
constexpr ir::XnnpackRule kSquareRootRule = {.check = [](const ir::NodeView& view) -> Reason {
                                               if (view.results[0].dtype == DType::kF16)
                                                 return "a tensor is f16";
                                               return check_float_tensors(view);
                                             },
                                             .lower = unary_rule<NodeKind::kSquareRoot>().lower};

/// Those whose results are of one magnitude: exp and log lose too much in 256 steps.
constexpr ir::QuantRule kLookup = {.kind = ir::QuantKind::kLookup};

// clang-format off: one line per operator
constexpr Operator kOperators[] = {
    real("aten::exp(Tensor self) -> Tensor", "aten::exp.out", [](auto x) { return vector_exp(x); }, unary_rule<NodeKind::kExp>()),
    real("aten::expm1(Tensor self) -> Tensor", "aten::expm1.out", [](auto x) { return vector_expm1(x); }),
    real("aten::sigmoid(Tensor self) -> Tensor", "aten::sigmoid.out", [](auto x) { return vector_sigmoid(x); }, unary_rule<NodeKind::kSigmoid>(), kLookup),
    real("aten::tanh(Tensor self) -> Tensor", "aten::tanh.out", [](auto x) { return vector_tanh(x); }, unary_rule<NodeKind::kTanh>(), kLookup),
    real("aten::erf(Tensor self) -> Tensor", "aten::erf.out", [](auto x) { return vector_erf(x); }),
    real("aten::sqrt(Tensor self) -> Tensor", "aten::sqrt.out", [](auto x) { return std::sqrt(x); }, kSquareRootRule),
    real("aten::rsqrt(Tensor self) -> Tensor", "aten::rsqrt.out", [](auto x) { return 1 / std::sqrt(x); }, unary_rule<NodeKind::kReciprocalSquareRoot>()),
    real("aten::reciprocal(Tensor self) -> Tensor", "aten::reciprocal.out", [](auto x) { return 1 / x; }),
    real("aten::log(Tensor self) -> Tensor", "aten::log.out", [](auto x) { return std::log(x); }, unary_rule<NodeKind::kLog>()),
    real("aten::log1p(Tensor self) -> Tensor", "aten::log1p.out", [](auto x) { return std::log1p(x); }),
    real("aten::log2(Tensor self) -> Tensor", "aten::log2.out", [](auto x) { return std::log2(x); }),
    real("aten::log10(Tensor self) -> Tensor", "aten::log10.out", [](auto x) { return std::log10(x); }),
    real("aten::sin(Tensor self) -> Tensor", "aten::sin.out", [](auto x) { return std::sin(x); }, unary_rule<NodeKind::kSin>()),
    real("aten::cos(Tensor self) -> Tensor", "aten::cos.out", [](auto x) { return std::cos(x); }, unary_rule<NodeKind::kCos>()),
    real("aten::tan(Tensor self) -> Tensor", "aten::tan.out", [](auto x) { return std::tan(x); }),
    real("aten::sinh(Tensor self) -> Tensor", "aten::sinh.out", [](auto x) { return std::sinh(x); }),
    real("aten::cosh(Tensor self) -> Tensor", "aten::cosh.out", [](auto x) { return std::cosh(x); }),
    real("aten::asin(Tensor self) -> Tensor", "aten::asin.out", [](auto x) { return std::asin(x); }),
    real("aten::acos(Tensor self) -> Tensor", "aten::acos.out", [](auto x) { return std::acos(x); }),
    real("aten::atan(Tensor self) -> Tensor", "aten::atan.out", [](auto x) { return std::atan(x); }),
    real("aten::asinh(Tensor self) -> Tensor", "aten::asinh.out", [](auto x) { return std::asinh(x); }),
    real("aten::acosh(Tensor self) -> Tensor", "aten::acosh.out", [](auto x) { return std::acosh(x); }),
    real("aten::atanh(Tensor self) -> Tensor", "aten::atanh.out", [](auto x) { return std::atanh(x); }),
    {.schema = "aten::logit(Tensor self, float? eps=None) -> Tensor", .out_name = "aten::logit.out", .infer = infer_to_float, .kernel = logit_kernel, .input_region = same_region, .samples = kLogitSamples},
};
// clang-format on

}  // namespace

std::span<const Operator> unary_float_operators() { return kOperators; }

}  // namespace tessera::ops
