// SPDX-License-Identifier: MIT
#include "compile/plan_memory.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "base/try.h"

namespace tessera::compiler {
namespace {

std::size_t aligned(std::size_t offset) {
  return (offset + kBlockAlignment - 1) / kBlockAlignment * kBlockAlignment;
}

bool live_together(const Block& a, const Block& b) {
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

}  // namespace

Layout place_blocks(const std::vector<Block>& blocks) {
  std::vector<std::size_t> order(blocks.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, std::greater(),
                           [&](std::size_t i) { return blocks[i].size_bytes; });
  Layout layout{.offsets = std::vector<std::size_t>(blocks.size())};
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

Result<Shape> upper_bound(const ir::TensorType& type, const ir::SymbolRanges& symbols) {
  Shape shape;
  for (const ir::Dim& dim : type.dims) {
    const ir::DimRange range = TRY(dim.range(symbols));
    if (range.max == ir::DimRange::kUnbounded) {
      return fail(ErrorCode::kInvalidArgument, "the size {} has no upper bound", dim.to_string());
    }
    shape.push_back(range.max);
  }
  return shape;
}

Result<MemoryPlan> plan_memory(const ir::Graph& graph) {
  std::map<ir::ValueId, Block> blocks;
  const auto add = [&](ir::ValueId id, std::size_t step) -> Result<void> {
    const ir::TensorType& type = graph.value(id).type;
    std::size_t bytes = size_of(type.dtype);
    for (const std::int64_t size : TRY(upper_bound(type, graph.symbols))) {
      if (__builtin_mul_overflow(bytes, static_cast<std::size_t>(size), &bytes)) {
        return fail(ErrorCode::kInvalidArgument, "value {} is too large at its upper bound",
                    graph.value(id).name);
      }
    }
    blocks[id] = {.size_bytes = bytes, .first_step = step, .last_step = step};
    return {};
  };

  for (const ir::ValueId input : graph.inputs()) TRY(add(input, 0));
  const std::vector<ir::NodeId> nodes = graph.nodes();
  for (std::size_t step = 0; step < nodes.size(); ++step) {
    const ir::Node& node = graph.node(nodes[step]);
    for (const ir::ValueId operand : ir::tensor_operands(node)) {
      if (const auto found = blocks.find(operand); found != blocks.end()) {
        found->second.last_step = step;
      }
    }
    for (const ir::ValueId result : node.results) TRY(add(result, step));
  }
  for (const ir::ValueId output : graph.outputs()) {
    if (const auto found = blocks.find(output); found != blocks.end()) {
      found->second.last_step = nodes.size();
    }
  }

  std::vector<Block> in_order;
  for (const auto& [id, block] : blocks) in_order.push_back(block);
  const Layout layout = place_blocks(in_order);
  MemoryPlan plan{.arena_bytes = layout.size_bytes};
  std::size_t index = 0;
  for (const auto& [id, block] : blocks) plan.offsets[id] = layout.offsets[index++];
  return plan;
}

}  // namespace tessera::compiler
