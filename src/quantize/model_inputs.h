// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include "ir/graph.h"
#include "tessera/calibrate.h"

namespace tessera::quantize {

/// What a graph takes, for CalibrationInputs. Fails for sizes that have no range.
Result<std::vector<ModelInput>> model_inputs(const ir::Graph& graph);

}  // namespace tessera::quantize
