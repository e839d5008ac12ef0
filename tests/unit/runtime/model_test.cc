// SPDX-License-Identifier: MIT
#include "tessera/model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/mapped_file.h"
#include "unit/runtime/plan_builder.h"

namespace tessera {
namespace {

using ::testing::ElementsAre;
using testing::expect_ok;
using ::testing::HasSubstr;
using testing::PlanBuilder;
using testing::tensor_of;

/// (a, b) -> (a + b, -a)
std::filesystem::path write_program() {
  PlanBuilder builder;
  const auto a = builder.dynamic({8}, 0), b = builder.dynamic({8}, 64),
             sum = builder.dynamic({8}, 128), negative = builder.dynamic({8}, 192);
  builder.plus(a, b, sum);
  builder.neg(a, negative);
  builder.returns({a, b}, {sum, negative});
  const auto path =
      std::filesystem::temp_directory_path() / std::format("tessera-model-{}.pte", ::getpid());
  expect_ok(write_file_atomically(path, builder.bytes().value()));
  return path;
}

TEST(Model, RunsInOneCall) {
  const auto path = write_program();
  auto model = Model::load(path, {.run = {.num_threads = 2}});
  std::filesystem::remove(path);
  ASSERT_TRUE(model) << model.error().to_string();
  const auto first = model->run({tensor_of({1, 2}), tensor_of({10, 20})});
  const auto second = model->run({tensor_of({5}), tensor_of({6})});
  ASSERT_TRUE(first && second);
  // The second run leaves the first one's results alone.
  EXPECT_THAT(first->at(0).elements<float>(), ElementsAre(11, 22));
  EXPECT_THAT(first->at(1).elements<float>(), ElementsAre(-1, -2));
  EXPECT_THAT(second->at(0).elements<float>(), ElementsAre(11));
}

TEST(Model, SaysWhatIsWrong) {
  const auto path = write_program();
  EXPECT_THAT(Model::load(path, {.method = "other"}).error().message, HasSubstr("'other'"));
  EXPECT_EQ(Model::load(path, {.files = {.data_files = {"missing.ptd"}}}).error().code,
            ErrorCode::kNotFound);
  auto model = Model::load(path).value();
  std::filesystem::remove(path);
  EXPECT_EQ(model.run({tensor_of({1})}).error().message, "1 inputs are given, the method has 2");
  EXPECT_FALSE(model.run({tensor_of({1, 2, 3}), tensor_of({1, 2})}));
}

}  // namespace
}  // namespace tessera
