// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operators/call.h"
#include "operators/run_delegate.h"
#include "operators/tolerance.h"
#include "ops/registry.h"
#include "passes/passes.h"

/// Graphs of quantize and dequantize calls as XNNPACK delegates: which nodes they become, and that
/// these compute what the kernels do.
namespace tessera::testing {
namespace {

using ::testing::ElementsAre;
using xnnpack::NodeKind;

/// The graph; `q(x, scale, zero)` stands for quantize, `d(x, scale, zero)` for dequantize.
ir::Graph parse(std::string text) {
  const auto replace = [&](std::string_view from, std::string_view to) {
    for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) {
      text.replace(at, from.size(), to);
    }
  };
  replace("= q(", "= quantized_decomposed::quantize_per_tensor(");
  replace("= d(", "= quantized_decomposed::dequantize_per_tensor(");
  replace(", i8)", ", -128, 127, 1)");
  auto graph = ir::parse_graph(text, ops::find_operator);
  EXPECT_TRUE(graph.has_value()) << graph.error().message;
  return std::move(graph).value();
}

/// An input of these sizes with numbers between -2 and 2.
Tensor numbers(const Shape& shape) {
  Tensor tensor = Tensor::empty(DType::kF32, shape).value();
  for (std::int64_t i = 0; i < tensor.num_elements(); ++i) {
    tensor.data<float>()[i] = static_cast<float>((i * 37 + 11) % 101) / 25.25f - 2;
  }
  return tensor;
}

/// Checks the delegate's nodes and that its result is within `step` of what the kernels give.
void expect(const ir::Graph& graph, std::vector<Tensor> inputs, double step,
            const ::testing::Matcher<std::vector<NodeKind>>& kinds) {
  ir::Graph decomposed = graph;
  ASSERT_TRUE(passes::decompose(decomposed));
  const auto expected = evaluate(decomposed, inputs);
  ASSERT_TRUE(expected.has_value()) << expected.error().message;
  const auto found = run_delegate(graph, inputs);
  ASSERT_TRUE(found.has_value()) << found.error().message;
  EXPECT_EQ(difference(*found, (*expected)[0], Tolerance{1.001 * step, 1e-6}), "");
  EXPECT_THAT(delegate_kinds(graph).value(), kinds);
}

TEST(Int8Graphs, LayersWithTheirActivationsAreOneNode) {
  const ir::Graph graph = parse(R"(graph forward(%x: f32[1,2,3,3]) {
  %w: i8[2,2,1,1] = parameter "w" {100, -50, 25, 127}
  %s: f32[2] = parameter "s" {0.01, 0.02}
  %b: f32[2] = parameter "b" {0.5, -0.25}
  %xq: i8[1,2,3,3] = q(%x, 0.016, 1, i8)
  %xd: f32[1,2,3,3] = d(%xq, 0.016, 1, i8)
  %wd: f32[2,2,1,1] = quantized_decomposed::dequantize_per_channel(%w, %s, none, 0, -127, 127, 1)
  %c: f32[1,2,3,3] = aten::convolution(%xd, %wd, %b, [1,1], [0,0], [1,1], false, [0,0], 1)
  %r: f32[1,2,3,3] = aten::relu(%c)
  %yq: i8[1,2,3,3] = q(%r, 0.03, -128, i8)
  %y: f32[1,2,3,3] = d(%yq, 0.03, -128, i8)
  return %y
})");
  expect(graph, {numbers({1, 2, 3, 3})}, 0.03,
         ElementsAre(NodeKind::kConvert, NodeKind::kStaticTranspose, NodeKind::kConv2d,
                     NodeKind::kStaticTranspose, NodeKind::kConvert));
}

TEST(Int8Graphs, ConcatenationConvertsOperandsOfOtherScales) {
  const ir::Graph graph = parse(R"(graph forward(%x: f32[2,3], %z: f32[2,3]) {
  %xq: i8[2,3] = q(%x, 0.016, 1, i8)
  %xd: f32[2,3] = d(%xq, 0.016, 1, i8)
  %zq: i8[2,3] = q(%z, 0.02, -3, i8)
  %zd: f32[2,3] = d(%zq, 0.02, -3, i8)
  %c: f32[2,6] = aten::cat([%xd, %zd], 1)
  %yq: i8[2,6] = q(%c, 0.02, -3, i8)
  %y: f32[2,6] = d(%yq, 0.02, -3, i8)
  return %y
})");
  expect(graph, {numbers({2, 3}), numbers({2, 3})}, 0.02,
         ElementsAre(NodeKind::kConvert, NodeKind::kConvert, NodeKind::kConvert,
                     NodeKind::kConcatenate2, NodeKind::kConvert));
}

TEST(Int8Graphs, SumsTakeOperandsOfAnyScale) {
  const ir::Graph graph = parse(R"(graph forward(%x: f32[2,3], %z: f32[2,3]) {
  %xq: i8[2,3] = q(%x, 0.016, 1, i8)
  %xd: f32[2,3] = d(%xq, 0.016, 1, i8)
  %zq: i8[2,3] = q(%z, 0.05, -3, i8)
  %zd: f32[2,3] = d(%zq, 0.05, -3, i8)
  %c: f32[2,3] = aten::add.Tensor(%xd, %zd)
  %yq: i8[2,3] = q(%c, 0.04, 9, i8)
  %y: f32[2,3] = d(%yq, 0.04, 9, i8)
  return %y
})");
  expect(graph, {numbers({2, 3}), numbers({2, 3})}, 0.04,
         ElementsAre(NodeKind::kConvert, NodeKind::kConvert, NodeKind::kAdd, NodeKind::kConvert));
}

TEST(Int8Graphs, WhatHasNoInt8FormRunsInFloatBetweenConversions) {
  const ir::Graph graph = parse(R"(graph forward(%x: f32[2,3]) {
  %xq: i8[2,3] = q(%x, 0.016, 1, i8)
  %xd: f32[2,3] = d(%xq, 0.016, 1, i8)
  %s: f32[2,3] = aten::_softmax(%xd, -1, false)
  %sq: i8[2,3] = q(%s, 0.004, -128, i8)
  %sd: f32[2,3] = d(%sq, 0.004, -128, i8)
  %t: f32[2,3] = aten::tanh(%sd)
  %yq: i8[2,3] = q(%t, 0.003, -128, i8)
  %y: f32[2,3] = d(%yq, 0.003, -128, i8)
  return %y
})");
  expect(graph, {numbers({2, 3})}, 0.003,
         ElementsAre(NodeKind::kConvert, NodeKind::kConvert, NodeKind::kSoftmax, NodeKind::kConvert,
                     NodeKind::kTanh, NodeKind::kConvert));
}

TEST(Int8Graphs, AClampBehindIntegersKeepsTheirRounding) {
  const ir::Graph graph = parse(R"(graph forward(%x: f32[2,3]) {
  %xq: i8[2,3] = q(%x, 0.016, 1, i8)
  %xd: f32[2,3] = d(%xq, 0.016, 1, i8)
  %r: f32[2,3] = aten::hardtanh(%xd, 0.0, 1.0)
  %yq: i8[2,3] = q(%r, 0.004, -128, i8)
  %y: f32[2,3] = d(%yq, 0.004, -128, i8)
  return %y
})");
  expect(graph, {numbers({2, 3})}, 0.004,
         ElementsAre(NodeKind::kConvert, NodeKind::kClamp, NodeKind::kConvert));
}

TEST(Int8Graphs, IntegersMayBeTheEdges) {
  const ir::Graph graph = parse(R"(graph forward(%x: i8[2,3]) {
  %xd: f32[2,3] = d(%x, 0.016, 1, i8)
  %t: f32[2,3] = aten::sigmoid(%xd)
  %y: i8[2,3] = q(%t, 0.00390625, -128, i8)
  return %y
})");
  const std::int8_t elements[] = {-128, -3, 0, 1, 50, 127};
  const Tensor input = Tensor::of<std::int8_t>({2, 3}, elements);
  const auto found = run_delegate(graph, std::span(&input, 1));
  ASSERT_TRUE(found.has_value()) << found.error().message;
  const auto expected = evaluate(graph, std::span(&input, 1));
  EXPECT_EQ(difference(*found, (*expected)[0], Tolerance{1, 0}), "");
  EXPECT_THAT(delegate_kinds(graph).value(), ElementsAre(NodeKind::kSigmoid));
}

TEST(Int8Graphs, RowsOfLinearLayersAreQuantizedByTheirRange) {
  const ir::Graph graph = parse(R"(graph forward(%x: f32[2,4]) {
  %w: i8[3,4] = parameter "w" {100, -50, 25, 127, 3, 2, 1, 0, -127, 9, 8, 7}
  %s: f32[3] = parameter "s" {0.01, 0.02, 0.03}
  %scale: f64[2,1], %zero: i64[2,1] = quantized_decomposed::choose_qparams_per_token_asymmetric(%x, 1)
  %xq: i8[2,4] = quantized_decomposed::quantize_per_token(%x, %scale, %zero, -128, 127, 1)
  %xd: f32[2,4] = quantized_decomposed::dequantize_per_token(%xq, %scale, %zero, -128, 127, 1, 6)
  %wd: f32[3,4] = quantized_decomposed::dequantize_per_channel(%w, %s, none, 0, -127, 127, 1)
  %y: f32[2,3] = aten::linear(%xd, %wd)
  return %y
})");
  expect(graph, {numbers({2, 4})}, 0.06,
         ElementsAre(NodeKind::kConvert, NodeKind::kFullyConnected));
}

}  // namespace
}  // namespace tessera::testing
