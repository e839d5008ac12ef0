// SPDX-License-Identifier: MIT
#include "compile/plan_memory.h"

#include <span>

#include "base/try.h"

namespace tessera::compiler {

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

namespace {

Result<std::size_t> bytes_at_bound(const ir::Graph& graph, ir::ValueId id) {
  const ir::TensorType& type = graph.value(id).type;
  std::size_t bytes = size_of(type.dtype);
  for (const std::int64_t size : TRY(upper_bound(type, graph.symbols))) {
    if (__builtin_mul_overflow(bytes, static_cast<std::size_t>(size), &bytes)) {
      return fail(ErrorCode::kInvalidArgument, "value {} is too large at its upper bound",
                  graph.value(id).name);
    }
  }
  return bytes;
}

}  // namespace

Result<MemoryPlan> plan_memory(const ir::Graph& graph, std::size_t num_states) {
  MemoryPlan plan{.views = find_views(graph)};
  const auto owner_of = [&](ir::ValueId id) {
    const auto found = plan.views.find(id);
    return found == plan.views.end() ? id : found->second.owner;
  };
  std::map<ir::ValueId, MemoryBlock> blocks;
  const auto add = [&](ir::ValueId id, std::size_t step) -> Result<void> {
    blocks[id] = {
        .size_bytes = TRY(bytes_at_bound(graph, id)), .first_step = step, .last_step = step};
    return {};
  };
  const auto use = [&](ir::ValueId id, std::size_t step) {
    if (const auto found = blocks.find(owner_of(id)); found != blocks.end()) {
      found->second.last_step = step;
    }
  };

  const std::span<const ir::ValueId> inputs = graph.inputs();
  for (const ir::ValueId input : inputs.first(inputs.size() - num_states)) TRY(add(input, 0));
  const std::vector<ir::NodeId> nodes = graph.nodes();
  for (std::size_t step = 0; step < nodes.size(); ++step) {
    const ir::Node& node = graph.node(nodes[step]);
    for (const ir::ValueId operand : ir::tensor_operands(node)) use(operand, step);
    for (const ir::ValueId result : node.results) {
      if (!plan.views.contains(result)) TRY(add(result, step));
    }
  }
  for (const ir::ValueId output : graph.outputs()) use(output, nodes.size());

  std::vector<MemoryBlock> in_order;
  for (const auto& [id, block] : blocks) in_order.push_back(block);
  const BlockLayout layout = place_blocks(in_order);
  plan.arena_bytes = layout.size_bytes;
  plan.live_bytes = most_live_bytes(in_order);
  std::size_t index = 0;
  for (const auto& [id, block] : blocks) plan.offsets[id] = layout.offsets[index++];
  for (const auto& [id, view] : plan.views) {
    if (view.is_elided) plan.offsets[id] = plan.offsets.at(view.owner);
  }
  return plan;
}

}  // namespace tessera::compiler
