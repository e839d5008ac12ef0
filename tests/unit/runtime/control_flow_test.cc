// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/runtime/plan_builder.h"

namespace tessera {
namespace {

using ::testing::ElementsAre;
using testing::expect_ok;
using ::testing::HasSubstr;
using testing::PlanBuilder;

/// c ? -x : relu(x), as the exporter lays out torch.cond.
PlanBuilder conditional() {
  PlanBuilder builder;
  const auto c = builder.unplanned({1}, DType::kBool);
  const auto x = builder.dynamic({8}, 0), y = builder.dynamic({8}, 64),
             z = builder.dynamic({8}, 128);
  builder.append(pte::JumpFalseCall{c, 3});
  builder.neg(x, y);
  builder.append(pte::JumpFalseCall{builder.add(false), 5});
  builder.relu(x, z);
  builder.append(pte::MoveCall{z, y});
  builder.append(pte::FreeCall{z});
  builder.returns({c, x}, {y});
  return builder;
}

TEST(ControlFlow, RunsTheBranchThatTheConditionSays) {
  const auto method = conditional().load_method().value();
  for (const bool condition : {true, false, true}) {
    expect_ok(method->set_input(0, Tensor::of(Shape{1}, std::span<const bool>(&condition, 1))));
    expect_ok(method->set_input(1, testing::tensor_of({-1, 2, condition ? 5.0f : 6.0f})));
    expect_ok(method->execute());
    const auto output = testing::elements_of(method->output(0));
    if (condition) {
      EXPECT_THAT(output, ElementsAre(1, -2, -5));
    } else {
      EXPECT_THAT(output, ElementsAre(0, 2, 6));
    }
  }
}

TEST(ControlFlow, EndsEndlessLoops) {
  PlanBuilder builder;
  const auto x = builder.planned({2}, 0);
  builder.append(pte::JumpFalseCall{builder.add(false), 0});
  builder.returns({x}, {x});
  const auto method = builder.load_method().value();
  expect_ok(method->set_input(0, testing::tensor_of({1, 2})));
  const auto result = method->execute();
  ASSERT_FALSE(result.has_value());
  EXPECT_THAT(result.error().message, HasSubstr("instruction 0 (jump)"));
}

TEST(ControlFlow, RefusesMovesOfOtherSizesWhenTheyRun) {
  PlanBuilder builder;
  const auto x = builder.dynamic({8}, 0), y = builder.dynamic({4}, 64);
  builder.append(pte::MoveCall{x, y});
  builder.returns({x}, {y});
  const auto method = builder.load_method().value();
  EXPECT_THAT(testing::run(*method, {1, 2, 3, 4}), ElementsAre(1, 2, 3, 4));
  expect_ok(method->set_input(0, testing::tensor_of({1, 2, 3, 4, 5})));
  const auto result = method->execute();
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().message, "instruction 0 (move): dimension 0 is 5, expected at most 4");
}

}  // namespace
}  // namespace tessera
