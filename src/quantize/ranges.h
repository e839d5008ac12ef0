// SPDX-License-Identifier: MIT
#pragma once

#include <map>

#include "ir/graph.h"
#include "quantize/annotation.h"
#include "quantize/observer.h"
#include "quantize/samples.h"

namespace tessera::quantize {

/// What calibration saw of each value that is quantized.
using Ranges = std::map<ir::ValueId, RangeObserver>;

/// Runs the graph on all samples. Measures moved elements, too: where fewer nodes are quantized,
/// nothing else may tell their range.
Result<Ranges> measure_ranges(const ir::Graph& graph, const Annotation& annotation,
                              const Samples& samples, Observer observer);

}  // namespace tessera::quantize
