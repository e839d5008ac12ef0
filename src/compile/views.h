// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <set>

#include "ir/graph.h"

namespace tessera::compiler {

/// A result that has the elements of an operand in their order and needs no memory of its own.
struct View {
  ir::ValueId of;     ///< the operand, maybe a view itself
  ir::ValueId owner;  ///< whose memory it is: an input or the result of a call
  /// The file gives it the owner's offset, and no instruction makes it. Otherwise one sets its
  /// sizes and its address when the program runs (`executorch_prim::et_view.default`).
  bool is_elided = false;
};

/// The results of copies and reshapes that can be views. Those that are outputs cannot: each
/// output has memory of its own, which may be the caller's. Neither can those of constants, whose
/// bytes are in the file. Where the owner is an input or an output, its memory may change from run
/// to run, so that only an instruction can say where the view is.
std::map<ir::ValueId, View> find_views(const ir::Graph& graph);

/// Results whose sizes depend on elements, directly or by an operand: the graph has upper bounds.
std::set<ir::ValueId> sized_by_elements(const ir::Graph& graph);

}  // namespace tessera::compiler
