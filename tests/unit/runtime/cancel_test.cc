// SPDX-License-Identifier: MIT
// Stopping a run between two instructions.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stop_token>
#include <thread>

#include "unit/runtime/plan_builder.h"

namespace tessera {
namespace {

using ::testing::ElementsAre;
using testing::expect_ok;
using testing::PlanBuilder;
using testing::run;
using testing::tensor_of;

TEST(Cancel, StopsBeforeTheNextInstruction) {
  PlanBuilder builder;
  const auto x = builder.planned({2}, 0), y = builder.planned({2}, 64);
  builder.neg(x, y);
  builder.returns({x}, {y});
  const auto method = builder.load_method().value();
  EXPECT_THAT(run(*method, {1, 2}), ElementsAre(-1, -2));
  std::stop_source source;
  expect_ok(method->execute(source.get_token()));
  source.request_stop();
  const auto result = method->execute(source.get_token());
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().to_string(), "Cancelled: stopped before instruction 0 (aten::neg.out)");
  EXPECT_FALSE(method->output(0));
  EXPECT_THAT(run(*method, {3, 4}), ElementsAre(-3, -4));
}

/// An endless loop, in which a run would stay for hours before the limit on instructions ends it.
TEST(Cancel, StopsFromAnotherThread) {
  constexpr std::int64_t kSize = 1 << 18;
  PlanBuilder builder;
  const auto x = builder.unplanned({kSize}), y = builder.unplanned({kSize});
  builder.neg(x, y);
  builder.append(pte::JumpFalseCall{builder.add(false), 0});
  builder.returns({x}, {y});
  const auto method = builder.load_method().value();
  expect_ok(method->set_input(0, tensor_of(std::vector<float>(kSize, 1))));
  std::stop_source source;
  std::jthread other([&source] { source.request_stop(); });
  const auto result = method->execute(source.get_token());
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, kCancelled);
}

}  // namespace
}  // namespace tessera
