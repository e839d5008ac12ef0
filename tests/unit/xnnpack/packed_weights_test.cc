// SPDX-License-Identifier: MIT
#include "xnnpack/packed_weights.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <latch>
#include <thread>

#include "payload_maker.h"
#include "run_delegate.h"

namespace tessera::xnnpack {
namespace {

constexpr std::uint32_t kChannels = 24;

PackedWeights::Usage usage() { return PackedWeights::of_process().usage(); }

Tensor sample_image(std::uint32_t channels = 2) {
  const Shape shape{1, channels, 9, 7};
  return Tensor::of<float>(
      shape, sample_elements(static_cast<std::size_t>(shape.num_elements()), /*seed=*/7));
}

void expect_equal(const std::vector<Tensor>& a, const std::vector<Tensor>& b) {
  ASSERT_EQ(a.size(), 1u);
  ASSERT_EQ(b.size(), 1u);
  ASSERT_EQ(a[0].num_bytes(), b[0].num_bytes());
  EXPECT_TRUE(std::equal(a[0].bytes(), a[0].bytes() + a[0].num_bytes(), b[0].bytes()));
}

TEST(PackedWeights, AreHeldOnceForDelegatesWithEqualWeights) {
  const auto before = usage();
  auto first_maker = sample_convolution(), second_maker = sample_convolution();
  const auto first = first_maker.create();
  ASSERT_TRUE(first) << first.error().to_string();
  const auto with_one = usage();
  EXPECT_EQ(with_one.num_blocks, before.num_blocks + 1);
  EXPECT_EQ(with_one.num_bytes, before.num_bytes + (*first)->memory().packed_weight_bytes);
  {
    const auto second = second_maker.create();
    ASSERT_TRUE(second);
    EXPECT_EQ(usage().num_bytes, with_one.num_bytes);
    EXPECT_EQ((*second)->memory().packed_weight_bytes, (*first)->memory().packed_weight_bytes);
    expect_equal(run_delegate(**first, {sample_image()}), run_delegate(**second, {sample_image()}));
  }
  EXPECT_EQ(usage().num_bytes, with_one.num_bytes);
}

TEST(PackedWeights, LiveAsLongAsADelegateUsesThem) {
  const auto before = usage();
  auto first_maker = sample_convolution(), second_maker = sample_convolution();
  auto first = first_maker.create(), second = second_maker.create();
  ASSERT_TRUE(first && second);
  const auto image = sample_image();
  const auto expected = run_delegate(**first, {image});
  first->reset();
  EXPECT_EQ(usage().num_blocks, before.num_blocks + 1);
  expect_equal(run_delegate(**second, {image}), expected);
  second->reset();
  EXPECT_EQ(usage().num_blocks, before.num_blocks);
}

TEST(PackedWeights, DifferWithTheBias) {
  auto first_maker = sample_convolution(), second_maker = sample_convolution();
  second_maker.named_data["constant2"][0] ^= std::byte{1};
  const auto first = first_maker.create();
  const auto before = usage();
  const auto second = second_maker.create();
  ASSERT_TRUE(first && second);
  EXPECT_EQ(usage().num_blocks, before.num_blocks + 1);
}

/// What varies between int8 layers whose filters have the same bytes.
struct Int8Layer {
  PerTensorQuant in{0.02f, 3}, out{0.05f, -4};
  float filter_scale = 0.01f;
  std::uint32_t stride = 1;
};

std::vector<std::int8_t> int8_elements(std::size_t count) {
  std::vector<std::int8_t> elements(count);
  for (std::size_t i = 0; i < count; ++i) {
    elements[i] = static_cast<std::int8_t>(static_cast<int>(i * 37 % 255) - 127);
  }
  return elements;
}

/// Adds a 1x1 convolution of `in` with int8 weights, all taken from `filter_buffer`.
std::uint32_t add_int8_convolution(PayloadMaker& m, std::uint32_t in, std::uint32_t out,
                                   const Int8Layer& layer, std::uint32_t filter_buffer) {
  const auto filter =
      m.internal({kChannels, 1, 1, kChannels}, Datatype::kQCInt8,
                 PerChannelQuant{.scales = std::vector<float>(kChannels, layer.filter_scale)});
  m.payload.values.back().constant_index = filter_buffer;
  m.node(NodeKind::kConv2d, {in, filter, kNoValue}, out,
         ConvolutionParams{.subsampling_height = layer.stride,
                           .subsampling_width = layer.stride,
                           .group_input_channels = kChannels,
                           .group_output_channels = kChannels});
  return out;
}

PayloadMaker int8_convolution(const Int8Layer& layer) {
  PayloadMaker m;
  const auto in = m.input({1, 8, 8, kChannels}, Datatype::kQInt8, layer.in);
  const auto out = m.output({1, 8, 8, kChannels}, Datatype::kQInt8, layer.out);
  add_int8_convolution(m, in, out, layer, m.buffer(int8_elements(kChannels * kChannels)));
  return m;
}

Tensor int8_image() {
  const Shape shape{1, 8, 8, kChannels};
  return Tensor::of<std::int8_t>(shape,
                                 int8_elements(static_cast<std::size_t>(shape.num_elements())));
}

TEST(PackedWeights, OfInt8FiltersDifferWithScalesAndZeroPoints) {
  auto base_maker = int8_convolution({});
  const auto base = base_maker.create();
  ASSERT_TRUE(base) << base.error().to_string();
  const Int8Layer others[] = {
      {.in = {0.03f, 3}}, {.in = {0.02f, 4}}, {.out = {0.06f, -4}}, {.filter_scale = 0.011f}};
  for (const Int8Layer& layer : others) {
    auto maker = int8_convolution(layer);
    const auto before = usage();
    const auto delegate = maker.create();
    ASSERT_TRUE(delegate) << delegate.error().to_string();
    EXPECT_EQ(usage().num_blocks, before.num_blocks + 1);
  }
}

/// Two nodes of one delegate with one filter in memory: XNNPACK asks for both with the same key.
TEST(PackedWeights, OfOneFilterWithTwoScalesInOneDelegateAreTwo) {
  const Int8Layer first{.out = {0.02f, 0}}, second{.in = {0.02f, 0}, .out = {0.2f, 5}};
  PayloadMaker both;
  const auto in = both.input({1, 8, 8, kChannels}, Datatype::kQInt8, first.in);
  const auto out = both.output({1, 8, 8, kChannels}, Datatype::kQInt8, second.out);
  const auto between = both.internal({1, 8, 8, kChannels}, Datatype::kQInt8, first.out);
  const auto buffer = both.buffer(int8_elements(kChannels * kChannels));
  add_int8_convolution(both, in, between, first, buffer);
  add_int8_convolution(both, between, out, second, buffer);

  auto first_maker = int8_convolution(first), second_maker = int8_convolution(second);
  const auto a = first_maker.create(), b = second_maker.create();
  ASSERT_TRUE(a && b);
  const auto expected = run_delegate(**b, run_delegate(**a, {int8_image()}));
  const auto before = usage();
  const auto delegate = both.create();
  ASSERT_TRUE(delegate) << delegate.error().to_string();
  EXPECT_EQ(usage().num_blocks, before.num_blocks + 2);
  expect_equal(run_delegate(**delegate, {int8_image()}), expected);
}

TEST(PackedWeights, AreNotPackedAgainForLargeImages) {
  auto maker = sample_convolution(2048);
  const auto delegate = maker.create();
  ASSERT_TRUE(delegate);
  const auto before = usage();
  const std::vector<Shape> small{{1, 2, 9, 7}}, large{{1, 2, 2048, 2048}};
  ASSERT_TRUE((*delegate)->reshape(small));
  ASSERT_TRUE((*delegate)->reshape(large));  // pointer tables are made anew at every run
  EXPECT_EQ(usage().num_blocks, before.num_blocks);
  EXPECT_EQ(usage().num_bytes, before.num_bytes);
}

TEST(PackedWeights, AreHeldOnceIfManyThreadsPackThemAtOnce) {
  constexpr std::size_t kNumThreads = 4;
  const auto before = usage();
  const auto image = sample_image();
  auto reference_maker = sample_convolution();
  std::vector<Tensor> expected;
  {
    const auto reference = reference_maker.create();
    ASSERT_TRUE(reference);
    expected = run_delegate(**reference, {image});
  }
  ASSERT_EQ(usage().num_blocks, before.num_blocks);
  std::latch start(kNumThreads), created(kNumThreads);
  std::vector<PackedWeights::Usage> seen(kNumThreads);
  std::vector<std::vector<Tensor>> outputs(kNumThreads);
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < kNumThreads; ++i) {
      threads.emplace_back([&, i] {
        auto maker = sample_convolution();
        start.arrive_and_wait();
        const auto delegate = maker.create();
        created.arrive_and_wait();
        if (!delegate) return;
        seen[i] = usage();
        outputs[i] = run_delegate(**delegate, {image});
      });
    }
  }
  for (std::size_t i = 0; i < kNumThreads; ++i) {
    EXPECT_LE(seen[i].num_blocks, before.num_blocks + 1);
    expect_equal(outputs[i], expected);
  }
  EXPECT_EQ(std::ranges::max(seen, {}, &PackedWeights::Usage::num_blocks).num_blocks,
            before.num_blocks + 1);
}

}  // namespace
}  // namespace tessera::xnnpack
