// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "ir/graph.h"
#include "tessera/graph_builder.h"

namespace tessera {

struct GraphBuilder::State {
  ir::Graph graph;
  Weights weights;
  std::set<std::string> asked;             ///< names of parameters
  std::vector<std::string> may_be_unused;  ///< prefixes
  std::vector<std::string> missing;        ///< parameters
  std::vector<std::string> mismatched;     ///< "conv.weight is f32[4,3,3,3], expected f32[8,3,3,3]"
  std::vector<ir::ValueId> outputs;
  std::optional<Error> error;  ///< the first one

  explicit State(Weights source) : weights(std::move(source)) {}
};

GraphBuilder::State& state_of(GraphBuilder& builder);

/// The finished graph, or what went wrong while it was built.
Result<ir::Graph> finish(GraphBuilder builder);

}  // namespace tessera
