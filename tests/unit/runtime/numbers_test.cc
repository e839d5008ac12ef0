// SPDX-License-Identifier: MIT
// Numbers that instructions compute: primitive operators, and kernels that depend on them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "runtime/prim_operators.h"
#include "unit/runtime/plan_builder.h"

namespace tessera {
namespace {

using runtime::Scalar;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::PlanBuilder;

constexpr std::int64_t kSmallest = std::numeric_limits<std::int64_t>::min();

Result<Scalar> compute(std::string_view name, const std::vector<Scalar>& inputs) {
  const auto* op = runtime::find_prim_operator("executorch_prim::" + std::string(name));
  EXPECT_NE(op, nullptr) << name;
  EXPECT_EQ(op->num_inputs, inputs.size()) << name;
  return op->function(inputs);
}

struct Case {
  const char* name;
  std::vector<Scalar> inputs;
  Scalar expected;
};

TEST(PrimOperators, ComputeWhatPythonComputes) {
  using I = std::int64_t;
  const std::vector<Case> cases = {
      {"add.Scalar", {I{3}, I{4}}, I{7}},
      {"add.Scalar", {I{3}, 0.5}, 3.5},
      {"sub.Scalar", {kSmallest, I{1}}, std::numeric_limits<I>::max()},
      {"mul.Scalar", {1.5, I{4}}, 6.0},
      {"floordiv.Scalar", {I{-7}, I{2}}, I{-4}},
      {"floordiv.Scalar", {I{7}, I{-7}}, I{-1}},
      {"floordiv.Scalar", {kSmallest, I{-1}}, kSmallest},
      {"floordiv.Scalar", {-7.0, I{2}}, -4.0},
      {"floordiv.Scalar", {1.0, 0.1}, 9.0},
      {"floordiv.Scalar", {-1.0, 0.0}, -std::numeric_limits<double>::infinity()},
      {"truediv.Scalar", {I{7}, I{2}}, 3.5},
      {"floordiv.int", {I{-7}, I{2}}, I{-3}},
      {"mod.int", {I{-7}, I{2}}, I{-1}},
      {"mod.Scalar", {kSmallest, I{-1}}, I{0}},
      {"sym_max.Scalar", {I{2}, I{5}}, I{5}},
      {"sym_min.Scalar", {I{2}, I{5}}, I{2}},
      {"sym_float.Scalar", {I{2}}, 2.0},
      {"sym_float.Scalar", {true}, 1.0},
      {"sym_int.Scalar", {-2.7}, I{-2}},
      {"eq.Scalar", {I{2}, 2.0}, true},
      {"eq.Scalar", {true, false}, false},
      {"gt.Scalar", {I{2}, I{1}}, true},
      {"lt.Scalar", {I{2}, I{1}}, false},
      {"ge.Scalar", {2.0, 2.0}, true},
      {"le.Scalar", {3.0, 2.0}, false},
      {"neg.Scalar", {kSmallest}, kSmallest},
      {"neg.Scalar", {1.5}, -1.5},
      {"sym_not.Scalar", {true}, false},
      {"sym_ite.Scalar", {true, I{1}, 2.5}, I{1}},
      {"sym_ite.Scalar", {false, I{1}, 2.5}, 2.5},
      {"ceil.Scalar", {1.2}, I{2}},
      {"round.Scalar", {2.5}, I{2}},
      {"round.Scalar", {-3.5}, I{-4}},
      {"trunc.Scalar", {-1.8}, I{-1}}};
  for (const Case& expected : cases) {
    const auto found = compute(expected.name, expected.inputs);
    ASSERT_TRUE(found.has_value()) << expected.name << ": " << found.error().message;
    EXPECT_TRUE(*found == expected.expected) << expected.name;
  }
}

TEST(PrimOperators, RefuseWhatHasNoResult) {
  using I = std::int64_t;
  for (const auto& [name, inputs] : std::vector<std::pair<std::string, std::vector<Scalar>>>{
           {"floordiv.Scalar", {I{1}, I{0}}},
           {"mod.int", {I{1}, I{0}}},
           {"add.Scalar", {true, I{1}}},
           {"sym_max.Scalar", {1.0, I{1}}},
           {"sym_not.Scalar", {I{1}}},
           {"sym_int.Scalar", {std::nan("")}},
           {"ceil.Scalar", {I{1}}},
           {"sym_ite.Scalar", {I{1}, I{1}, I{2}}}}) {
    EXPECT_FALSE(compute(name, inputs).has_value()) << name;
  }
  EXPECT_EQ(runtime::prim_operators().size(), 28);
}

/// y = x viewed as [n / 2, 2] with n = x.size(0), returned with n / 2.
TEST(Numbers, SizesOfViewsFollowTheInput) {
  PlanBuilder builder;
  const auto x = builder.dynamic({8}, 0);
  const auto n = builder.add(std::int64_t{0}), half = builder.add(std::int64_t{0});
  const auto two = builder.add(std::int64_t{2});
  const auto sizes = builder.add(pte::IntList{{half, two}});
  auto viewed = PlanBuilder::tensor_value({4, 2});
  viewed.dynamism = pte::ShapeDynamism::kDynamicBound;
  const auto view = builder.add(viewed);
  auto result = viewed;
  result.allocation = pte::Allocation{1, 64};
  const auto y = builder.add(result);
  builder.call("aten::sym_size.int", {x, builder.add(std::int64_t{-1}), n});
  builder.call("executorch_prim::floordiv.Scalar", {n, two, half});
  builder.call("executorch_prim::et_view.default", {x, sizes, view});
  builder.neg(view, y);
  builder.returns({x}, {y, half});
  const auto method = builder.load_method();
  ASSERT_TRUE(method.has_value()) << method.error().message;
  for (const int count : {6, 8, 2}) {
    testing::expect_ok((*method)->set_input(0, testing::tensor_of(std::vector<float>(count, 3))));
    testing::expect_ok((*method)->execute());
    EXPECT_EQ((*method)->output(0)->shape(), Shape({count / 2, 2}));
    EXPECT_EQ((*method)->output(0)->data<float>()[count - 1], -3);
    EXPECT_EQ(*(*method)->output(1)->data<std::int64_t>(), count / 2);
  }
  testing::expect_ok((*method)->set_input(0, testing::tensor_of({1, 2, 3})));
  const auto odd = (*method)->execute();
  ASSERT_FALSE(odd.has_value());
  EXPECT_THAT(odd.error().message, HasSubstr("makes [1, 2] of f32[3]"));
}

/// A kernel argument that is the input's first element.
TEST(Numbers, ArgumentsOfKernelsMayComeFromElements) {
  PlanBuilder builder;
  const auto x = builder.dynamic({8}, 0), y = builder.dynamic({8}, 64);
  const auto alpha = builder.add(0.0);
  builder.call("aten::_local_scalar_dense", {x, alpha});
  builder.call("aten::add.out", {x, x, alpha, y, y});  // x + x[0] * x
  builder.returns({x}, {y});
  const auto method = builder.load_method().value();
  EXPECT_THAT(testing::run(*method, {2, 5}), ElementsAre(6, 15));
  EXPECT_THAT(testing::run(*method, {-1, 5, 7}), ElementsAre(0, 0, 0));
}

/// for i in range(3): to[i] = -x, as the exporter lays out torch map.
TEST(Numbers, LoopsCopyIntoOneTensor) {
  PlanBuilder builder;
  const auto x = builder.planned({2}, 0), y = builder.planned({2}, 64);
  auto stacked = PlanBuilder::tensor_value({3, 2});
  stacked.allocation = pte::Allocation{1, 128};
  stacked.dynamism = pte::ShapeDynamism::kDynamicBound;
  const auto to = builder.add(stacked);
  const auto i = builder.add(std::int64_t{0}), done = builder.add(false);
  const auto zero = builder.add(std::int64_t{0}), one = builder.add(std::int64_t{1}),
             three = builder.add(std::int64_t{3});
  builder.append(pte::MoveCall{zero, i});
  builder.call("aten::add.out", {x, x, i, y, y});  // x + i * x
  builder.call("executorch_prim::et_copy_index.tensor", {to, y, i});
  builder.call("executorch_prim::add.Scalar", {i, one, i});
  builder.call("executorch_prim::eq.Scalar", {i, three, done});
  builder.append(pte::JumpFalseCall{done, 1});
  builder.returns({x}, {to});
  const auto method = builder.load_method();
  ASSERT_TRUE(method.has_value()) << method.error().message;
  for (int run = 0; run < 2; ++run) {
    EXPECT_THAT(testing::run(**method, {1, 10}), ElementsAre(1, 10, 2, 20, 3, 30));
    EXPECT_EQ((*method)->output(0)->shape(), Shape({3, 2}));
  }
}

TEST(Numbers, WrongCallsAreRefusedAtLoad) {
  PlanBuilder builder;
  const auto x = builder.planned({2}, 0);
  builder.call("executorch_prim::add.Scalar", {x, x, x});
  builder.returns({x}, {x});
  EXPECT_THAT(builder.load_error().message, HasSubstr("argument value 0 is no number"));
  PlanBuilder few;
  const auto y = few.planned({2}, 0);
  few.call("executorch_prim::neg.Scalar", {few.add(std::int64_t{1})});
  few.returns({y}, {y});
  EXPECT_THAT(few.load_error().message, HasSubstr("has 1 arguments, expected 2"));
}

}  // namespace
}  // namespace tessera
