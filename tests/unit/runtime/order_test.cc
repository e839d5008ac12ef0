// SPDX-License-Identifier: MIT
// Programs that no exporter writes: tensors read before they are written, or written twice with
// other sizes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/runtime/plan_builder.h"

namespace tessera {
namespace {

using testing::elements_of;
using ::testing::ElementsAre;
using testing::expect_ok;
using ::testing::HasSubstr;
using testing::PlanBuilder;
using testing::tensor_of;

void expect_failure(const Result<void>& result, const std::string& fragment) {
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code, ErrorCode::kInvalidProgram);
  EXPECT_THAT(result.error().message, HasSubstr(fragment));
}

std::int32_t dynamic_unplanned(PlanBuilder& builder, std::int64_t bound) {
  pte::TensorValue value = PlanBuilder::tensor_value({bound});
  value.dynamism = pte::ShapeDynamism::kDynamicBound;
  return builder.add(value);
}

TEST(Order, TensorsWithoutMemoryAreNotRead) {
  PlanBuilder builder;
  const auto x = builder.planned({2}, 0), y = builder.planned({2}, 64);
  const auto unwritten = builder.unplanned({2});
  builder.plus(x, unwritten, y);
  builder.returns({x}, {y});
  const auto method = builder.load_method().value();
  expect_ok(method->set_input(0, tensor_of({1, 2})));
  for (int run = 0; run < 2; ++run) {
    expect_failure(method->execute(),
                   "instruction 0 (aten::add.out): reads f32[2] that nothing has written");
  }
}

TEST(Order, OutputsWithoutMemoryAreAnError) {
  PlanBuilder builder;
  const auto x = builder.planned({2}, 0);
  builder.returns({x}, {x, builder.unplanned({2})});
  const auto method = builder.load_method().value();
  expect_ok(method->set_input(0, tensor_of({1, 2})));
  expect_failure(method->execute(), "nothing has written output 1");
}

TEST(Order, TensorsMayBeWrittenTwiceWithOtherSizes) {
  PlanBuilder builder;
  const auto a = builder.dynamic({8}, 0), b = builder.dynamic({8}, 64),
             t = builder.dynamic({8}, 128), y = builder.dynamic({8}, 192),
             z = builder.dynamic({8}, 256);
  builder.neg(a, t);
  builder.relu(t, y);
  builder.neg(b, t);
  builder.relu(t, z);
  builder.returns({a, b}, {y, z});
  const auto method = builder.load_method().value();
  expect_ok(method->set_input(0, tensor_of({-1, 2})));
  expect_ok(method->set_input(1, tensor_of({3, -4, -5})));
  expect_ok(method->execute());
  EXPECT_THAT(elements_of(method->output(0)), ElementsAre(1, 0));
  EXPECT_THAT(elements_of(method->output(1)), ElementsAre(0, 4, 5));
}

TEST(Order, InputsKeepTheirSizesWhereTheProgramOverwritesThem) {
  PlanBuilder builder;
  const auto x = builder.dynamic({8}, 0), y = builder.dynamic({8}, 64),
             eight = builder.dynamic({8}, 128);
  builder.neg(x, y);
  builder.relu(eight, x);
  builder.returns({x}, {y, x});
  const auto method = builder.load_method().value();
  expect_ok(method->set_input(0, tensor_of({1, 2})));
  for (int run = 0; run < 2; ++run) {
    expect_ok(method->execute());
    EXPECT_THAT(elements_of(method->output(0)), ElementsAre(-1, -2));
    EXPECT_EQ(method->output(1)->shape(), Shape{8});
  }
}

TEST(Order, ViewsOfMemoryThatMovedAreNotRead) {
  PlanBuilder builder;
  const auto a = builder.dynamic({8192}, 0), b = builder.dynamic({8192}, 32768),
             y = builder.dynamic({8192}, 65536);
  const auto t = dynamic_unplanned(builder, 8192), view = dynamic_unplanned(builder, 8192);
  const auto sizes = builder.add(pte::IntList{{builder.add(std::int64_t{-1})}});
  builder.neg(a, t);
  builder.call("executorch_prim::et_view.default", {t, sizes, view});
  builder.neg(b, t);
  builder.relu(view, y);
  builder.returns({a, b}, {y});
  const auto method = builder.load_method().value();
  expect_ok(method->set_input(0, tensor_of({1, 2})));
  expect_ok(method->set_input(1, tensor_of(std::vector<float>(8192))));
  // The larger memory may have the smaller one's address; AddressSanitizer's never has.
  if (const auto moved = method->execute(); !moved) {
    expect_failure(moved, "instruction 3 (aten::relu.out): reads f32[2]");
  }
  // The second time the memory stays where it is.
  expect_ok(method->execute());
  EXPECT_EQ(method->output(0)->shape(), Shape{2});
}

TEST(Order, ViewsThatAreWrittenHaveMemory) {
  PlanBuilder builder;
  const auto x = builder.planned({2}, 0), y = builder.planned({2}, 64);
  const auto view = builder.unplanned({2}), input = builder.unplanned({2});
  const auto sizes = builder.add(pte::IntList{{builder.add(std::int64_t{-1})}});
  builder.neg(x, view);
  builder.plus(view, input, y);
  builder.call("executorch_prim::et_view.default", {x, sizes, view});
  builder.call("executorch_prim::et_view.default", {x, sizes, input});
  builder.returns({x, input}, {y, view, input});
  const auto method = builder.load_method().value();
  expect_ok(method->set_input(0, tensor_of({1, 2})));
  expect_ok(method->set_input(1, tensor_of({30, 40})));
  for (int run = 0; run < 2; ++run) {
    expect_ok(method->execute());
    EXPECT_THAT(elements_of(method->output(0)), ElementsAre(29, 38));
    EXPECT_THAT(elements_of(method->output(1)), ElementsAre(1, 2));
    EXPECT_THAT(elements_of(method->output(2)), ElementsAre(1, 2));
  }
}

TEST(Order, NoKernelWritesWhatItReads) {
  for (const bool is_planned : {true, false}) {
    PlanBuilder builder;
    const auto x = is_planned ? builder.dynamic({8}, 0) : dynamic_unplanned(builder, 8);
    const auto y = builder.planned({0}, 64);
    const auto list = builder.add(pte::TensorList{{y, x}});
    builder.call("aten::cat.out", {list, builder.add(std::int64_t{0}), x, x});
    builder.returns({x, y}, {x});
    EXPECT_THAT(builder.load_error().message, HasSubstr("its result shares memory with value 0"));
  }
}

TEST(Order, ElementwiseResultsMayHaveAnArgumentsMemory) {
  PlanBuilder builder;
  const auto x = builder.dynamic({8}, 0), a = builder.dynamic({8}, 0), b = builder.dynamic({8}, 0),
             y = builder.dynamic({8}, 0);
  builder.neg(x, a);
  builder.plus(a, a, b);
  builder.relu(b, y);
  builder.returns({x}, {y});
  const auto method = builder.load_method().value();
  expect_ok(method->set_input(0, tensor_of({1, -2, -3})));
  for (int run = 0; run < 2; ++run) {  // the input stays what it is
    expect_ok(method->execute());
    EXPECT_THAT(elements_of(method->output(0)), ElementsAre(0, 4, 6));
  }
}

TEST(Order, ResultsHaveNoArgumentsMemoryOfOtherSizes) {
  PlanBuilder builder;
  const auto x = builder.dynamic({8}, 0), y = builder.dynamic({8}, 64),
             a = builder.dynamic({8}, 128), z = builder.dynamic({8}, 128);
  builder.neg(x, a);
  builder.plus(a, y, z);  // one element for all
  builder.returns({x, y}, {z});
  const auto method = builder.load_method().value();
  expect_ok(method->set_input(0, tensor_of({1, 2})));
  expect_ok(method->set_input(1, tensor_of({3, 4})));
  expect_ok(method->execute());
  EXPECT_THAT(elements_of(method->output(0)), ElementsAre(2, 2));
  expect_ok(method->set_input(0, tensor_of({1})));
  expect_failure(method->execute(), "its result, f32[2], has the memory of an argument, f32[1]");
}

TEST(Order, AnInputIsListedOnce) {
  PlanBuilder builder;
  const auto x = builder.planned({2}, 0);
  builder.returns({x, x}, {x});
  EXPECT_THAT(builder.load_error().message, HasSubstr("value 0 is two inputs"));
}

TEST(Order, AKernelHasResultsOfItsOwn) {
  PlanBuilder builder;
  const auto x = builder.planned({2}, 0), y = builder.planned({}, 64);
  const auto dims = builder.add(pte::IntList{{builder.add(std::int64_t{0})}});
  builder.call("aten::var_mean.correction_out", {x, dims, builder.add(1.0), builder.add(false), y,
                                                 y, builder.add(pte::TensorList{{y, y}})});
  builder.returns({x}, {y});
  EXPECT_THAT(builder.load_error().message, HasSubstr("two of its results are one value"));
}

}  // namespace
}  // namespace tessera
