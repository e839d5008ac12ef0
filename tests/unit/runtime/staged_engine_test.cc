// SPDX-License-Identifier: MIT
#include "runtime/staged_engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <format>
#include <string>
#include <vector>

#include "unit/xnnpack/payload_maker.h"

namespace tessera::runtime {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using xnnpack::ConvolutionParams;
using xnnpack::NodeKind;
using xnnpack::NodeRecord;
using xnnpack::PayloadMaker;

constexpr std::uint32_t kSize = 64;

/// A convolution with the image's own sizes, or half of them.
NodeRecord& add_convolution(PayloadMaker& maker, std::uint32_t from, std::uint32_t to,
                            std::uint32_t kernel, std::uint32_t input_channels,
                            std::uint32_t output_channels, std::uint32_t stride = 1) {
  const std::size_t count = std::size_t{output_channels} * kernel * kernel * input_channels;
  const auto filter = maker.constant({output_channels, kernel, kernel, input_channels},
                                     xnnpack::sample_elements(count, to));
  const auto bias =
      maker.constant({output_channels}, xnnpack::sample_elements(output_channels, to + 1));
  const std::uint32_t padding = kernel / 2;
  return maker.node(NodeKind::kConv2d, {from, filter, bias}, to,
                    ConvolutionParams{.padding_top = padding,
                                      .padding_right = padding,
                                      .padding_bottom = padding,
                                      .padding_left = padding,
                                      .kernel_height = kernel,
                                      .kernel_width = kernel,
                                      .subsampling_height = stride,
                                      .subsampling_width = stride,
                                      .group_input_channels = input_channels,
                                      .group_output_channels = output_channels});
}

/// Two levels: what the second makes is joined with what it starts from.
PayloadMaker make_network() {
  PayloadMaker maker;
  constexpr std::uint32_t kHalf = kSize / 2, kQuarter = kSize / 4;
  const auto in = maker.input({1, 2, kSize, kSize}), out = maker.output({1, 3, kQuarter, kQuarter});
  const auto image = maker.internal({1, kSize, kSize, 2});
  const auto wide = maker.internal({1, kSize, kSize, 16});
  const auto pooled = maker.internal({1, kHalf, kHalf, 16});
  const auto deep = maker.internal({1, kHalf, kHalf, 40});
  const auto clamped = maker.internal({1, kHalf, kHalf, 40});
  const auto joined = maker.internal({1, kHalf, kHalf, 56});
  const auto mixed = maker.internal({1, kHalf, kHalf, 32});
  const auto mixed_again = maker.internal({1, kHalf, kHalf, 32});
  const auto last = maker.internal({1, kQuarter, kQuarter, 3});
  maker.node(NodeKind::kStaticTranspose, {in}, image, xnnpack::TransposeParams{{0, 2, 3, 1}});
  add_convolution(maker, image, wide, 3, 2, 16);
  maker.node(NodeKind::kMaxPooling2d, {wide}, pooled,
             xnnpack::PoolingParams{
                 .pooling_height = 2, .pooling_width = 2, .stride_height = 2, .stride_width = 2});
  add_convolution(maker, pooled, deep, 3, 16, 40);
  NodeRecord& clamp = maker.node(NodeKind::kClamp, {deep}, clamped);
  clamp.output_min = 0;
  clamp.output_max = 1.5;
  maker.node(NodeKind::kConcatenate2, {pooled, clamped}, joined, xnnpack::ConcatenateParams{3});
  add_convolution(maker, joined, mixed, 1, 56, 32);
  add_convolution(maker, mixed, mixed_again, 1, 32, 32);
  add_convolution(maker, mixed_again, last, 3, 32, 3, 2);
  maker.node(NodeKind::kStaticTranspose, {last}, out, xnnpack::TransposeParams{{0, 3, 1, 2}});
  return maker;
}

Tensor make_image(std::int64_t height, std::int64_t width, std::int64_t batch = 1) {
  const auto count = static_cast<std::size_t>(batch * 2 * height * width);
  return Tensor::of<float>({batch, 2, height, width}, xnnpack::sample_elements(count, 99));
}

/// The output of what runs the payload; empty if something failed.
std::vector<float> run(xnnpack::Engine& engine, const Tensor& image) {
  const auto shapes = engine.reshape(std::vector{image.shape()});
  EXPECT_TRUE(shapes) << shapes.error().to_string();
  if (!shapes) return {};
  Tensor output = Tensor::zeros(DType::kF32, (*shapes)[0]).value();
  const std::vector<const Tensor*> inputs = {&image};
  const std::vector<Tensor*> outputs = {&output};
  const auto done = engine.run(inputs, outputs);
  EXPECT_TRUE(done) << done.error().to_string();
  return {output.elements<float>().begin(), output.elements<float>().end()};
}

xnnpack::DelegateOptions with_workspace() {
  return {.workspace = std::make_shared<xnnpack::Workspace>()};
}

/// "conv 1 < 0 1", the node and the images it reads, or "3 4", nodes for XNNPACK.
std::vector<std::string> describe(const std::vector<Stage>& stages) {
  std::vector<std::string> texts;
  for (const Stage& stage : stages) {
    std::string text;
    for (const std::size_t node : stage.nodes) text += std::format(" {}", node);
    if (stage.convolution && stage.convolution->reads_planes) {
      text = std::format("conv {} < planes of {}", stage.convolution->node,
                         stage.convolution->images[0]);
    } else if (stage.convolution) {
      text = std::format("conv {} <", stage.convolution->node);
      for (const std::size_t image : stage.convolution->images) text += std::format(" {}", image);
    }
    texts.push_back(text);
  }
  return texts;
}

TEST(Stages, LeaveOutTransposesConcatenationsAndClamps) {
  const PayloadMaker maker = make_network();
  // Node 7 is a 1x1 convolution with 32 output channels: XNNPACK wastes nothing on it.
  EXPECT_THAT(describe(plan_stages(maker.payload)),
              ElementsAre("conv 1 < planes of 0", " 2", "conv 3 < 4", "conv 6 < 4 6", " 7",
                          "conv 8 < 9", " 9"));
  const auto stages = plan_stages(maker.payload);
  EXPECT_EQ(stages[2].convolution->output, 6u);  // of the clamp
  EXPECT_EQ(stages[2].convolution->low, 0);
  EXPECT_EQ(stages[2].convolution->high, 1.5);
}

TEST(Stages, KeepConcatenationsThatOthersRead) {
  PayloadMaker maker = make_network();
  const auto joined = maker.payload.nodes[5].outputs[0];
  const auto sum = maker.internal({1, kSize / 2, kSize / 2, 56});
  maker.node(NodeKind::kNegate, {joined}, sum);
  const auto stages = describe(plan_stages(maker.payload));
  EXPECT_THAT(stages, testing::Contains(" 5 6 7"));
}

TEST(Stages, LeaveADelegateWholeIfLittleIsGained) {
  PayloadMaker maker;
  const auto in = maker.input({1, 8, 8, 64}), out = maker.output({1, 8, 8, 64});
  const auto inner = maker.internal({1, 8, 8, 64});
  add_convolution(maker, in, inner, 1, 64, 64);
  add_convolution(maker, inner, out, 1, 64, 64);
  EXPECT_THAT(plan_stages(maker.payload), IsEmpty());
}

TEST(Stages, AreForFloatsOnly) {
  PayloadMaker maker = make_network();
  EXPECT_FALSE(plan_stages(maker.payload).empty());
  const auto half = maker.internal({1, kSize, kSize, 16}, xnnpack::Datatype::kF16);
  maker.node(NodeKind::kConvert, {maker.payload.nodes[1].outputs[0]}, half);
  EXPECT_THAT(plan_stages(maker.payload), IsEmpty());
}

TEST(StagedEngine, ComputesWhatXnnpackDoes) {
  PayloadMaker maker = make_network();
  ir::KernelContext context;
  const auto whole = maker.create().value();
  const auto options = with_workspace();
  const auto staged =
      StagedEngine::create(maker.payload, maker.finder(), context, nullptr, options).value();
  const std::vector<Tensor> images = {make_image(64, 64), make_image(20, 64), make_image(12, 8),
                                      make_image(64, 60), make_image(20, 16, /*batch=*/2)};
  for (const Tensor& image : images) {
    const auto expected = run(*whole, image);
    const auto found = run(*staged, image);
    ASSERT_EQ(found.size(), expected.size());
    for (std::size_t i = 0; i < found.size(); ++i) {
      ASSERT_NEAR(found[i], expected[i], 1e-4 * (1 + std::abs(expected[i]))) << i;
    }
  }
}

TEST(StagedEngine, HasTheSameBitsOnThreadsAndInAWorkspaceThatMoves) {
  PayloadMaker maker = make_network();
  ThreadPool pool(3);
  ir::KernelContext one_thread, three_threads(&pool);
  const auto options = with_workspace();
  const auto alone =
      StagedEngine::create(maker.payload, maker.finder(), one_thread, nullptr, options).value();
  const auto together =
      StagedEngine::create(maker.payload, maker.finder(), three_threads, &pool, options).value();
  const Tensor small = make_image(32, 28), large = make_image(64, 64);
  const auto expected = run(*alone, small);
  EXPECT_EQ(run(*together, large), run(*alone, large));
  options.workspace->shrink();
  EXPECT_EQ(run(*together, small), expected);
  EXPECT_EQ(run(*alone, small), expected);
}

TEST(StagedEngine, PacksAFilterOnceForAll) {
  PayloadMaker maker = make_network();
  ir::KernelContext context;
  const auto options = with_workspace();
  const auto bytes = [] { return xnnpack::PackedWeights::of_process().usage().num_bytes; };
  const std::size_t before = bytes();
  const auto first =
      StagedEngine::create(maker.payload, maker.finder(), context, nullptr, options).value();
  const std::size_t of_one = bytes() - before;
  EXPECT_EQ(of_one, first->memory().packed_weight_bytes);
  const auto second =
      StagedEngine::create(maker.payload, maker.finder(), context, nullptr, options).value();
  EXPECT_EQ(bytes() - before, of_one);
  const Tensor image = make_image(16, 16);
  EXPECT_EQ(run(*second, image), run(*first, image));
}

TEST(StagedEngine, ReportsAConstantThatIsMissing) {
  PayloadMaker maker = make_network();
  ir::KernelContext context;
  maker.named_data.begin()->second.resize(4);
  const auto made =
      StagedEngine::create(maker.payload, maker.finder(), context, nullptr, with_workspace());
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, ErrorCode::kInvalidExternalData);
}

}  // namespace
}  // namespace tessera::runtime
