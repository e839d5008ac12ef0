// SPDX-License-Identifier: MIT
#include "quantize/budget.h"

#include <algorithm>

#include "base/try.h"
#include "ops/arithmetic.h"
#include "quantize/insert.h"
#include "xnnpack/quantized_operands.h"

namespace tessera::quantize {
namespace {

using ir::NodeId;

/// Samples on which single layers are compared: their order is all that counts.
constexpr std::size_t kNumSamples = 8;

std::vector<NodeId> quantized_layers(const Candidate& candidate) {
  std::vector<NodeId> layers;
  for (const NodeId id : candidate.annotation.nodes()) {
    if (xnnpack::is_weighted(candidate.exact.node(id))) layers.push_back(id);
  }
  return layers;
}

/// What quantizing one layer alone does to the outputs: the others stay as they are.
Result<double> error_of(const Candidate& candidate, const Calibration& calibration, NodeId layer,
                        const std::vector<NodeId>& layers) {
  std::set<NodeId> floats(layers.begin(), layers.end());
  floats.erase(layer);
  floats.insert(candidate.floats.begin(), candidate.floats.end());
  const Annotation annotation(candidate.exact, floats);
  const WeightOptions weights{.per_channel = calibration.options.per_channel};
  const ir::Graph quantized =
      TRY(insert_quantization(candidate.exact, annotation, candidate.ranges, weights));
  return TRY(calibration.expected.noise_of(quantized, calibration.samples, kNumSamples)).error;
}

/// The layers, first those that are worth leaving in floating point most.
Result<std::vector<NodeId>> by_gain(const Candidate& candidate, const Calibration& calibration) {
  const std::vector<NodeId> layers = quantized_layers(candidate);
  std::vector<std::pair<double, NodeId>> gains;
  for (const NodeId layer : layers) {
    const double error = TRY(error_of(candidate, calibration, layer, layers));
    const double cost = ops::arithmetic_of(candidate.exact, candidate.exact.node(layer));
    gains.emplace_back(error / std::max(1.0, cost), layer);
  }
  std::ranges::stable_sort(gains, std::ranges::greater(),
                           [](const auto& gain) { return gain.first; });
  std::vector<NodeId> sorted;
  for (const auto& [gain, layer] : gains) sorted.push_back(layer);
  return sorted;
}

}  // namespace

Result<Candidate> meet_budget(Candidate candidate, const Calibration& calibration,
                              double budget_db) {
  const std::vector<NodeId> layers = TRY(by_gain(candidate, calibration));
  const auto with_first = [&](std::size_t count) {
    std::set<NodeId> floats(layers.begin(), layers.begin() + static_cast<std::ptrdiff_t>(count));
    floats.insert(candidate.floats.begin(), candidate.floats.end());
    return with_floats(candidate, calibration, std::move(floats));
  };
  // The fewest layers that do; more of them seldom make it worse, and without any quantized layer
  // nothing is wrong.
  std::size_t too_few = 0, enough = layers.size();
  Candidate best = TRY(with_first(enough));
  while (too_few + 1 < enough) {
    const std::size_t middle = (too_few + enough) / 2;
    Candidate tried = TRY(with_first(middle));
    if (tried.noise.decibels() >= budget_db) {
      best = std::move(tried);
      enough = middle;
    } else {
      too_few = middle;
    }
  }
  return best;
}

}  // namespace tessera::quantize
