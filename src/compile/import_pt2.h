// SPDX-License-Identifier: MIT
#pragma once

#include <span>

#include "formats/pt2.h"
#include "ir/graph.h"
#include "ir/text.h"
#include "tessera/compile.h"

namespace tessera {

/// Makes a graph of an exported program: one node per call, without side effects.
///
/// In-place operators become functional ones; writing to an input, a buffer or through a view that
/// is read later is refused. Parameters and buffers that are used become constants that share the
/// file's bytes. Symbols take the exported ranges, narrowed by `overrides`; every one must have an
/// upper bound. Inputs whose value was fixed at export time (None, numbers) are left out. All
/// operators that `find_operator` does not know are named in one error (kOperatorMissing).
Result<ir::Graph> import_graph(const pt2::ExportedProgram& program,
                               std::span<const DimOverride> overrides,
                               ir::FindOperator find_operator);

}  // namespace tessera
