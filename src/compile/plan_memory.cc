// SPDX-License-Identifier: MIT
#include "compile/plan_memory.h"

#include <optional>
#include <utility>

#include "base/try.h"
#include "ops/in_place.h"

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

using ir::ValueId;

Result<std::size_t> bytes_at_bound(const ir::Graph& graph, ValueId id) {
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

/// Gives every value the memory that it lies in, and places that.
class Planner {
 public:
  Planner(const ir::Graph& graph, std::size_t num_states)
      : graph_(graph), inputs_(graph.inputs()), nodes_(graph.nodes()) {
    inputs_.resize(inputs_.size() - num_states);
  }

  Result<MemoryPlan> run() {
    find_last_steps();
    for (const ValueId input : inputs_) TRY(add_block(input, 0));
    for (std::size_t step = 0; step < nodes_.size(); ++step) {
      const ir::Node& node = graph_.node(nodes_[step]);
      for (const ValueId result : node.results) {
        if (plan_.views.contains(result)) continue;
        if (const auto block = TRY(block_to_overwrite(node, step))) {
          home_[result] = *block;
          blocks_.at(*block).last_step = last_step(result, step);
        } else {
          TRY(add_block(result, step));
        }
      }
    }
    place();
    return std::move(plan_);
  }

 private:
  ValueId owner_of(ValueId id) const {
    const auto found = plan_.views.find(id);
    return found == plan_.views.end() ? id : found->second.owner;
  }

  /// When each value is read for the last time, itself or by a view of it.
  void find_last_steps() {
    for (std::size_t step = 0; step < nodes_.size(); ++step) {
      for (const ValueId operand : ir::tensor_operands(graph_.node(nodes_[step]))) {
        last_steps_[owner_of(operand)] = step;
      }
    }
    for (const ValueId output : graph_.outputs()) last_steps_[owner_of(output)] = nodes_.size();
  }
  std::size_t last_step(ValueId id, std::size_t if_unused) const {
    const auto found = last_steps_.find(id);
    return found == last_steps_.end() ? if_unused : found->second;
  }

  Result<void> add_block(ValueId id, std::size_t step) {
    home_[id] = id;
    blocks_[id] = {.size_bytes = TRY(bytes_at_bound(graph_, id)),
                   .first_step = step,
                   .last_step = last_step(id, step)};
    return {};
  }

  /// The block of an operand that dies in this call and in which the result may be. The caller's
  /// memory is never written: neither that of inputs nor, too early, that of outputs.
  Result<std::optional<ValueId>> block_to_overwrite(const ir::Node& node, std::size_t step) const {
    if (node.op == nullptr || node.results.size() != 1 || !ops::may_run_in_place(*node.op)) {
      return std::nullopt;
    }
    const ValueId result = node.results[0];
    for (const ValueId operand : ir::tensor_operands(node)) {
      const ValueId owner = owner_of(operand);
      if (graph_.value(owner).kind != ir::ValueKind::kResult || graph_.is_output(owner) ||
          last_steps_.at(owner) != step || sized_late_.contains(operand) ||
          graph_.value(operand).type != graph_.value(result).type) {
        continue;
      }
      const std::size_t bytes = TRY(bytes_at_bound(graph_, result));
      if (TRY(bytes_at_bound(graph_, owner)) == bytes) return home_.at(owner);
    }
    return std::nullopt;
  }

  void place() {
    std::vector<MemoryBlock> in_order;
    for (const auto& [id, block] : blocks_) in_order.push_back(block);
    const BlockLayout layout = place_blocks(in_order);
    plan_.arena_bytes = layout.size_bytes;
    plan_.live_bytes = most_live_bytes(in_order);
    std::map<ValueId, std::size_t> offsets;
    std::size_t index = 0;
    for (const auto& [id, block] : blocks_) offsets[id] = layout.offsets[index++];
    for (const auto& [id, block] : home_) plan_.offsets[id] = offsets.at(block);
    for (const auto& [id, view] : plan_.views) {
      if (view.is_elided) plan_.offsets[id] = plan_.offsets.at(view.owner);
    }
  }

  const ir::Graph& graph_;
  std::vector<ValueId> inputs_;  ///< without those of the states
  const std::vector<ir::NodeId> nodes_;
  const std::set<ValueId> sized_late_ = sized_by_elements(graph_);
  MemoryPlan plan_{.views = find_views(graph_)};
  std::map<ValueId, std::size_t> last_steps_;
  std::map<ValueId, MemoryBlock> blocks_;  ///< by the first value that lies there
  std::map<ValueId, ValueId> home_;        ///< the block of each value that is no view
};

}  // namespace

Result<MemoryPlan> plan_memory(const ir::Graph& graph, std::size_t num_states) {
  return Planner(graph, num_states).run();
}

}  // namespace tessera::compiler
