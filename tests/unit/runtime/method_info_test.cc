// SPDX-License-Identifier: MIT
// What a program says of its methods, and its constant methods.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/runtime/plan_builder.h"

namespace tessera {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::PlanBuilder;

TEST(MethodInfo, SaysWhatAMethodTakesAndGives) {
  PlanBuilder builder;
  const auto x = builder.planned({2}, 0), y = builder.planned({2}, 64);
  pte::TensorValue state = PlanBuilder::tensor_value({3}, DType::kI64);
  state.allocation = pte::Allocation{1, 128};
  state.qualified_name = "counter";
  builder.add(state);
  pte::TensorValue weight = PlanBuilder::tensor_value({2, 2});
  weight.qualified_name = "layer.weight";
  weight.is_external = true;
  builder.add(weight);
  builder.relu(x, y);
  builder.neg(y, x);
  builder.returns({x, builder.add(std::int64_t{3}), builder.add(pte::Null{})},
                  {y, builder.add(std::string("done")), builder.add(true), builder.add(0.5)});
  const auto program = builder.load().value();
  const MethodInfo info = program->info().value();
  EXPECT_THAT(info.inputs, ElementsAre(ValueKind::kTensor, ValueKind::kInt, ValueKind::kNone));
  EXPECT_THAT(info.outputs, ElementsAre(ValueKind::kTensor, ValueKind::kString, ValueKind::kBool,
                                        ValueKind::kDouble));
  EXPECT_EQ(name_of(info.outputs[1]), "String");
  EXPECT_EQ(info.num_instructions, 2u);
  EXPECT_THAT(info.planned_bytes, ElementsAre(std::size_t{1} << 20));
  EXPECT_TRUE(info.backends.empty());
  EXPECT_FALSE(info.is_constant);
  EXPECT_THAT(info.encoded_outputs, HasSubstr("children_spec"));
  ASSERT_EQ(info.attributes.size(), 2u);
  EXPECT_EQ(info.attributes[0].name, "counter");
  EXPECT_EQ(info.attributes[0].dtype, DType::kI64);
  EXPECT_EQ(info.attributes[0].sizes, Shape({3}));
  EXPECT_FALSE(info.attributes[0].is_external);
  EXPECT_EQ(info.attributes[1].name, "layer.weight");
  EXPECT_TRUE(info.attributes[1].is_external);
  EXPECT_EQ(program->info("backward").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(program->constants("forward").error().code, ErrorCode::kInvalidArgument);
}

TEST(MethodInfo, NamesEveryBackendOnce) {
  PlanBuilder builder;
  builder.delegate({.id = "XnnpackBackend", .blob = {}, .compile_specs = {}});
  builder.delegate({.id = "OtherBackend", .blob = {}, .compile_specs = {}});
  builder.delegate({.id = "XnnpackBackend", .blob = {}, .compile_specs = {}});
  const auto program = builder.load().value();
  EXPECT_THAT(program->info()->backends, ElementsAre("XnnpackBackend", "OtherBackend"));
}

TEST(Constants, AreReadWithoutLoadingAMethod) {
  PlanBuilder builder;
  const auto three = builder.add(std::int64_t{3}), four = builder.add(std::int64_t{4});
  builder.returns(
      {}, {three, builder.add(std::string("cat")), builder.add(0.25), builder.add(true),
           builder.add(pte::IntList{{four, three}}), builder.add(std::vector<double>{1.5, 2.5}),
           builder.add(std::vector<bool>{true, false}), builder.add(pte::Null{}),
           builder.constant({7, 8})});
  auto program = builder.load().value();
  EXPECT_TRUE(program->info()->is_constant);
  const auto constants = program->constants("forward").value();
  program.reset();  // the tensor is a copy
  ASSERT_EQ(constants.size(), 9u);
  EXPECT_EQ(std::get<std::int64_t>(constants[0]), 3);
  EXPECT_EQ(std::get<std::string>(constants[1]), "cat");
  EXPECT_EQ(std::get<double>(constants[2]), 0.25);
  EXPECT_EQ(std::get<bool>(constants[3]), true);
  EXPECT_THAT(std::get<std::vector<std::int64_t>>(constants[4]), ElementsAre(4, 3));
  EXPECT_THAT(std::get<std::vector<double>>(constants[5]), ElementsAre(1.5, 2.5));
  EXPECT_THAT(std::get<std::vector<bool>>(constants[6]), ElementsAre(true, false));
  EXPECT_TRUE(std::holds_alternative<std::monostate>(constants[7]));
  EXPECT_THAT(std::get<Tensor>(constants[8]).elements<float>(), ElementsAre(7, 8));
}

TEST(Constants, SayWhatTheyCannotBe) {
  PlanBuilder builder;
  builder.returns({}, {builder.add(pte::TensorList{{builder.constant({1})}})});
  const auto error = builder.load().value()->constants("forward").error();
  EXPECT_EQ(error.message, "method 'forward', output 0: a list of tensors");
}

}  // namespace
}  // namespace tessera
