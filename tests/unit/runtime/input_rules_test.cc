// SPDX-License-Identifier: MIT
#include "runtime/input_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/runtime/plan_builder.h"

namespace tessera {
namespace {

using ::testing::HasSubstr;
using testing::PlanBuilder;

PlanBuilder two_inputs(const std::string& signature) {
  PlanBuilder builder;
  const auto a = builder.dynamic({2, 64, 34}, 0), b = builder.dynamic({64}, 1 << 16);
  builder.returns({a, b}, {a});
  if (!signature.empty()) builder.signature(signature);
  return builder;
}

constexpr const char* kSignature = "(f32[2,h,4*w+2], f32[h]) where h in 16..64, w in 1..8";

std::string error_of(Method& method, std::size_t index, const Shape& shape,
                     DType dtype = DType::kF32) {
  const auto result = method.set_input(index, Tensor::zeros(dtype, shape).value());
  return result ? "" : result.error().message;
}

TEST(InputRules, SayWhatTheSignatureSays) {
  const auto inputs = two_inputs(kSignature).load().value()->inputs().value();
  ASSERT_EQ(inputs.size(), 2u);
  EXPECT_EQ(inputs[0].min_sizes, (Shape{2, 16, 6}));
  EXPECT_EQ(inputs[0].max_sizes, (Shape{2, 64, 34}));
  EXPECT_TRUE(inputs[0].is_dynamic);
  EXPECT_THAT(inputs[0].type_string, HasSubstr("4*w"));
}

TEST(InputRules, FallBackToTheBoundsOfTheFile) {
  const auto program = two_inputs("").load().value();
  EXPECT_EQ(program->inputs().value()[0].type_string, "f32[..2, ..64, ..34]");
  EXPECT_EQ(program->inputs().value()[0].min_sizes, (Shape{1, 1, 1}));
  const auto method = program->load_method().value();
  EXPECT_EQ(error_of(*method, 0, {1, 3, 5}), "");
  EXPECT_EQ(error_of(*method, 0, {1, 65, 5}), "input 0: dimension 1 is 65, expected 1..64");
  EXPECT_EQ(error_of(*method, 0, {1, 0, 5}), "input 0: dimension 1 is 0, expected 1..64");
}

TEST(InputRules, NameDimensionRangeAndValue) {
  const auto method = two_inputs(kSignature).load_method().value();
  EXPECT_EQ(error_of(*method, 0, {2, 16, 10}), "");
  EXPECT_EQ(error_of(*method, 0, {2, 65, 10}), "input 0: dimension 1 (h) is 65, expected 16..64");
  EXPECT_EQ(error_of(*method, 0, {1, 16, 10}), "input 0: dimension 0 is 1, expected 2");
  EXPECT_THAT(error_of(*method, 0, {2, 16, 12}), HasSubstr("is 12, expected a value of 4*w"));
  EXPECT_THAT(error_of(*method, 0, {2, 16}), HasSubstr("has 2 dimensions"));
  const auto result = method->set_input(0, Tensor::zeros(DType::kI32, {2, 16, 10}).value());
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code, ErrorCode::kInvalidType);
}

TEST(InputRules, ExpectMultiples) {
  PlanBuilder builder;
  const auto x = builder.dynamic({64}, 0);
  builder.returns({x}, {x});
  builder.signature("(f32[4*s18]) where s18 in 2..16");
  const auto method = builder.load_method().value();
  EXPECT_EQ(error_of(*method, 0, {60}), "");
  EXPECT_EQ(error_of(*method, 0, {62}),
            "input 0: dimension 0 (4*s18) is 62, expected a multiple of 4");
}

TEST(InputRules, OneSymbolHasOneValue) {
  const auto method = two_inputs(kSignature).load_method().value();
  EXPECT_EQ(error_of(*method, 0, {2, 20, 10}), "");
  EXPECT_EQ(error_of(*method, 1, {21}), "");
  const auto result = method->execute();
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().message,
            "input 1: dimension 0 (h) is 21, but h is 20 by input 0, dimension 1");
  EXPECT_EQ(error_of(*method, 1, {20}), "");
  testing::expect_ok(method->execute());
}

TEST(InputRules, RefuseSignaturesThatDoNotFit) {
  for (const char* signature :
       {"", "(", "(f32[2,h,34])", "(f32[2,64,34])", "(f32[2,64,34], i32[64])",
        "(f32[2,64,34], f32[64,1])", "(f32[2,h,34], f32[h]) where h in 1..65",
        "(f32[2,h,34], f32[h])",
        "(f32[2,h,4*w+2], f32[h]) -> (f32[1,1,1,1,1]) where h in 16..64, w in 1..8",
        "(f32[2,h,4*w+2], f32[h]) -> (f32[h], f32[h], f32[h]) where h in 16..64, w in 1..8"}) {
    PlanBuilder builder = two_inputs(" ");
    builder.signature(signature);
    const Error error = builder.load_error();
    EXPECT_EQ(error.code, ErrorCode::kInvalidProgram) << signature << ": " << error.message;
    EXPECT_THAT(error.message, HasSubstr("signature")) << signature;
  }
}

}  // namespace
}  // namespace tessera
