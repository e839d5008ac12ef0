// SPDX-License-Identifier: MIT
#include "quantize/quantize.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/random.h"
#include "ir/text.h"
#include "ops/registry.h"
#include "quantize/annotation.h"
#include "quantize/equalize.h"
#include "quantize/interpreter.h"

namespace tessera::quantize {
namespace {

using ::testing::HasSubstr;

ir::Graph parse(std::string_view text) { return ir::parse_graph(text, ops::find_operator).value(); }

Tensor noise(const Shape& shape, std::uint64_t seed) {
  Random random(seed);
  Tensor tensor = Tensor::empty(DType::kF32, shape).value();
  for (std::int64_t i = 0; i < tensor.num_elements(); ++i) {
    tensor.data<float>()[i] = static_cast<float>(random.unit() * 2 - 1);
  }
  return tensor;
}

QuantizeOptions options_for(const Shape& shape) {
  std::vector<std::vector<Tensor>> samples;
  for (std::uint64_t seed = 1; seed <= 4; ++seed) samples.push_back({noise(shape, seed)});
  return {.calibration = tensor_inputs(std::move(samples))};
}

/// Two convolutions of weights from the seed, with a softmax behind them. One channel of the first
/// is 50 times as large as the others.
ir::Graph two_layers() {
  ir::Graph graph;
  graph.symbols["h"] = {4, 16};
  const auto x = graph.add_input("x", {DType::kF32, {1, 3, ir::Dim::symbol("h"), 6}});
  Tensor first = noise({4, 3, 3, 3}, 11), second = noise({5, 4, 1, 1}, 12);
  for (int i = 0; i < 27; ++i) first.data<float>()[i] *= 50;
  const auto convolve = [&](ir::ValueId input, const char* name, Tensor weight,
                            std::int64_t padding) {
    const auto constant =
        graph.add_constant(name, std::move(weight), std::string(name) + ".weight");
    const ir::Dims ones{1, 1}, padding_dims{padding, padding};
    return graph
        .add_call(*ops::find_operator("aten::convolution"),
                  {input, constant, std::monostate(), ones, padding_dims, ones, false,
                   ir::Dims{0, 0}, ir::Dim(1)},
                  {.module_path = name})
        .value();
  };
  const auto a = convolve(x, "first", std::move(first), 1);
  const auto b = graph.add_call(*ops::find_operator("aten::relu"), {a}).value();
  const auto c = convolve(b, "second", std::move(second), 0);
  graph.set_outputs(
      {graph.add_call(*ops::find_operator("aten::_softmax"), {c, ir::Dim(1), false}).value()});
  return graph;
}

TEST(Annotation, TakesLayersWithWhatLiesBetweenThem) {
  const ir::Graph graph = two_layers();
  const Annotation annotation(graph, {});
  EXPECT_EQ(annotation.nodes().size(), 3);   // not the softmax
  EXPECT_EQ(annotation.values().size(), 3);  // x, what relu leaves, the second layer's result
  const Annotation without_first(graph, {graph.nodes()[0]});
  EXPECT_EQ(without_first.nodes().size(), 1);
}

TEST(Annotation, ConcatenatedValuesShareTheirScale) {
  const ir::Graph graph = parse(R"(graph forward(%x: f32[1,2,3,3]) {
  %w: f32[2,2,1,1] = parameter "w" {1.0, 2.0, 3.0, 4.0}
  %a: f32[1,2,3,3] = aten::convolution(%x, %w, none, [1,1], [0,0], [1,1], false, [0,0], 1)
  %b: f32[1,2,3,3] = aten::sigmoid(%a)
  %c: f32[1,4,3,3] = aten::cat([%a, %b], 1)
  return %c
})");
  const Annotation annotation(graph, {});
  const auto group = [&](std::string_view name) {
    return annotation.group_of(graph.find_value(name).value());
  };
  EXPECT_EQ(group("a"), group("c"));
  EXPECT_EQ(group("b"), group("c"));
  EXPECT_NE(group("x"), group("c"));
}

TEST(Quantize, PutsIntegersAroundLayers) {
  ir::Graph graph = two_layers();
  const auto report = quantize(graph, options_for({1, 3, 8, 6}));
  ASSERT_TRUE(report) << report.error().message;
  const std::string text = ir::print(graph);
  EXPECT_THAT(text, HasSubstr("i8[4,3,3,3] = parameter \"first.weight\""));
  EXPECT_THAT(text, HasSubstr("f32[4] = parameter \"first.weight.scales\""));
  ASSERT_EQ(report->layers.size(), 2);
  for (const QuantizedLayer& layer : report->layers) {
    EXPECT_TRUE(layer.is_quantized);
    EXPECT_GT(layer.sqnr_db, 30);
    EXPECT_GT(layer.range_use, 0.5);
  }
  EXPECT_EQ(report->layers[0].arithmetic, 4.0 * 16 * 6 * 27);  // at the upper bound
  EXPECT_GT(report->output_sqnr_db, 15);                       // a softmax of sums of 150 integers
  EXPECT_EQ(report->num_samples, 4);
}

TEST(Quantize, EqualizedChannelsAreTheSameFunction) {
  const ir::Graph graph = two_layers();
  ir::Graph equalized = graph;
  const QuantizeOptions options = options_for({1, 3, 8, 6});
  const Samples samples = Samples::make(graph, options).value();
  ASSERT_TRUE(equalize(equalized, samples).value());
  const Tensor input = noise({1, 3, 7, 6}, 99);
  const auto before = Interpreter(graph).run(std::span(&input, 1)).value();
  const auto after = Interpreter(equalized).run(std::span(&input, 1)).value();
  for (std::int64_t i = 0; i < before[0].num_elements(); ++i) {
    EXPECT_NEAR(before[0].data<float>()[i], after[0].data<float>()[i], 1e-4);
  }
  EXPECT_NE(ir::print(graph), ir::print(equalized));
}

TEST(Quantize, EqualizationAndBiasesHelpWhereChannelsDiffer) {
  const auto decibels = [](bool equalizes) {
    ir::Graph graph = two_layers();
    QuantizeOptions options = options_for({1, 3, 8, 6});
    options.equalize = equalizes;
    options.correct_biases = equalizes;
    options.observer = Observer::kMinMax;
    return quantize(graph, options).value().output_sqnr_db;
  };
  EXPECT_GT(decibels(true), decibels(false));
}

TEST(Quantize, KeepsAnAccuracyBudgetByLeavingLayersInFloat) {
  ir::Graph graph = two_layers();
  QuantizeOptions options = options_for({1, 3, 8, 6});
  const double all = quantize(graph, options).value().output_sqnr_db;
  graph = two_layers();
  options.accuracy_budget_db = all + 3;
  const auto report = quantize(graph, options);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_GE(report->output_sqnr_db, all + 3);
  EXPECT_EQ(std::ranges::count(report->layers, false, &QuantizedLayer::is_quantized), 1);
}

TEST(Quantize, MovedElementsHaveARangeWhereTheirMakerStaysInFloat) {
  const auto make = [] {
    return parse(R"(graph forward(%x: f32[1,2,3,3]) {
  %w: f32[2,2,1,1] = parameter "w" {1.0, 2.0, 3.0, 4.0}
  %v: f32[2,2] = parameter "v" {1.0, -2.0, 0.1, 0.3}
  %a: f32[1,2,3,3] = aten::convolution(%x, %w, none, [1,1], [0,0], [1,1], false, [0,0], 1)
  %b: f32[1,2,1,1] = aten::mean.dim(%a, [2,3], true)
  %c: f32[1,2] = aten::view_copy(%b, [1,2])
  %d: f32[1,2] = aten::linear(%c, %v)
  return %d
})");
  };
  QuantizeOptions options = options_for({1, 2, 3, 3});
  ir::Graph graph = make();
  const double all = quantize(graph, options).value().output_sqnr_db;
  for (const double more : {1.0, 3.0, 6.0, 9.0}) {
    graph = make();
    options.accuracy_budget_db = all + more;
    const auto report = quantize(graph, options);
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_GE(report->output_sqnr_db, all + more);
  }
}

TEST(Quantize, NeedsDataThatFitsTheModel) {
  ir::Graph graph = two_layers();
  EXPECT_THAT(quantize(graph, {}).error().message, HasSubstr("there is no calibration data"));
  const auto wrong = quantize(graph, options_for({1, 2, 8, 6}));
  ASSERT_FALSE(wrong);
  EXPECT_THAT(wrong.error().message,
              HasSubstr("calibration sample 0: input 'x': size 1 is 2, expected 3"));
}

TEST(Quantize, EdgesMayBeIntegers) {
  ir::Graph graph = two_layers();
  QuantizeOptions options = options_for({1, 3, 8, 6});
  options.input_type = DType::kI8;
  auto report = quantize(graph, options);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(graph.value(graph.inputs()[0]).type.dtype, DType::kI8);
  ASSERT_EQ(report->inputs.size(), 1);
  EXPECT_NEAR(report->inputs[0].scale, 2.0 / 255, 1e-3);
  EXPECT_TRUE(report->outputs.empty());

  graph = two_layers();
  options.input_type = DType::kU8;
  options.output_type = DType::kU8;
  report = quantize(graph, options);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(graph.value(graph.inputs()[0]).type.dtype, DType::kU8);
  EXPECT_EQ(graph.value(graph.outputs()[0]).type.dtype, DType::kU8);
  EXPECT_FLOAT_EQ(report->outputs[0].scale, 1.0f / 255);

  graph = two_layers();
  options.output_type = DType::kI8;
  EXPECT_THAT(quantize(graph, options).error().message,
              HasSubstr("cannot be int8: it is computed in f32"));
}

TEST(Quantize, HalfFloatsKeepTheEdges) {
  ir::Graph graph = two_layers();
  QuantizeOptions options = options_for({1, 3, 8, 6});
  options.scheme = Scheme::kFp16;
  const auto report = quantize(graph, options);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_GT(report->output_sqnr_db, 50);
  const std::string text = ir::print(graph);
  EXPECT_THAT(text, HasSubstr("%x: f32[1,3,h,6]"));
  EXPECT_THAT(text, HasSubstr("f16[4,3,3,3] = parameter \"first.weight\""));
}

TEST(Quantize, DynamicSchemesTakeLinearLayers) {
  for (const Scheme scheme : {Scheme::kInt8Dynamic, Scheme::kInt4Grouped}) {
    ir::Graph graph;
    const auto x = graph.add_input("x", {DType::kF32, {2, 64}});
    const auto weight = graph.add_constant("w", noise({8, 64}, 3), "fc.weight");
    graph.set_outputs(
        {graph.add_call(*ops::find_operator("aten::linear"), {x, weight, std::monostate()})
             .value()});
    QuantizeOptions options = options_for({2, 64});
    options.scheme = scheme;
    const auto report = quantize(graph, options);
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_GT(report->output_sqnr_db, scheme == Scheme::kInt8Dynamic ? 35 : 15);
    EXPECT_EQ(ir::print(graph).contains("torchao::dequantize_affine"),
              scheme == Scheme::kInt4Grouped);
  }
}

}  // namespace
}  // namespace tessera::quantize
