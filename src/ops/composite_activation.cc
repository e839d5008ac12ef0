// SPDX-License-Identifier: MIT
#include "ops/expression.h"
#include "ops/families.h"
#include "ops/xnnpack_rules.h"

/// Activations outside core ATen as calls of core operators. Numbers in them are constants without
/// dimensions, which broadcast and which XNNPACK takes as operands.
namespace tessera::ops {

namespace {

constexpr ir::Sample kSamples[] = {{"(f32[2,3,5,6])"}, {"(f64[7])"}, {"(f16[9])"}, {"(f32[])"}};
constexpr ir::Sample kSoftplusSamples[] = {{"(f32[2,3,5,6], 1, 20)"}, {"(f64[7], 2.5, 3)"}};
constexpr ir::Sample kShrinkSamples[] = {{"(f32[2,3,5,6], 0.5)"}, {"(f64[7], 0.1)"}};
constexpr ir::Sample kThresholdSamples[] = {{"(f32[2,3,5,6], 0.25, -3)"}, {"(f64[7], 0.5, 2.5)"}};

constexpr ir::Operator kOperators[] = {
    expression<"aten::mul.Tensor($0, aten::sigmoid($0))">("aten::silu(Tensor self) -> Tensor",
                                                          kSamples),
    expression<"aten::div.Tensor(aten::hardtanh(aten::add.Tensor($0, 3), 0, 6), 6)">(
        "aten::hardsigmoid(Tensor self) -> Tensor", kSamples),
    expression<"aten::div.Tensor(aten::mul.Tensor($0, aten::hardtanh(aten::add.Tensor($0, 3), 0, "
               "6)), 6)">("aten::hardswish(Tensor self) -> Tensor", kSamples,
                          unary_rule<xnnpack::NodeKind::kHardswish>(),
                          {.kind = ir::QuantKind::kLookup}),
    expression<"aten::hardtanh($0, 0, 6)">("aten::relu6(Tensor self) -> Tensor", kSamples),
    expression<"aten::elu($0, 1.6732632423543772, 1.0507009873554805, 1)">(
        "aten::selu(Tensor self) -> Tensor", kSamples),
    // Beyond the threshold, where exp would overflow, softplus is taken to be x itself.
    expression<"aten::where.self(aten::gt.Scalar(aten::mul.Scalar($0, $1), $2), $0, "
               "aten::div.Scalar(aten::log1p(aten::exp(aten::mul.Scalar($0, $1))), $1))">(
        "aten::softplus(Tensor self, Scalar beta=1, Scalar threshold=20) -> Tensor",
        kSoftplusSamples),
    expression<"aten::mul.Tensor($0, aten::tanh(aten::softplus($0)))">(
        "aten::mish(Tensor self) -> Tensor", kSamples),
    expression<"aten::neg(aten::softplus(aten::neg($0)))">(
        "aten::log_sigmoid(Tensor self) -> Tensor", kSamples),
    expression<"aten::where.self(aten::gt.Scalar(aten::abs($0), $1), $0, 0)">(
        "aten::hardshrink(Tensor self, Scalar lambd=0.5) -> Tensor", kShrinkSamples),
    expression<"aten::where.self(aten::gt.Scalar($0, $1), $0, $2)">(
        "aten::threshold(Tensor self, Scalar threshold, Scalar value) -> Tensor",
        kThresholdSamples),
};

}  // namespace

std::span<const ir::Operator> composite_activation_operators() { return kOperators; }

}  // namespace tessera::ops
