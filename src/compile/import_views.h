// SPDX-License-Identifier: MIT
#pragma once

#include "ir/graph.h"

/// Views of tensors that are written to, in a graph without memory: a write to a view becomes a new
/// value of the tensor that it shows, and other views of that are made anew.
namespace tessera {

/// Whether the call always shows its first tensor's memory, and its elements can be put back.
/// (reshape and contiguous copy where they must; expand shows an element several times.)
bool is_exact_view(const ir::Node& view);

/// The same view, of `base`.
Result<ir::ValueId> replay_view(ir::Graph& graph, const ir::Node& view, std::size_t result,
                                ir::ValueId base);

/// `base` with `written` in the place of what the view shows.
Result<ir::ValueId> write_back(ir::Graph& graph, const ir::Node& view, std::size_t result,
                               ir::ValueId base, ir::ValueId written);

}  // namespace tessera
