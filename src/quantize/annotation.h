// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <set>
#include <vector>

#include "ir/graph.h"

namespace tessera::quantize {

/// Which nodes of a float graph compute on integers and which values are quantized for it, by the
/// operators' QuantRules and XnnpackRules.
class Annotation {
 public:
  /// Nodes in `floats` stay in floating point.
  Annotation(const ir::Graph& graph, const std::set<ir::NodeId>& floats);

  /// In the order of the graph.
  const std::vector<ir::NodeId>& nodes() const { return nodes_; }
  /// Values that become integers, each once, in the order in which they are made.
  const std::vector<ir::ValueId>& values() const { return values_; }
  bool is_quantized(ir::NodeId node) const { return is_quantized_.contains(node); }
  /// Values with the same key have the same scale and zero point.
  ir::ValueId group_of(ir::ValueId value) const;
  /// Whether the value is made by a node that only moves elements: its range is that of others.
  bool is_moved(ir::ValueId value) const { return moved_.contains(value); }

 private:
  bool should_quantize(const ir::Node& node) const;
  void add(ir::NodeId id);
  void add_value(ir::ValueId value);
  void join(ir::ValueId a, ir::ValueId b);

  const ir::Graph* graph_;  ///< null when all is found
  std::vector<ir::NodeId> nodes_;
  std::set<ir::NodeId> is_quantized_;
  std::vector<ir::ValueId> values_;
  std::set<ir::ValueId> is_value_;
  std::set<ir::ValueId> made_;  ///< results of quantized nodes
  std::set<ir::ValueId> moved_;
  mutable std::map<ir::ValueId, ir::ValueId> parents_;  ///< union-find
};

}  // namespace tessera::quantize
