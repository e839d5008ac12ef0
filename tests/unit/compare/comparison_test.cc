// SPDX-License-Identifier: MIT
// Whole programs: what is compared, what is refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include "tensor/npy.h"
#include "tessera/compare.h"
#include "unit/runtime/plan_builder.h"

namespace tessera {
namespace {

using ::testing::HasSubstr;
using testing::PlanBuilder;
using testing::tensor_of;

const std::filesystem::path kFixtures = std::filesystem::path(TESSERA_TEST_DATA) / "fixtures";
constexpr double kEqual = std::numeric_limits<double>::infinity();

std::shared_ptr<const Program> fixture(const std::string& name) {
  return Program::load(kFixtures / name).value();
}

CompareReport compare(std::shared_ptr<const Program> first, std::shared_ptr<const Program> second,
                      std::vector<Tensor> inputs, const CompareOptions& options = {}) {
  const auto comparison = ProgramComparison::create(std::move(first), std::move(second), options);
  if (!comparison) {
    ADD_FAILURE() << comparison.error().message;
    return {};
  }
  const auto added = (*comparison)->add(inputs);
  EXPECT_TRUE(added.has_value()) << added.error().message;
  return (*comparison)->report();
}

/// y = -((relu(x) + addend) * factor)
std::shared_ptr<const Program> arithmetic(float addend, float factor) {
  PlanBuilder builder;
  const auto x = builder.unplanned({2}), positive = builder.unplanned({2}),
             sum = builder.unplanned({2}), product = builder.unplanned({2}),
             y = builder.unplanned({2});
  builder.relu(x, positive);
  builder.plus(positive, builder.constant({addend, addend}), sum);
  builder.call("aten::mul.out", {sum, builder.constant({factor, factor}), product, product});
  builder.neg(product, y);
  builder.returns({x}, {y});
  return builder.load().value();
}

TEST(Comparison, NamesTheFirstLayerThatDiffers) {
  const CompareReport report = compare(arithmetic(1, 2), arithmetic(1, 3), {tensor_of({1, 2})});
  ASSERT_EQ(report.layers.size(), 4u);
  EXPECT_EQ(report.layers[0].difference.sqnr_db, kEqual);
  EXPECT_EQ(report.layers[1].difference.sqnr_db, kEqual);
  const LayerComparison* layer = report.first_below(20);
  ASSERT_EQ(layer, &report.layers[2]);
  EXPECT_EQ(layer->kind, "mul");
  EXPECT_EQ(layer->first, "instruction 2 (aten::mul.out)");
  EXPECT_EQ(layer->sizes, "[2]");
  EXPECT_EQ(layer->difference.max_error, 3);  // (2 + 1) * 3 instead of * 2
  EXPECT_EQ(report.first_below(-100), nullptr);
  ASSERT_EQ(report.outputs.size(), 1u);
  EXPECT_EQ(report.outputs[0].difference.max_error, 3);
  EXPECT_EQ(report.outputs[0].type, "f32[2]");
}

TEST(Comparison, AddsUpInputs) {
  const auto comparison = ProgramComparison::create(arithmetic(1, 2), arithmetic(1, 3)).value();
  for (const float x : {0.0f, 1.0f, 2.0f}) {
    ASSERT_TRUE(comparison->add(std::vector{tensor_of({x, x})}).has_value());
  }
  const CompareReport report = comparison->report();
  EXPECT_EQ(report.num_inputs, 3u);
  EXPECT_EQ(report.outputs[0].difference.num_elements, 6u);
  EXPECT_EQ(report.outputs[0].difference.mean_error, 2);
  EXPECT_EQ(report.layers[2].difference.num_elements, 6u);
}

TEST(Comparison, NeedsNoMoreMemoryThanItIsGiven) {
  const auto first = fixture("unet/xnnpack.pte"), second = fixture("unet/portable.pte");
  const std::vector inputs = {read_npy(kFixtures / "unet/in0.npy").value()};
  const CompareReport whole = compare(first, second, inputs),
                      parts = compare(first, second, inputs, {.value_bytes = 8 << 20});
  ASSERT_EQ(whole.layers.size(), parts.layers.size());
  for (std::size_t i = 0; i < whole.layers.size(); ++i) {
    EXPECT_EQ(whole.layers[i].difference.num_elements, parts.layers[i].difference.num_elements);
    EXPECT_EQ(whole.layers[i].first, parts.layers[i].first);
    EXPECT_GT(parts.layers[i].difference.sqnr_db, 80) << parts.layers[i].first;
  }
  EXPECT_EQ(whole.outputs[0].difference.num_elements, parts.outputs[0].difference.num_elements);
}

struct FixturePair {
  std::string first, second, input;
  double min_sqnr_db;  ///< of layers and outputs
};

/// That all layers with weights are matched and have nearly the same values says that names,
/// places, layouts and scales are the right ones.
TEST(Comparison, MatchesKernelsWithNodesOfDelegates) {
  const std::vector<FixturePair> pairs = {
      {"unet/portable.pte", "unet/xnnpack.pte", "unet/in0.npy", 80},
      {"unetdyn/portable.pte", "unetdyn/xnnpack.pte", "unetdyn/in1.npy", 80},
      {"demodyn/portable.pte", "demodyn/xnnpack.pte", "demodyn/in1.npy", 80},
      {"edge/portable.pte", "edge/xnnpack.pte", "edge/in1.npy", 80},
      {"demodyn/xnnpack.pte", "demodyn/xnnpack_q8.pte", "demodyn/in1.npy", 25},
      {"demodyn/xnnpack_q8.pte", "demodyn/portable.pte", "demodyn/in1.npy", 25},
      {"mlp/xnnpack_q8dyn.pte", "mlp/xnnpack_8da4w.pte", "mlp/in0.npy", 15}};
  for (const auto& [first, second, input, min_sqnr_db] : pairs) {
    const CompareReport report = compare(fixture(first), fixture(second),
                                         {read_npy(kFixtures / input).value()}, {.num_threads = 2});
    EXPECT_EQ(report.num_weighted, report.num_first_weighted) << second;
    EXPECT_EQ(report.num_weighted, report.num_second_weighted) << second;
    EXPECT_GT(report.num_weighted, 0u) << second;
    for (const LayerComparison& layer : report.layers) {
      EXPECT_GT(layer.difference.sqnr_db, min_sqnr_db) << second << ": " << layer.second;
    }
    ASSERT_EQ(report.outputs.size(), 1u);
    EXPECT_GT(report.outputs[0].difference.sqnr_db, min_sqnr_db) << second;
  }
}

TEST(Comparison, SaysThatProgramsHaveNothingInCommon) {
  PlanBuilder builder;
  const auto x = builder.unplanned({2}), y = builder.unplanned({2});
  builder.call("aten::exp.out", {x, y, y});
  builder.returns({x}, {y});
  const CompareReport report =
      compare(arithmetic(1, 2), builder.load().value(), {tensor_of({1, 2})});
  EXPECT_TRUE(report.layers.empty());
  EXPECT_EQ(report.why_no_layers, "the programs have no layers of the same kind and sizes");
  EXPECT_EQ(report.outputs[0].difference.num_elements, 2u);
}

TEST(Comparison, LooksInsideOnlyIfAsked) {
  const CompareReport report =
      compare(arithmetic(1, 2), arithmetic(1, 3), {tensor_of({1, 2})}, {.layers = false});
  EXPECT_TRUE(report.layers.empty());
  EXPECT_EQ(report.why_no_layers, "not asked for");
  EXPECT_EQ(report.outputs[0].difference.max_error, 3);
}

std::string refusal(PlanBuilder& first, PlanBuilder& second) {
  const auto comparison = ProgramComparison::create(first.load().value(), second.load().value());
  return comparison ? "" : comparison.error().message;
}

TEST(Comparison, RefusesProgramsThatTakeOrGiveOtherTensors) {
  PlanBuilder one, two, other_type, other_size, two_outputs;
  const auto same = [](PlanBuilder& builder, const Shape& shape, DType dtype) {
    const auto x = builder.unplanned(shape, dtype);
    builder.returns({x}, {x});
  };
  same(one, {2}, DType::kF32);
  same(other_type, {2}, DType::kI32);
  same(other_size, {3}, DType::kF32);
  const auto a = two.unplanned({2}), b = two.unplanned({2});
  two.returns({a, b}, {a});
  const auto c = two_outputs.unplanned({2});
  two_outputs.returns({c}, {c, c});
  EXPECT_EQ(refusal(one, two), "the first program has 1 inputs, the second 2");
  EXPECT_EQ(refusal(one, two_outputs), "the first program has 1 outputs, the second 2");
  EXPECT_EQ(refusal(one, other_type),
            "input 0 of the first program is f32[2], that of the second i32[2]");
  EXPECT_EQ(refusal(one, other_size),
            "input 0 of the first program is f32[2], that of the second f32[3]");
  EXPECT_EQ(refusal(one, one), "");
}

TEST(Comparison, RefusesInputsThatDoNotFit) {
  const auto comparison = ProgramComparison::create(arithmetic(1, 2), arithmetic(1, 3)).value();
  EXPECT_THAT(comparison->add({}).error().message, HasSubstr("0 inputs given"));
  EXPECT_THAT(comparison->add(std::vector{tensor_of({1, 2, 3})}).error().message,
              HasSubstr("the first program: "));
  EXPECT_EQ(comparison->report().num_inputs, 0u);
}

TEST(Comparison, SaysWhichProgramHasNoSuchMethod) {
  const auto wrong =
      ProgramComparison::create(arithmetic(1, 2), arithmetic(1, 2), {.second_method = "backward"});
  EXPECT_THAT(wrong.error().message, HasSubstr("the second program: no method 'backward'"));
}

}  // namespace
}  // namespace tessera
