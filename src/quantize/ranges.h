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

/// Runs the graph on all samples. Values that only move elements have the ranges of others.
Result<Ranges> measure_ranges(const ir::Graph& graph, const Annotation& annotation,
                              const Samples& samples, Observer observer);

}  // namespace tessera::quantize
