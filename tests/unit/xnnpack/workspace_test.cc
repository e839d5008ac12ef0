// SPDX-License-Identifier: MIT
#include "xnnpack/workspace.h"

#include <gtest/gtest.h>

#include <cstring>

#include "payload_maker.h"
#include "xnnpack/large_block.h"

namespace tessera::xnnpack {
namespace {

constexpr std::uint32_t kChannels = 8;

/// Two images as one, then with channels last: what is in between is the workspace's first block.
PayloadMaker make_joiner(std::uint32_t size) {
  PayloadMaker maker;
  const auto a = maker.input({1, kChannels, size, size}), b = maker.input({1, 1, size, size});
  const auto out = maker.output({1, size, size, kChannels + 1});
  const auto joined = maker.internal({1, kChannels + 1, size, size});
  maker.node(NodeKind::kConcatenate2, {a, b}, joined, ConcatenateParams{1});
  maker.node(NodeKind::kStaticTranspose, {joined}, out, TransposeParams{{0, 2, 3, 1}});
  return maker;
}

Tensor image_of(std::int64_t channels, std::int64_t size, std::uint32_t seed) {
  const auto count = static_cast<std::size_t>(channels * size * size);
  return Tensor::of(Shape{1, channels, size, size},
                    std::span<const float>(sample_elements(count, seed)));
}

/// When a workspace moves, XNNPACK sets up its other runtimes with the addresses of their last run.
/// Memory of a caller's that is gone by then may be where the workspace is now.
TEST(Workspace, MovesToWhereAnInputWas) {
  constexpr std::int64_t kSmall = 16, kLarge = 256;
  auto small = make_joiner(kSmall), large = make_joiner(kLarge);
  const DelegateOptions options{.workspace = std::make_shared<Workspace>()};
  const auto first = small.create(nullptr, options), second = large.create(nullptr, options);
  ASSERT_TRUE(first.has_value() && second.has_value());
  const Tensor a = image_of(kChannels, kSmall, 1), b = image_of(1, kSmall, 2);
  const Shape shapes[] = {a.shape(), b.shape()};
  ASSERT_TRUE((*first)->reshape(shapes).has_value());

  // As large as the workspace for the second is going to be.
  constexpr std::size_t kPadding = 32;
  constexpr auto kBytes = (kChannels + 1) * kLarge * kLarge * sizeof(float) + kPadding;
  void* const block = allocate_large_block(kBytes);
  ASSERT_NE(block, nullptr);
  std::memcpy(block, a.bytes(), a.num_bytes());
  const Tensor passing = Tensor::view(a.dtype(), a.shape(), block);
  Tensor expected = Tensor::empty(DType::kF32, {1, kSmall, kSmall, kChannels + 1}).value();
  const Tensor* const passing_inputs[] = {&passing, &b};
  Tensor* const expected_outputs[] = {&expected};
  ASSERT_TRUE((*first)->run(passing_inputs, expected_outputs).has_value());
  free_large_block(block);

  const Shape large_shapes[] = {{1, kChannels, kLarge, kLarge}, {1, 1, kLarge, kLarge}};
  ASSERT_TRUE((*second)->reshape(large_shapes).has_value());
  ASSERT_GT(large_block_bytes(block), 0u) << "the workspace is elsewhere: nothing is tested";

  Tensor output = Tensor::zeros(DType::kF32, expected.shape()).value();
  const Tensor* const inputs[] = {&a, &b};
  Tensor* const outputs[] = {&output};
  ASSERT_TRUE((*first)->reshape(shapes).has_value());
  ASSERT_TRUE((*first)->run(inputs, outputs).has_value());
  EXPECT_EQ(std::memcmp(output.bytes(), expected.bytes(), expected.num_bytes()), 0);
}

}  // namespace
}  // namespace tessera::xnnpack
