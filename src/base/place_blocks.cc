// SPDX-License-Identifier: MIT
#include "base/place_blocks.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <map>
#include <numeric>
#include <utility>

namespace tessera {

namespace {

/// A placement of n blocks takes up to n * n steps; most graphs need a handful of rounds.
constexpr int kMaxRounds = 64;

std::size_t aligned(std::size_t offset) {
  return (offset + kBlockAlignment - 1) / kBlockAlignment * kBlockAlignment;
}

bool live_together(const MemoryBlock& a, const MemoryBlock& b) {
  return a.first_step <= b.last_step && b.first_step <= a.last_step;
}

/// The offset of the tightest gap that holds `size_bytes` between `taken` ranges (sorted by begin),
/// or behind them.
std::size_t find_gap(const std::vector<std::pair<std::size_t, std::size_t>>& taken,
                     std::size_t size_bytes) {
  std::size_t best = 0;
  std::size_t best_size = std::numeric_limits<std::size_t>::max();
  std::size_t end = 0;
  for (const auto& [begin, next_end] : taken) {
    const std::size_t start = aligned(end);
    if (begin >= start && begin - start >= size_bytes && begin - start < best_size) {
      best = start;
      best_size = begin - start;
    }
    end = std::max(end, next_end);
  }
  return best_size == std::numeric_limits<std::size_t>::max() ? aligned(end) : best;
}

/// The blocks one by one in this order, each into the tightest gap.
BlockLayout place_in_order(const std::vector<MemoryBlock>& blocks,
                           const std::vector<std::size_t>& order) {
  BlockLayout layout{.offsets = std::vector<std::size_t>(blocks.size())};
  std::vector<std::size_t> placed;
  for (const std::size_t i : order) {
    std::vector<std::pair<std::size_t, std::size_t>> taken;
    for (const std::size_t other : placed) {
      if (!live_together(blocks[i], blocks[other])) continue;
      taken.emplace_back(layout.offsets[other], layout.offsets[other] + blocks[other].size_bytes);
    }
    std::ranges::sort(taken);
    layout.offsets[i] = find_gap(taken, blocks[i].size_bytes);
    layout.size_bytes = std::max(layout.size_bytes, layout.offsets[i] + blocks[i].size_bytes);
    placed.push_back(i);
  }
  return layout;
}

}  // namespace

std::size_t most_live_bytes(const std::vector<MemoryBlock>& blocks) {
  std::map<std::size_t, std::size_t> begun, ended;  // bytes by step
  for (const MemoryBlock& block : blocks) {
    begun[block.first_step] += block.size_bytes;
    ended[block.last_step] += block.size_bytes;
  }
  std::size_t live = 0, most = 0;
  auto end = ended.begin();
  for (const auto& [step, bytes] : begun) {
    for (; end != ended.end() && end->first < step; ++end) live -= end->second;
    live += bytes;
    most = std::max(most, live);
  }
  return most;
}

BlockLayout place_blocks(const std::vector<MemoryBlock>& blocks) {
  std::vector<std::size_t> order(blocks.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, std::greater(),
                           [&](std::size_t i) { return blocks[i].size_bytes; });
  const std::size_t bound = most_live_bytes(blocks);
  BlockLayout best = place_in_order(blocks, order);
  BlockLayout last = best;
  for (int round = 0; round < kMaxRounds && best.size_bytes > bound; ++round) {
    // Whoever found room only on top chooses first now.
    const auto top = std::ranges::max_element(
        order, {}, [&](std::size_t i) { return last.offsets[i] + blocks[i].size_bytes; });
    std::rotate(order.begin(), top, top + 1);
    last = place_in_order(blocks, order);
    if (last.size_bytes < best.size_bytes) best = last;
  }
  return best;
}

}  // namespace tessera
