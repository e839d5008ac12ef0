// SPDX-License-Identifier: MIT
#include "quantize/candidate.h"

#include <algorithm>

#include "base/try.h"
#include "quantize/insert.h"
#include "quantize/round_biases.h"

namespace tessera::quantize {

using ir::Graph;
using ir::NodeId;
using ir::ValueId;

namespace {

/// Quantizes as `candidate` says and measures what comes of it.
Result<void> complete(Candidate& candidate, const Calibration& calibration) {
  const WeightOptions weights{.per_channel = calibration.options.per_channel};
  candidate.quantized =
      TRY(insert_quantization(candidate.exact, candidate.annotation, candidate.ranges, weights));
  TRY(round_biases(candidate.quantized));
  candidate.layers = TRY(
      layer_noise(candidate.exact, candidate.quantized, candidate.annotation, calibration.samples));
  candidate.noise = TRY(calibration.expected.noise_of(candidate.quantized, calibration.samples));
  if (!calibration.options.correct_biases) return {};
  Graph corrected = candidate.quantized;
  TRY(correct_biases(corrected, candidate.layers));
  TRY(round_biases(corrected));
  const Noise noise = TRY(calibration.expected.noise_of(corrected, calibration.samples));
  if (noise.error >= candidate.noise.error) return {};
  candidate.quantized = std::move(corrected);
  candidate.noise = noise;
  candidate.are_biases_corrected = true;
  return {};
}

}  // namespace

Result<Candidate> make_candidate(const Graph& graph, const Calibration& calibration,
                                 Ranges ranges) {
  Candidate candidate{
      .exact = graph, .annotation = Annotation(graph, {}), .ranges = std::move(ranges)};
  TRY(complete(candidate, calibration));
  return candidate;
}

Result<Candidate> with_floats(const Candidate& candidate, const Calibration& calibration,
                              std::set<NodeId> floats) {
  Candidate other{.exact = candidate.exact,
                  .floats = std::move(floats),
                  .annotation = candidate.annotation,
                  .ranges = candidate.ranges,
                  .is_equalized = candidate.is_equalized};
  other.annotation = Annotation(candidate.exact, other.floats);
  TRY(complete(other, calibration));
  return other;
}

double range_use(const Candidate& candidate, NodeId layer) {
  const Graph& graph = candidate.quantized;
  ValueId value = graph.node(layer).results[0];
  // The quantized value is the result, or that of the clamps that follow.
  while (!candidate.ranges.contains(value)) {
    const auto users = graph.users(value);
    if (users.empty()) return 0;
    value = graph.node(users[0]).results[0];
  }
  const ir::Node* call = quantize_call(graph, value);
  if (call == nullptr) return 0;
  const ValueRange seen = candidate.ranges.at(value).extrema();
  const double scale = std::get<double>(call->arguments[1]);
  const auto zero_point = static_cast<double>(std::get<ir::Dim>(call->arguments[2]).constant());
  const double low = scale * (-128 - zero_point), high = scale * (127 - zero_point);
  const double within = std::min<double>(seen.max, high) - std::max<double>(seen.min, low);
  return std::clamp(within / (high - low), 0.0, 1.0);
}

}  // namespace tessera::quantize
