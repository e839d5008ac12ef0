// SPDX-License-Identifier: MIT
#pragma once

#include <span>
#include <string>
#include <vector>

#include "formats/pt2.h"
#include "ir/graph.h"
#include "ir/text.h"
#include "tessera/compile.h"

namespace tessera {

/// A buffer that the model writes to: it keeps what a run leaves in it for the next one.
struct BufferState {
  std::string fully_qualified_name;
  Tensor initial;
};

/// Makes a graph of an exported program: one node per call, without side effects.
///
/// In-place operators become functional ones, also through views; writing to an input is refused.
/// Buffers that are written to become further inputs and outputs behind the others, one of each in
/// the order of `states`; without `states` they are refused, too. Parameters and buffers that are
/// used become constants that share the file's bytes. Symbols take the exported ranges, narrowed by
/// `overrides`; every one must have an upper bound. Inputs whose value was fixed at export time
/// (None, numbers) are left out. All operators that `find_operator` does not know are named in one
/// error (kOperatorMissing).
Result<ir::Graph> import_graph(const pt2::ExportedProgram& program,
                               std::span<const DimOverride> overrides,
                               ir::FindOperator find_operator,
                               std::vector<BufferState>* states = nullptr);

}  // namespace tessera
