// SPDX-License-Identifier: MIT
#include "ops/expression.h"
#include "ops/families.h"

/// Arithmetic and reductions outside core ATen as calls of core operators.
namespace tessera::ops {

namespace {

constexpr ir::Sample kUnarySamples[] = {{"(f32[2,3,5])"}, {"(f64[7])"}};
constexpr ir::Sample kBoundSamples[] = {{"(f32[2,3,5], 0.25)"}, {"(i64[4], 3)"}};
constexpr ir::Sample kRsubSamples[] = {{"(f32[2,3], f32[3], 1)"}, {"(f32[2,3], f32[2,1], 2)"}};
constexpr ir::Sample kThreeSamples[] = {{"(f32[2,3], f32[2,3], f32[3], 1)"},
                                        {"(f64[2,3], f64[2,1], f64[2,3], 0.5)"}};
constexpr ir::Sample kLerpSamples[] = {{"(f32[2,3], f32[2,3], 0.25)"}};
constexpr ir::Sample kLerpTensorSamples[] = {{"(f32[2,3], f32[2,3], f32[3])"}};
constexpr ir::Sample kReductionSamples[] = {{"(f32[2,3,5], [1], true)"},
                                            {"(f32[4,6], [0,1], false)"}};
constexpr ir::Sample kDeviationSamples[] = {{"(f32[2,3,5], [1], 1, true)"},
                                            {"(f32[4,6], none, 0, false)"}};
constexpr ir::Sample kMaskedSamples[] = {{"(f32[2,3], bool[2,3], f32[])"}};

constexpr ir::Operator kOperators[] = {
    expression<"aten::pow.Tensor_Scalar($0, 2)">("aten::square(Tensor self) -> Tensor",
                                                 kUnarySamples),
    expression<"aten::clamp($0, $1, none)">("aten::clamp_min(Tensor self, Scalar min) -> Tensor",
                                            kBoundSamples),
    expression<"aten::clamp($0, none, $1)">("aten::clamp_max(Tensor self, Scalar max) -> Tensor",
                                            kBoundSamples),
    expression<"aten::sub.Tensor($1, $0, $2)">(
        "aten::rsub.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor", kRsubSamples),
    expression<"aten::add.Tensor($0, aten::mul.Tensor($1, $2), $3)">(
        "aten::addcmul(Tensor self, Tensor tensor1, Tensor tensor2, *, Scalar value=1) -> Tensor",
        kThreeSamples),
    expression<"aten::add.Tensor($0, aten::div.Tensor($1, $2), $3)">(
        "aten::addcdiv(Tensor self, Tensor tensor1, Tensor tensor2, *, Scalar value=1) -> Tensor",
        kThreeSamples),
    expression<"aten::add.Tensor($0, aten::mul.Scalar(aten::sub.Tensor($1, $0), $2))">(
        "aten::lerp.Scalar(Tensor self, Tensor end, Scalar weight) -> Tensor", kLerpSamples),
    expression<"aten::add.Tensor($0, aten::mul.Tensor(aten::sub.Tensor($1, $0), $2))">(
        "aten::lerp.Tensor(Tensor self, Tensor end, Tensor weight) -> Tensor", kLerpTensorSamples),
    expression<"aten::where.self($1, $2, $0)">(
        "aten::masked_fill.Tensor(Tensor self, Tensor mask, Tensor value) -> Tensor",
        kMaskedSamples),
    // The largest term is taken out so that exp does not overflow.
    expression<"aten::add.Tensor(aten::log(aten::sum.dim_IntList(aten::exp(aten::sub.Tensor($0, "
               "aten::amax($0, $1, true))), $1, $2)), aten::amax($0, $1, $2))">(
        "aten::logsumexp(Tensor self, int[1] dim, bool keepdim=False) -> Tensor",
        kReductionSamples),
    expression<"aten::sqrt(aten::var.correction($0, $1, $2, $3))">(
        "aten::std.correction(Tensor self, int[1]? dim=None, *, Scalar? correction=None, bool "
        "keepdim=False) -> Tensor",
        kDeviationSamples),
};

}  // namespace

std::span<const ir::Operator> composite_arithmetic_operators() { return kOperators; }

}  // namespace tessera::ops
