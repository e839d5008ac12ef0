// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ir/graph.h"
#include "quantize/model_inputs.h"
#include "tessera/calibrate.h"

namespace tessera {
namespace {

using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::Each;
using ::testing::ElementsAreArray;
using ::testing::Ge;
using ::testing::Le;

/// A dynamic image, a mask of half its size, and indices.
ir::Graph graph() {
  ir::Graph graph;
  graph.symbols = {{"h", {2, 100}}, {"n", {1, 8}}};
  const ir::Dim h = ir::Dim::symbol("h"), n = ir::Dim::symbol("n");
  graph.add_input("image", {DType::kF32, {n, 3, ir::Dim(16) * h + ir::Dim(4), 40}});
  graph.add_input("indices", {DType::kI64, {n * n, h * n}});
  return graph;
}

TEST(ModelInputs, SayWhichSizesThereAre) {
  const auto inputs = quantize::model_inputs(graph()).value();
  ASSERT_EQ(inputs.size(), 2u);
  EXPECT_EQ(inputs[0].to_string(), "image: f32[1..8, 3, 36..1604 by 16, 40]");
  EXPECT_EQ(inputs[1].to_string(), "indices: i64[1..64, 2..800]");
  EXPECT_EQ(inputs[0].sizes[0].name, "n");
  ir::Graph unknown = graph();
  unknown.symbols.erase("n");
  EXPECT_FALSE(quantize::model_inputs(unknown));
}

TEST(RandomInputs, AreAllowedAndTheSameEachTime) {
  const auto inputs = quantize::model_inputs(graph()).value();
  const CalibrationInputs random = random_inputs(3, 7);
  EXPECT_EQ(random.num_samples, 3u);
  EXPECT_TRUE(random.is_random);
  const auto sample = random.inputs(1, inputs).value();
  ASSERT_EQ(sample.size(), 2u);
  EXPECT_EQ(sample[0].type_string(), "f32[8, 3, 244, 40]");  // 36 + 13 * 16
  EXPECT_EQ(sample[1].dtype(), DType::kI64);
  EXPECT_THAT(sample[0].elements<float>(), Each(AllOf(Ge(0.0f), Le(1.0f))));
  EXPECT_THAT(sample[1].elements<std::int64_t>(), Each(AnyOf(0, 1)));

  const auto again = random_inputs(3, 7).inputs(1, inputs).value();
  EXPECT_THAT(again[0].elements<float>(), ElementsAreArray(sample[0].elements<float>()));
  const auto other = random.inputs(2, inputs).value();
  EXPECT_NE(other[0].data<float>()[0], sample[0].data<float>()[0]);
}

TEST(TensorInputs, AreTheSamplesGiven) {
  const Tensor tensor = Tensor::zeros(DType::kF32, {2}).value();
  const CalibrationInputs given = tensor_inputs({{}, {tensor}});
  EXPECT_EQ(given.num_samples, 2u);
  EXPECT_FALSE(given.is_random);
  EXPECT_EQ(given.inputs(1, {}).value()[0].data<float>(), tensor.data<float>());
}

}  // namespace
}  // namespace tessera
