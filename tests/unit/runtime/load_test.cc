// SPDX-License-Identifier: MIT
// What is refused when a method is loaded, and with which words.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/runtime/plan_builder.h"

namespace tessera {
namespace {

using ::testing::HasSubstr;
using testing::PlanBuilder;

void expect_error(PlanBuilder& builder, ErrorCode code, const std::string& fragment) {
  const Error error = builder.load_error();
  EXPECT_EQ(error.code, code) << error.message;
  EXPECT_THAT(error.message, HasSubstr(fragment));
}

TEST(Load, NamesAllMissingOperators) {
  PlanBuilder builder;
  const auto x = builder.planned({2}, 0), y = builder.planned({2}, 64);
  builder.relu(x, y);
  builder.call("mine::first.out", {x, y, y});
  builder.call("mine::second.out", {x, y, y});
  builder.returns({x}, {y});
  expect_error(builder, ErrorCode::kOperatorMissing, "mine::first.out, mine::second.out");
}

TEST(Load, ChecksArgumentCounts) {
  PlanBuilder builder;
  const auto x = builder.planned({2}, 0), y = builder.planned({2}, 64);
  builder.call("aten::relu.out", {x, y});
  builder.returns({x}, {y});
  expect_error(builder, ErrorCode::kInvalidProgram,
               "instruction 0 (aten::relu.out): has 2 arguments");
}

TEST(Load, ChecksArgumentKinds) {
  PlanBuilder builder;
  const auto x = builder.planned({2}, 0), y = builder.planned({2}, 64);
  builder.call("aten::add.out", {x, x, builder.add(std::string("one")), y, y});
  builder.returns({x}, {y});
  expect_error(builder, ErrorCode::kInvalidProgram,
               "argument 'alpha' is a String, expected a number");
}

TEST(Load, ChecksTheReturnedValue) {
  PlanBuilder builder;
  const auto x = builder.planned({2}, 0), y = builder.planned({2}, 64);
  builder.call("aten::relu.out", {x, y, x});
  builder.returns({x}, {y});
  expect_error(builder, ErrorCode::kInvalidProgram, "which is not its results");
}

TEST(Load, ChecksTheSizesOfResults) {
  for (const bool is_dynamic : {false, true}) {
    PlanBuilder builder;
    const auto x = builder.planned({3}, 0), y = builder.planned({2}, 64, is_dynamic);
    builder.relu(x, y);
    builder.returns({x}, {y});
    expect_error(builder, ErrorCode::kInvalidProgram,
                 is_dynamic ? "its result is f32[3], the program has at most f32[2]"
                            : "its result is f32[3], the program has f32[2]");
  }
}

TEST(Load, RefusesToWriteConstants) {
  PlanBuilder builder;
  const auto x = builder.planned({2}, 0), y = builder.constant({1, 2});
  builder.relu(x, y);
  builder.returns({x}, {y});
  expect_error(builder, ErrorCode::kInvalidProgram, "constant");
}

TEST(Load, RefusesResultsOverArguments) {
  PlanBuilder builder;
  const auto x = builder.planned({2}, 0), y = builder.planned({2}, 4);
  builder.relu(x, y);
  builder.returns({x}, {y});
  expect_error(builder, ErrorCode::kInvalidProgram, "shares memory with value 0");
  // An elementwise kernel may write over its argument, if both are the same bytes; others may not.
  PlanBuilder whole;
  const auto a = whole.planned({2}, 0), b = whole.planned({2}, 0);
  whole.call("aten::cumsum.out", {a, whole.add(std::int64_t{0}), whole.add(pte::Null{}), b, b});
  whole.returns({a}, {b});
  expect_error(whole, ErrorCode::kInvalidProgram, "shares memory with value 0");
}

TEST(Load, TakesTensorsOnlyAsInputs) {
  PlanBuilder builder;
  builder.returns({builder.add(std::int64_t{1})}, {});
  expect_error(builder, ErrorCode::kNotSupported, "input 0 is an Int");
}

TEST(Load, NamesTheMethodsThereAre) {
  PlanBuilder builder;
  const auto program = builder.load().value();
  const auto method = program->load_method("backward");
  ASSERT_FALSE(method.has_value());
  EXPECT_EQ(method.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(method.error().message, HasSubstr("'forward'"));
}

TEST(Load, ReportsKernelErrorsWithTheInstruction) {
  PlanBuilder builder;
  const auto a = builder.dynamic({8}, 0), b = builder.dynamic({8}, 64),
             sum = builder.dynamic({8}, 128);
  builder.plus(a, b, sum);
  builder.returns({a, b}, {sum});
  const auto method = builder.load_method().value();
  testing::expect_ok(method->set_input(0, testing::tensor_of({1, 2, 3})));
  testing::expect_ok(method->set_input(1, testing::tensor_of({1, 2})));
  const auto result = method->execute();
  ASSERT_FALSE(result.has_value());
  EXPECT_THAT(result.error().message, HasSubstr("instruction 0 (aten::add.out)"));
}

}  // namespace
}  // namespace tessera
