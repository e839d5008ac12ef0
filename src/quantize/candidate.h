// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <set>

#include "quantize/annotation.h"
#include "quantize/noise.h"
#include "quantize/ranges.h"
#include "quantize/samples.h"

namespace tessera::quantize {

struct Calibration {
  const Samples& samples;
  const ExactOutputs& expected;
  const QuantizeOptions& options;
};

/// One way to quantize a graph, measured.
struct Candidate {
  ir::Graph exact;              ///< in floating point
  std::set<ir::NodeId> floats;  ///< layers that stay so
  Annotation annotation;
  Ranges ranges;
  ir::Graph quantized;
  std::map<ir::NodeId, LayerNoise> layers;
  Noise noise;  ///< of the outputs
  bool are_biases_corrected = false;
  bool is_equalized = false;
};

/// Quantizes all with these ranges, and corrects biases if that helps.
Result<Candidate> make_candidate(const ir::Graph& graph, const Calibration& calibration,
                                 Ranges ranges);
/// The same with other layers left in floating point, without measuring ranges again.
Result<Candidate> with_floats(const Candidate& candidate, const Calibration& calibration,
                              std::set<ir::NodeId> floats);

/// Part of the integers of the layer's result that its numbers lie within.
double range_use(const Candidate& candidate, ir::NodeId layer);

}  // namespace tessera::quantize
