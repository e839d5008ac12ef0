// SPDX-License-Identifier: MIT
#include "xnnpack/large_block.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>

#include "xnnpack/allocator.h"

namespace tessera::xnnpack {
namespace {

constexpr std::size_t kMiB = std::size_t{1} << 20;

TEST(LargeBlocks, AreAlignedZeroAndWritableToTheEnd) {
  for (const std::size_t num_bytes : {2 * kMiB, 2 * kMiB + 1, 3 * kMiB, 5 * kMiB - 7}) {
    auto* block = static_cast<unsigned char*>(allocate_large_block(num_bytes));
    ASSERT_NE(block, nullptr);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block) % (2 * kMiB), 0u);
    EXPECT_EQ(block[0], 0);
    EXPECT_EQ(block[num_bytes - 1], 0);
    std::memset(block, 1, num_bytes);
    // Half a huge page more at most.
    EXPECT_GE(large_block_bytes(block), num_bytes);
    EXPECT_LE(large_block_bytes(block), num_bytes + kMiB);
    free_large_block(block);
    EXPECT_EQ(large_block_bytes(block), 0u);
  }
}

TEST(LargeBlocks, AreCountedWhenTheyComeAndGo) {
  const xnn_allocator& allocator = counting_allocator();
  std::ptrdiff_t bytes = 0;
  const MemoryCount count(bytes);
  for (const std::size_t num_bytes : {kMiB, 3 * kMiB}) {
    void* block = allocator.aligned_allocate(allocator.context, 64, num_bytes);
    ASSERT_NE(block, nullptr);
    EXPECT_GE(bytes, static_cast<std::ptrdiff_t>(num_bytes));
    allocator.aligned_deallocate(allocator.context, block);
    EXPECT_EQ(bytes, 0);
  }
}

TEST(LargeBlocks, AreNullIfThereIsNotAsMuchMemory) {
  EXPECT_EQ(allocate_large_block(std::size_t{1} << 60), nullptr);
}

}  // namespace
}  // namespace tessera::xnnpack
