// SPDX-License-Identifier: MIT
#pragma once

#include "ir/graph.h"

namespace tessera::ir {

/// Every rule a legal graph obeys: operands defined before use and alive, argument kinds as the
/// schema says, result types as infer gives, names unique, symbols with ranges, outputs present.
/// An error here is a bug in the pass that ran last, or in a text that was parsed.
Result<void> verify(const Graph& graph);

}  // namespace tessera::ir
