// SPDX-License-Identifier: MIT
#include "compile/plan_memory.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace tessera::compiler {
namespace {

void expect_valid(const std::vector<MemoryBlock>& blocks, const BlockLayout& layout) {
  ASSERT_EQ(layout.offsets.size(), blocks.size());
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    EXPECT_EQ(layout.offsets[i] % kBlockAlignment, 0u);
    EXPECT_LE(layout.offsets[i] + blocks[i].size_bytes, layout.size_bytes);
    for (std::size_t j = 0; j < i; ++j) {
      const bool at_once = blocks[i].first_step <= blocks[j].last_step &&
                           blocks[j].first_step <= blocks[i].last_step;
      const bool overlap = layout.offsets[i] < layout.offsets[j] + blocks[j].size_bytes &&
                           layout.offsets[j] < layout.offsets[i] + blocks[i].size_bytes;
      EXPECT_FALSE(at_once && overlap) << "blocks " << i << " and " << j;
    }
  }
}

TEST(PlaceBlocks, ReusesMemoryOfTheDead) {
  const std::vector<MemoryBlock> chain = {{1024, 0, 1}, {1024, 1, 2}, {1024, 2, 3}, {1024, 3, 4}};
  const BlockLayout layout = place_blocks(chain);
  expect_valid(chain, layout);
  EXPECT_EQ(layout.size_bytes, 2048u);
}

TEST(PlaceBlocks, TriesAgainWhereTheLargestFirstIsNotBest) {
  // The last block is a little larger than the others, and the first four follow one another.
  const std::vector<MemoryBlock> chain = {{1024, 0, 1}, {1024, 1, 2}, {1024, 2, 3}, {1040, 3, 4}};
  const BlockLayout layout = place_blocks(chain);
  expect_valid(chain, layout);
  EXPECT_EQ(layout.size_bytes, most_live_bytes(chain));
}

TEST(PlaceBlocks, FillsTheTightestGap) {
  // The large ones leave gaps of 512 and 256 bytes at step 2; the small block takes the tight one.
  const std::vector<MemoryBlock> blocks = {{4096, 0, 3}, {512, 0, 1},  {2048, 0, 3},
                                           {256, 0, 1},  {1024, 0, 3}, {240, 2, 3}};
  const BlockLayout layout = place_blocks(blocks);
  expect_valid(blocks, layout);
  EXPECT_EQ(layout.size_bytes, 4096u + 2048 + 1024 + 512 + 256);
}

TEST(PlaceBlocks, IsValidAndTightForRandomChains) {
  std::mt19937 random(1);
  for (int round = 0; round < 200; ++round) {
    std::vector<MemoryBlock> blocks;
    const std::size_t num_steps = 2 + random() % 20;
    for (std::size_t step = 0; step < num_steps; ++step) {
      blocks.push_back({.size_bytes = 16 * (1 + random() % 500),
                        .first_step = step,
                        .last_step = step + 1 + random() % 3});
    }
    const BlockLayout layout = place_blocks(blocks);
    expect_valid(blocks, layout);
    EXPECT_GE(layout.size_bytes, most_live_bytes(blocks));
    EXPECT_LE(layout.size_bytes, most_live_bytes(blocks) * 5 / 4);
  }
}

TEST(PlaceBlocks, HandlesEmptyBlocksAndNone) {
  EXPECT_EQ(place_blocks({}).size_bytes, 0u);
  const std::vector<MemoryBlock> blocks = {{0, 0, 5}, {16, 0, 5}, {0, 1, 2}};
  expect_valid(blocks, place_blocks(blocks));
}

TEST(UpperBound, ComesFromTheRanges) {
  const ir::SymbolRanges symbols = {{"h", {.min = 16, .max = 256}}, {"w", {.min = 1}}};
  const ir::Dim h = ir::Dim::symbol("h");
  const auto bound = upper_bound({.dtype = DType::kF32, .dims = {1, 4 * h, h + 1}}, symbols);
  ASSERT_TRUE(bound.has_value()) << bound.error().message;
  EXPECT_EQ(*bound, Shape({1, 1024, 257}));
  const auto unbounded = upper_bound({.dims = {ir::Dim::symbol("w")}}, symbols);
  ASSERT_FALSE(unbounded.has_value());
  EXPECT_NE(unbounded.error().message.find("w has no upper bound"), std::string::npos);
}

}  // namespace
}  // namespace tessera::compiler
