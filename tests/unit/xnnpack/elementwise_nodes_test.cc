// SPDX-License-Identifier: MIT
// Every unary and binary kind in every datatype against one reference.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "typed_values.h"
#include "xnnpack/node_kinds.h"

namespace tessera::xnnpack {
namespace {

constexpr Datatype kAllTypes[] = {Datatype::kF32, Datatype::kF16, Datatype::kQInt8,
                                  Datatype::kQUInt8};
const Shape kShape{2, 3, 7, 5};
const std::vector<std::uint32_t> kDims = {2, 3, 7, 5};
constexpr std::size_t kNumElements = 210;

struct UnaryCase {
  NodeKind kind;
  double (*reference)(double);
  double low, high;          ///< of the inputs
  double out_low, out_high;  ///< of an 8-bit result
  NodeParams params = {};
  float min = -NodeRecord::kInfinity, max = NodeRecord::kInfinity;
};

std::vector<UnaryCase> unary_cases() {
  using enum NodeKind;
  return {
      {kAbs, [](double x) { return std::abs(x); }, -4, 4, 0, 4},
      {kCeiling, [](double x) { return std::ceil(x); }, -4, 4, -4, 4},
      {kClamp, [](double x) { return std::clamp(x, -1.0, 2.0); }, -4, 4, -4, 4, {}, -1, 2},
      {kCopy, [](double x) { return x; }, -4, 4, -4, 4},
      {kCos, [](double x) { return std::cos(x); }, -4, 4, -1, 1},
      {kELU, [](double x) { return x < 0 ? 0.5 * std::expm1(x) : x; }, -4, 4, -1, 4,
       SlopeParams{0.5f}},
      {kExp, [](double x) { return std::exp(x); }, -3, 2, 0, 8},
      {kFloor, [](double x) { return std::floor(x); }, -4, 4, -4, 4},
      {kGelu, [](double x) { return x / 2 * (1 + std::erf(x / std::sqrt(2.0))); }, -4, 4, -1, 4},
      {kHardswish, [](double x) { return x * std::clamp(x / 6 + 0.5, 0.0, 1.0); }, -4, 4, -1, 4},
      {kLeakyReLU, [](double x) { return x < 0 ? 0.25 * x : x; }, -4, 4, -1, 4, SlopeParams{0.25f}},
      {kLog, [](double x) { return std::log(x); }, 0.5, 8, -1, 3},
      {kNegate, [](double x) { return -x; }, -4, 4, -4, 4},
      {kReciprocalSquareRoot, [](double x) { return 1 / std::sqrt(x); }, 0.5, 8, 0, 2},
      {kSigmoid, [](double x) { return 1 / (1 + std::exp(-x)); }, -4, 4, 0, 1},
      {kSin, [](double x) { return std::sin(x); }, -4, 4, -1, 1},
      {kSquare, [](double x) { return x * x; }, -3, 3, 0, 9},
      {kSquareRoot, [](double x) { return std::sqrt(x); }, 0, 9, 0, 3},
      {kTanh, [](double x) { return std::tanh(x); }, -4, 4, -1, 1},
  };
}

/// Copies keep the quantization of their input; so does clamping.
bool keeps_quantization(NodeKind kind) { return kind == NodeKind::kCopy; }

TEST(ElementwiseNodes, UnaryKindsComputeWhatTheReferenceDoes) {
  for (const UnaryCase& test : unary_cases()) {
    for (const Datatype datatype : kAllTypes) {
      SCOPED_TRACE(std::format("{} {}", name_of(test.kind), name_of(datatype)));
      const Type in_type = type_for(datatype, test.low, test.high);
      const Type out_type =
          keeps_quantization(test.kind) ? in_type : type_for(datatype, test.out_low, test.out_high);
      PayloadMaker m;
      const auto in = m.input(kDims, datatype, in_type.params());
      const auto out = m.output(kDims, datatype, out_type.params());
      auto& node = m.node(test.kind, {in}, out, test.params);
      node.output_min = test.min;
      node.output_max = test.max;
      const auto delegate = m.create();
      ASSERT_TRUE(delegate) << delegate.error().to_string();
      const auto numbers = sample_numbers(kNumElements, test.low, test.high, 3);
      const auto input = encode(in_type, kShape, numbers);
      const auto outputs = run_delegate(**delegate, {input});
      ASSERT_EQ(outputs.size(), 1u);
      auto expected = decode(in_type, input);
      std::ranges::transform(expected, expected.begin(), test.reference);
      for (double& number : expected) {  // log and rsqrt of 0, which an 8-bit type may round to
        if (std::isinf(number)) number = number < 0 ? -1e30 : 1e30;
      }
      expect_close(out_type, decode(out_type, outputs[0]), expected);
    }
  }
}

struct BinaryCase {
  NodeKind kind;
  double (*reference)(double, double);
  double low, high;          ///< of the second input; the first is in [-2, 2]
  double out_low, out_high;  ///< of an 8-bit result
  float min = -NodeRecord::kInfinity, max = NodeRecord::kInfinity;
};

std::vector<BinaryCase> binary_cases() {
  using enum NodeKind;
  const auto add = [](double a, double b) { return a + b; };
  return {
      {kAdd, add, -3, 1, -5, 3},
      {kAdd, [](double a, double b) { return std::clamp(a + b, -1.0, 0.5); }, -3, 1, -5, 3, -1,
       0.5f},
      {kSubtract, [](double a, double b) { return a - b; }, -3, 1, -3, 5},
      {kMultiply, [](double a, double b) { return a * b; }, -3, 1, -6, 6},
      {kDiv, [](double a, double b) { return a / b; }, 1, 3, -2, 2},
      {kMinimum, [](double a, double b) { return std::min(a, b); }, -3, 1, -3, 2},
      {kMaximum, [](double a, double b) { return std::max(a, b); }, -3, 1, -3, 2},
      {kPReLU, [](double a, double b) { return a < 0 ? a * b : a; }, -1, 1, -2, 2},
  };
}

/// Shapes of the second operand; the last is a constant per channel.
TEST(ElementwiseNodes, BinaryKindsComputeWhatTheReferenceDoes) {
  for (const BinaryCase& test : binary_cases()) {
    for (const Datatype datatype : kAllTypes) {
      for (const bool is_per_channel : {false, true}) {
        if (test.kind == NodeKind::kPReLU && !is_per_channel) continue;  // slopes are per channel
        SCOPED_TRACE(std::format("{} {}{}", name_of(test.kind), name_of(datatype),
                                 is_per_channel ? " per channel" : ""));
        const Type a_type = type_for(datatype, -2, 2);
        const Type b_type = type_for(datatype, test.low, test.high);
        const Type out_type = type_for(datatype, test.out_low, test.out_high);
        const std::size_t num_b = is_per_channel ? 5 : kNumElements;
        const auto a_tensor = encode(a_type, kShape, sample_numbers(kNumElements, -2, 2, 3));
        const auto b_tensor = encode(b_type, is_per_channel ? Shape{5} : kShape,
                                     sample_numbers(num_b, test.low, test.high, 4));
        PayloadMaker m;
        const auto a = m.input(kDims, datatype, a_type.params());
        std::uint32_t b = 0;
        if (is_per_channel) {
          b = m.constant({5},
                         std::vector(b_tensor.bytes(), b_tensor.bytes() + b_tensor.num_bytes()),
                         datatype, b_type.params());
        } else {
          b = m.input(kDims, datatype, b_type.params());
        }
        const auto out = m.output(kDims, datatype, out_type.params());
        auto& node = m.node(test.kind, {a, b}, out);
        node.output_min = test.min;
        node.output_max = test.max;
        const auto delegate = m.create();
        ASSERT_TRUE(delegate) << delegate.error().to_string();
        std::vector<Tensor> inputs(is_per_channel ? 1 : 2, a_tensor);
        if (!is_per_channel) inputs[1] = b_tensor;
        const auto outputs = run_delegate(**delegate, inputs);
        ASSERT_EQ(outputs.size(), 1u);
        const auto a_numbers = decode(a_type, a_tensor), b_numbers = decode(b_type, b_tensor);
        std::vector<double> expected;
        for (std::size_t i = 0; i < kNumElements; ++i) {
          expected.push_back(test.reference(a_numbers[i], b_numbers[i % num_b]));
        }
        expect_close(out_type, decode(out_type, outputs[0]), expected);
      }
    }
  }
}

/// To and from 8-bit types and f16.
TEST(ElementwiseNodes, ConvertBetweenTypes) {
  const std::pair<Datatype, Datatype> pairs[] = {
      {Datatype::kF32, Datatype::kF16},    {Datatype::kF16, Datatype::kF32},
      {Datatype::kF32, Datatype::kQInt8},  {Datatype::kQInt8, Datatype::kF32},
      {Datatype::kF32, Datatype::kQUInt8}, {Datatype::kQUInt8, Datatype::kF32},
      {Datatype::kF16, Datatype::kQInt8},  {Datatype::kQInt8, Datatype::kF16},
      {Datatype::kQInt8, Datatype::kQInt8}};
  for (const auto& [from, to] : pairs) {
    SCOPED_TRACE(std::format("{} to {}", name_of(from), name_of(to)));
    const Type in_type = type_for(from, -3, 3), out_type = type_for(to, -2, 4);
    PayloadMaker m;
    const auto in = m.input(kDims, from, in_type.params());
    const auto out = m.output(kDims, to, out_type.params());
    m.node(NodeKind::kConvert, {in}, out);
    const auto delegate = m.create();
    ASSERT_TRUE(delegate) << delegate.error().to_string();
    const auto input = encode(in_type, kShape, sample_numbers(kNumElements, -3, 3, 3));
    const auto outputs = run_delegate(**delegate, {input});
    ASSERT_EQ(outputs.size(), 1u);
    const Type coarse = from == Datatype::kF16 && to == Datatype::kF32 ? Type{from} : out_type;
    expect_close(coarse, decode(out_type, outputs[0]), decode(in_type, input));
  }
}

}  // namespace
}  // namespace tessera::xnnpack
