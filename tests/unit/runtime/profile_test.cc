// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "tensor/npy.h"
#include "unit/runtime/plan_builder.h"

namespace tessera {
namespace {

using ::testing::Contains;
using ::testing::Each;
using testing::elements_of;
using ::testing::EndsWith;
using testing::expect_ok;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::PlanBuilder;
using testing::run;

/// y = relu(-x)
std::shared_ptr<const Program> kernels() {
  PlanBuilder builder;
  const auto x = builder.planned({2}, 0), t = builder.planned({2}, 16),
             y = builder.planned({2}, 32);
  builder.neg(x, t);
  builder.relu(t, y);
  builder.returns({x}, {y});
  return builder.load().value();
}

TEST(Profile, IsEmptyUnlessAskedFor) {
  const auto method = kernels()->load_method().value();
  run(*method, {-1, 2});
  EXPECT_THAT(method->profile(), IsEmpty());
  method->clear_profile();
}

TEST(Profile, HasEveryInstructionInOrder) {
  const auto method = kernels()->load_method("forward", {.profile = true}).value();
  EXPECT_THAT(method->profile(), IsEmpty());
  EXPECT_THAT(run(*method, {-1, 2}), ::testing::ElementsAre(1, 0));
  expect_ok(method->execute());
  expect_ok(method->execute());
  const auto records = method->profile();
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0].instruction, "instruction 0 (aten::neg.out)");
  EXPECT_EQ(records[0].operator_name, "aten::neg.out");
  EXPECT_EQ(records[1].operator_name, "aten::relu.out");
  for (const ProfileRecord& record : records) {
    EXPECT_EQ(record.runs, 3u);
    EXPECT_GT(record.microseconds, 0);
  }
  method->clear_profile();
  EXPECT_THAT(method->profile(), IsEmpty());
}

TEST(Profile, LooksIntoDelegates) {
  const auto folder = std::filesystem::path(TESSERA_TEST_DATA) / "fixtures" / "unet";
  const auto program = Program::load(folder / "xnnpack.pte").value();
  const auto input = read_npy(folder / "in0.npy").value();
  const auto method = program->load_method("forward", {.profile = true}).value();
  expect_ok(method->set_input(0, input));
  expect_ok(method->execute());
  expect_ok(method->execute());
  const auto records = method->profile();
  EXPECT_THAT(records, Each(Field(&ProfileRecord::runs, 2u)));
  EXPECT_THAT(records, Each(Field(&ProfileRecord::instruction, HasSubstr("XnnpackBackend"))));
  EXPECT_THAT(records, Contains(Field(&ProfileRecord::operator_name, HasSubstr("Convolution"))));
  EXPECT_THAT(records, Contains(Field(&ProfileRecord::operator_name, HasSubstr("Max Pooling"))));
  EXPECT_THAT(records.back().operator_name, EndsWith("outside of its operators"));
  // Convolutions at 256x256 take longer than the microsecond that XNNPACK counts in.
  EXPECT_GT(std::ranges::max(records, {}, &ProfileRecord::microseconds).microseconds, 1);

  const auto plain = program->load_method().value();
  expect_ok(plain->set_input(0, input));
  expect_ok(plain->execute());
  EXPECT_EQ(elements_of(plain->output(0)), elements_of(method->output(0)));
}

}  // namespace
}  // namespace tessera
