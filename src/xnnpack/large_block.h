// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

/// Memory for blocks that are large and will be written to as a whole: on huge pages where they
/// fit, all there at once. A page fault for each 4 KiB costs several times as much as the zeros.
/// Any number of threads.
namespace tessera::xnnpack {

/// What allocate_large_block is for.
inline constexpr std::size_t kMinLargeBytes = std::size_t{2} << 20;

/// Aligned to 2 MiB; null if there is not as much memory.
void* allocate_large_block(std::size_t num_bytes);

/// Bytes that allocate_large_block took for it; 0 if the block is not from there.
std::size_t large_block_bytes(const void* block);

/// A block from allocate_large_block.
void free_large_block(void* block);

}  // namespace tessera::xnnpack
