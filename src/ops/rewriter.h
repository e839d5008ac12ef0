// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>
#include <utility>
#include <vector>

#include "base/try.h"
#include "ir/graph.h"
#include "ops/expression.h"
#include "ops/registry.h"

namespace tessera::ops {

/// Puts calls of other operators in the place of one node: `call` as often as need be, then
/// `finish` once.
class Rewriter {
 public:
  Rewriter(ir::Graph& graph, ir::NodeId id) : graph_(graph), id_(id), node_(graph.node(id)) {}

  /// Argument `position` of the node.
  template <class T>
  const T& get(std::size_t position) const {
    return std::get<T>(node_.arguments[position]);
  }
  const ir::Argument& argument(std::size_t position) const { return node_.arguments[position]; }
  bool is_none(std::size_t position) const {
    return std::holds_alternative<std::monostate>(node_.arguments[position]);
  }
  ir::ValueId tensor(std::size_t position) const { return get<ir::ValueId>(position); }
  const ir::TensorType& type_of(ir::ValueId id) const { return graph_.value(id).type; }
  const ir::TensorType& result_type() const { return type_of(node_.results.front()); }

  /// The first result of a new call.
  Result<ir::ValueId> call(const ir::Operator& op, std::vector<ir::Argument> arguments) {
    const ir::NodeId made = TRY(graph_.add_node(op, std::move(arguments), node_.origin, id_));
    return graph_.node(made).results.front();
  }
  Result<ir::ValueId> call(std::string_view name, std::vector<ir::Argument> arguments) {
    return call(*find_operator(name), std::move(arguments));
  }
  /// The value takes the place of the node's first result.
  Result<void> finish(ir::ValueId value) {
    graph_.replace_all_uses(node_.results.front(), value);
    graph_.erase_node(id_);
    return {};
  }
  Result<void> finish(std::string_view name, std::vector<ir::Argument> arguments) {
    return finish(TRY(call(name, std::move(arguments))));
  }

  ir::ValueId constant(std::string name, Tensor tensor) {
    return graph_.add_constant(std::move(name), std::move(tensor));
  }
  /// A constant without dimensions.
  ir::ValueId number(double value, DType dtype) {
    return constant("number", number_tensor(value, dtype));
  }
  /// The value in these sizes; itself if it has them already.
  Result<ir::ValueId> view(ir::ValueId value, ir::Dims sizes) {
    if (type_of(value).dims == sizes) return value;
    return call("aten::view_copy", {value, std::move(sizes)});
  }
  /// Likewise in this order of dimensions.
  Result<ir::ValueId> permute(ir::ValueId value, const std::vector<std::size_t>& order) {
    ir::Dims dims;
    bool is_identity = true;
    for (const std::size_t dim : order) {
      is_identity &= dim == dims.size();
      dims.emplace_back(static_cast<std::int64_t>(dim));
    }
    if (is_identity) return value;
    return call("aten::permute_copy", {value, std::move(dims)});
  }

 private:
  ir::Graph& graph_;
  const ir::NodeId id_;
  const ir::Node node_;  ///< a copy: the node goes away
};

}  // namespace tessera::ops
