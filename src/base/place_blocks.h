// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <vector>

namespace tessera {

/// One block of memory that lives from one step to another, both inclusive.
struct MemoryBlock {
  std::size_t size_bytes = 0;
  std::size_t first_step = 0;
  std::size_t last_step = 0;
};

/// Offsets such that blocks alive at the same step never overlap.
struct BlockLayout {
  std::vector<std::size_t> offsets;  ///< per block, multiples of kBlockAlignment
  std::size_t size_bytes = 0;
};

/// Alignment of planned tensors, ExecuTorch's default.
inline constexpr std::size_t kBlockAlignment = 16;

/// The most bytes that live at any one step: no layout is smaller.
std::size_t most_live_bytes(const std::vector<MemoryBlock>& blocks);

/// Greedy by size: the largest block first, each into the tightest gap between the blocks already
/// placed that live at the same time (Pisarchyk and Lee 2020, "Efficient Memory Management for Deep
/// Neural Net Inference", algorithm 3). While that is above most_live_bytes, it is tried again with
/// the topmost block placed first, some times; the smallest layout counts.
BlockLayout place_blocks(const std::vector<MemoryBlock>& blocks);

}  // namespace tessera
