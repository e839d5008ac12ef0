// SPDX-License-Identifier: MIT
#include <functional>

#include "ops/binary_rules.h"
#include "ops/families.h"

/// Operators of two operands that answer true or false.
namespace tessera::ops {

namespace {

using ir::Operator;

constexpr ir::Sample kTensorSamples[] = {{"(f32[1,3,2,9], f32[1,3,1,1])"},
                                         {"(f64[7], f64[])"},
                                         {"(i32[2,70], i32[70])"},
                                         {"(u8[2,1], i8[7])"},
                                         {"(bool[9], bool[9])"},
                                         {"(f16[9], f16[1])"},
                                         {"(i64[9], f32[9])"},
                                         {"(bf16[0], i8[])"}};
constexpr ir::Sample kScalarSamples[] = {{"(f32[2,9], 0.25)"}, {"(f64[7], 1)"},   {"(i32[70], 3)"},
                                         {"(u8[70], 7)"},      {"(i64[9], 1.5)"}, {"(bool[9], 1)"},
                                         {"(f16[9], 0.1)"},    {"(i16[], -3)"}};

template <class Function>
constexpr Operator question(std::string_view schema, std::string_view out_name, Function,
                            std::span<const ir::Sample> samples) {
  return {.schema = schema,
          .out_name = out_name,
          .infer = infer_question,
          .kernel = question_kernel<Function>,
          .input_region = operand_region,
          .samples = samples};
}

constexpr auto kAnd = [](auto a, auto b) { return (a != 0) & (b != 0); };
constexpr auto kOr = [](auto a, auto b) { return (a != 0) | (b != 0); };
constexpr auto kXor = [](auto a, auto b) { return (a != 0) != (b != 0); };

// clang-format off: one line per operator
constexpr Operator kOperators[] = {
    question("aten::eq.Tensor(Tensor self, Tensor other) -> Tensor", "aten::eq.Tensor_out", std::equal_to(), kTensorSamples),
    question("aten::eq.Scalar(Tensor self, Scalar other) -> Tensor", "aten::eq.Scalar_out", std::equal_to(), kScalarSamples),
    question("aten::ne.Tensor(Tensor self, Tensor other) -> Tensor", "aten::ne.Tensor_out", std::not_equal_to(), kTensorSamples),
    question("aten::ne.Scalar(Tensor self, Scalar other) -> Tensor", "aten::ne.Scalar_out", std::not_equal_to(), kScalarSamples),
    question("aten::lt.Tensor(Tensor self, Tensor other) -> Tensor", "aten::lt.Tensor_out", std::less(), kTensorSamples),
    question("aten::lt.Scalar(Tensor self, Scalar other) -> Tensor", "aten::lt.Scalar_out", std::less(), kScalarSamples),
    question("aten::le.Tensor(Tensor self, Tensor other) -> Tensor", "aten::le.Tensor_out", std::less_equal(), kTensorSamples),
    question("aten::le.Scalar(Tensor self, Scalar other) -> Tensor", "aten::le.Scalar_out", std::less_equal(), kScalarSamples),
    question("aten::gt.Tensor(Tensor self, Tensor other) -> Tensor", "aten::gt.Tensor_out", std::greater(), kTensorSamples),
    question("aten::gt.Scalar(Tensor self, Scalar other) -> Tensor", "aten::gt.Scalar_out", std::greater(), kScalarSamples),
    question("aten::ge.Tensor(Tensor self, Tensor other) -> Tensor", "aten::ge.Tensor_out", std::greater_equal(), kTensorSamples),
    question("aten::ge.Scalar(Tensor self, Scalar other) -> Tensor", "aten::ge.Scalar_out", std::greater_equal(), kScalarSamples),
    question("aten::logical_and(Tensor self, Tensor other) -> Tensor", "aten::logical_and.out", kAnd, kTensorSamples),
    question("aten::logical_or(Tensor self, Tensor other) -> Tensor", "aten::logical_or.out", kOr, kTensorSamples),
    question("aten::logical_xor(Tensor self, Tensor other) -> Tensor", "aten::logical_xor.out", kXor, kTensorSamples),
};
// clang-format on

}  // namespace

std::span<const Operator> comparison_operators() { return kOperators; }

}  // namespace tessera::ops
