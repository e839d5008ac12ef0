// SPDX-License-Identifier: MIT
#include "compare/layers.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "compare/operation_kinds.h"

namespace tessera::compare {
namespace {

/// A chain or a graph of operations by hand.
class ListMaker {
 public:
  std::size_t input() { return value(); }
  /// Gives its result.
  std::size_t add(const std::string& kind, std::vector<std::size_t> reads,
                  bool is_measurable = true) {
    const std::size_t number = list.operations.size();
    for (const std::size_t read : reads) list.values[read].readers.push_back(number);
    const std::size_t result = value();
    list.values[result].is_measurable = is_measurable;
    list.operations.push_back({.name = kind + std::to_string(number),
                               .kind = kind,
                               .reads = std::move(reads),
                               .result = result});
    return result;
  }

  OperationList list;

 private:
  std::size_t value() {
    list.values.push_back({.bound = {1, 8}});
    return list.values.size() - 1;
  }
};

std::vector<std::size_t> values_of(const std::vector<Layer>& layers) {
  std::vector<std::size_t> values;
  for (const Layer& layer : layers) values.push_back(layer.value);
  return values;
}

TEST(FindLayers, EndsBehindTheActivation) {
  ListMaker maker;
  const auto norm = maker.add("batch norm", {maker.add("convolution", {maker.input()})});
  const auto relu = maker.add("clamp", {norm});
  const auto quantized = maker.add("convert", {relu}, false);
  const auto other = maker.add("convert", {relu}, false);
  const auto sum = maker.add("add", {quantized, other});
  const auto layers = find_layers(maker.list);
  EXPECT_EQ(values_of(layers), (std::vector{relu, sum}));
  EXPECT_EQ(layers[0].name, "convolution0");
  EXPECT_EQ(layers[0].sizes, std::vector<std::int64_t>{8});
}

TEST(FindLayers, KeepsValuesThatOthersNeed) {
  ListMaker maker;
  const auto convolution = maker.add("convolution", {maker.input()});
  const auto relu = maker.add("clamp", {convolution});
  const auto sum = maker.add("add", {convolution, relu});
  EXPECT_EQ(values_of(find_layers(maker.list)), (std::vector{convolution, relu, sum}));
}

TEST(FindLayers, KeepsOutputs) {
  ListMaker maker;
  const auto convolution = maker.add("convolution", {maker.input()});
  maker.list.values[convolution].is_output = true;
  const auto relu = maker.add("clamp", {convolution});
  EXPECT_EQ(values_of(find_layers(maker.list)), (std::vector{convolution, relu}));
}

TEST(FindLayers, LeavesOutWhatComputesNothingOrCannotBeMeasured) {
  ListMaker maker;
  const auto moved = maker.add("movement", {maker.add("convert", {maker.input()})});
  maker.add("add", {moved}, false);
  EXPECT_TRUE(find_layers(maker.list).empty());
}

TEST(FindLayers, MeasuresIntegersAfterTheirConversion) {
  ListMaker maker;
  const auto unknown = maker.add("convolution", {maker.input()}, false);
  const auto known = maker.add("convert", {unknown});
  EXPECT_EQ(values_of(find_layers(maker.list)), std::vector{known});
}

Layer weighted(std::vector<std::int64_t> weight) {
  return {.kind = "convolution", .weight = std::move(weight), .sizes = {8}};
}
Layer other(const std::string& kind, std::vector<std::int64_t> sizes = {8}) {
  return {.kind = kind, .sizes = std::move(sizes)};
}

using Pairs = std::vector<LayerPair>;

TEST(MatchLayers, OfEqualPrograms) {
  const std::vector<Layer> layers = {weighted({3}), other("add"), weighted({3})};
  EXPECT_EQ(match_layers(layers, layers), (Pairs{{0, 0}, {1, 1}, {2, 2}}));
}

TEST(MatchLayers, SkipsWhatOneProgramDoesNotHave) {
  const std::vector<Layer> first = {weighted({3}), other("hardswish"), weighted({4}), other("add")};
  const std::vector<Layer> second = {weighted({3}), other("add"), other("mul"),
                                     weighted({4}), other("add"), other("div")};
  EXPECT_EQ(match_layers(first, second), (Pairs{{0, 0}, {2, 3}, {3, 4}}));
}

TEST(MatchLayers, PrefersWeights) {
  const std::vector<Layer> first = {other("add"), other("mul"), weighted({3})};
  const std::vector<Layer> second = {weighted({3}), other("add"), other("mul")};
  EXPECT_EQ(match_layers(first, second), (Pairs{{2, 0}}));
}

TEST(MatchLayers, NeedsTheSameKindAndSizes) {
  EXPECT_TRUE(match_layers(std::vector{weighted({3})}, std::vector{weighted({4})}).empty());
  EXPECT_TRUE(match_layers(std::vector{other("add")}, std::vector{other("mul")}).empty());
  EXPECT_TRUE(match_layers(std::vector{other("add")}, std::vector{other("add", {9})}).empty());
  EXPECT_TRUE(match_layers(std::vector<Layer>(), std::vector{other("add")}).empty());
}

TEST(MatchLayers, RefusesTablesThatFillTheMachine) {
  std::vector<Layer> first(10'000, other("add")), second(10'000, other("mul"));
  EXPECT_TRUE(match_layers(first, second).empty());
}

TEST(Kinds, AreTheSameForKernelsAndNodes) {
  using xnnpack::NodeKind;
  EXPECT_EQ(kind_of_kernel("aten::convolution.out"), kind_of_node(NodeKind::kDepthwiseConv2d));
  EXPECT_EQ(kind_of_kernel("aten::addmm.out"), kind_of_node(NodeKind::kFullyConnected));
  EXPECT_EQ(kind_of_kernel("aten::relu.out"), kind_of_node(NodeKind::kClamp));
  EXPECT_EQ(kind_of_kernel("aten::add.Scalar_out"), kind_of_node(NodeKind::kAdd));
  EXPECT_EQ(kind_of_kernel("aten::sigmoid.out"), kind_of_node(NodeKind::kSigmoid));
  EXPECT_EQ(kind_of_kernel("aten::_softmax.out"), kind_of_node(NodeKind::kSoftmax));
  EXPECT_EQ(kind_of_kernel("aten::hardswish.out"), kind_of_node(NodeKind::kHardswish));
  EXPECT_EQ(kind_of_kernel("aten::cat.out"), kind_of_node(NodeKind::kConcatenate3));
  EXPECT_EQ(kind_of_kernel("aten::mean.out"), kind_of_node(NodeKind::kGlobalAvgPooling2d));
  EXPECT_EQ(kind_of_kernel("aten::bmm.out"), kind_of_node(NodeKind::kBatchMatrixMultiply));
  EXPECT_EQ(kind_of_kernel("aten::upsample_bilinear2d.vec_out"),
            kind_of_node(NodeKind::kStaticResizeBilinear2D));
  EXPECT_EQ(kind_of_kernel("executorch_prim::et_view.default"), kMovement);
  EXPECT_EQ(kind_of_kernel("quantized_decomposed::quantize_per_tensor.out"), kConvert);
  EXPECT_EQ(kind_of_kernel("aten::cumsum.out"), "cumsum");
}

TEST(SizesKey, IsTheSameInAllLayouts) {
  EXPECT_EQ(sizes_key({1, 16, 5, 7}), sizes_key({1, 5, 7, 16}));
  EXPECT_EQ(sizes_key({32, 1, 3, 3}), sizes_key({1, 3, 3, 32}));
  EXPECT_TRUE(sizes_key({1, 1}).empty());
}

}  // namespace
}  // namespace tessera::compare
