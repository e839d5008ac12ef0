// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "tessera/program.h"
#include "unit/runtime/plan_builder.h"

namespace tessera {
namespace {

using testing::elements_of;
using ::testing::ElementsAre;
using testing::expect_ok;
using ::testing::HasSubstr;
using testing::PlanBuilder;
using testing::run;
using testing::tensor_of;

/// y = relu(-x), sizes up to `bound`; x and y share memory.
PlanBuilder chain(std::int64_t bound = 8) {
  const auto size = static_cast<std::uint64_t>(bound) * 4;
  PlanBuilder builder;
  const auto x = builder.dynamic({bound}, 0), t = builder.dynamic({bound}, size),
             y = builder.dynamic({bound}, 0);
  builder.neg(x, t);
  builder.relu(t, y);
  builder.returns({x}, {y});
  return builder;
}

TEST(Method, NeedsItsInputs) {
  const auto method = chain().load_method().value();
  const auto result = method->execute();
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code, ErrorCode::kInvalidState);
  EXPECT_FALSE(method->output(0).has_value());
  EXPECT_FALSE(method->set_input(1, tensor_of({1})).has_value());
  EXPECT_FALSE(method->output(1).has_value());
}

TEST(Method, RunsAtEverySizeUpToTheBound) {
  const auto method = chain().load_method().value();
  EXPECT_THAT(run(*method, {-1, 2}), ElementsAre(1, 0));
  EXPECT_THAT(run(*method, {-1, -2, -3}), ElementsAre(1, 2, 3));
  EXPECT_THAT(run(*method, {-5}), ElementsAre(5));
  EXPECT_THAT(run(*method, {0, 0, 0, 0, 0, 0, 0, -8}), ElementsAre(0, 0, 0, 0, 0, 0, 0, 8));
}

TEST(Method, KeepsItsInputWhereTheProgramReusesItsMemory) {
  const auto method = chain().load_method().value();
  EXPECT_THAT(run(*method, {-1, 2}), ElementsAre(1, 0));
  expect_ok(method->execute());
  EXPECT_THAT(elements_of(method->output(0)), ElementsAre(1, 0));
}

TEST(Method, BindsTheCallersMemory) {
  const auto method = chain().load_method().value();
  Tensor x = tensor_of({-1, 2});
  std::array<float, 2> y = {};
  expect_ok(method->bind_input(0, x));
  expect_ok(method->bind_output(0, y.data(), sizeof y));
  expect_ok(method->execute());
  EXPECT_THAT(y, ElementsAre(1, 0));
  EXPECT_EQ(method->output(0)->data<float>(), y.data());

  x.data<float>()[0] = -7;
  expect_ok(method->execute());
  EXPECT_THAT(y, ElementsAre(7, 0));
  EXPECT_THAT(x.elements<float>(), ElementsAre(-7, 2));
}

TEST(Method, RefusesBoundMemoryThatIsTooSmall) {
  const auto method = chain().load_method().value();
  std::array<float, 2> y = {};
  expect_ok(method->bind_output(0, y.data(), sizeof y));
  expect_ok(method->set_input(0, tensor_of({1, 2, 3})));
  const auto result = method->execute();
  ASSERT_FALSE(result.has_value());
  EXPECT_THAT(result.error().message, HasSubstr("f32[3] needs 12 bytes"));
  EXPECT_THAT(run(*method, {-3, 3}), ElementsAre(3, 0));
}

TEST(Method, CopiesABoundInputThatHasASecondName) {
  PlanBuilder builder;
  const auto x = builder.planned({2}, 0), view = builder.planned({2}, 0),
             y = builder.planned({2}, 64), z = builder.planned({2}, 0);
  builder.neg(view, y);
  builder.relu(y, z);
  builder.returns({x}, {z});
  const auto method = builder.load_method().value();
  const Tensor input = tensor_of({-4, 4});
  expect_ok(method->bind_input(0, input));
  for (int i = 0; i < 2; ++i) {
    expect_ok(method->execute());
    EXPECT_THAT(elements_of(method->output(0)), ElementsAre(4, 0));
  }
  EXPECT_THAT(run(*method, {-5, 5}), ElementsAre(5, 0));
  expect_ok(method->execute());
  EXPECT_THAT(elements_of(method->output(0)), ElementsAre(5, 0));
}

TEST(Method, GivesMemoryToWhatTheFileHasNotPlanned) {
  PlanBuilder builder;
  const auto x = builder.unplanned({2}), y = builder.unplanned({2});
  builder.plus(x, builder.constant({10, 20}), y);
  builder.returns({x}, {y, x});
  const auto method = builder.load_method().value();
  EXPECT_THAT(run(*method, {1, 2}), ElementsAre(11, 22));
  EXPECT_THAT(elements_of(method->output(1)), ElementsAre(1, 2));
}

TEST(Method, GivesBackMemoryWhenSizesShrink) {
  constexpr std::int64_t kBound = 1 << 16;
  const auto method = chain(kBound).load_method().value();
  run(*method, std::vector<float>(kBound, -1));
  const MethodMemory large = method->memory();
  EXPECT_EQ(large.planned_bytes, std::size_t{1} << 20);
  EXPECT_EQ(large.committed_bytes, std::size_t{2} * kBound * 4);
  run(*method, {1});
  EXPECT_LE(method->memory().committed_bytes, std::size_t{1} << 16);
}

TEST(Method, ReturnsScalars) {
  PlanBuilder builder;
  builder.returns({}, {builder.add(std::int64_t{42}), builder.add(true)});
  const auto method = builder.load_method().value();
  expect_ok(method->execute());
  EXPECT_EQ(method->output(0)->data<std::int64_t>()[0], 42);
  EXPECT_EQ(method->output(1)->dtype(), DType::kBool);
}

TEST(Method, TwoOfOneProgramRunAtOnce) {
  const auto program = chain().load().value();
  const auto work = [&](float value) {
    const auto method = program->load_method().value();
    for (int i = 0; i < 200; ++i) {
      const std::vector<float> input(static_cast<std::size_t>(1 + i % 8), value);
      EXPECT_EQ(run(*method, input), std::vector<float>(input.size(), -value));
    }
  };
  std::thread other(work, -3.0f);
  work(-5.0f);
  other.join();
}

TEST(Method, OutlivesItsProgram) {
  PlanBuilder builder;
  const auto x = builder.planned({2}, 0), y = builder.planned({2}, 64);
  builder.plus(x, builder.constant({1, 1}), y);
  builder.returns({x}, {y});
  auto program = builder.load().value();
  const auto method = program->load_method().value();
  program.reset();
  EXPECT_THAT(run(*method, {1, 2}), ElementsAre(2, 3));
}

}  // namespace
}  // namespace tessera
