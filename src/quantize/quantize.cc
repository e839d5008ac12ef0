// SPDX-License-Identifier: MIT
#include "quantize/quantize.h"

#include <optional>

#include "base/try.h"
#include "ops/arithmetic.h"
#include "quantize/budget.h"
#include "quantize/candidate.h"
#include "quantize/edges.h"
#include "quantize/equalize.h"
#include "xnnpack/quantized_operands.h"

namespace tessera::quantize {
namespace {

using ir::Graph;
using ir::NodeId;

/// The best of the graph as it is and the same function with its channels scaled against each
/// other, with the ranges of every observer that is asked for.
Result<Candidate> best_candidate(const Graph& graph, const Calibration& calibration) {
  std::vector<Observer> observers = {Observer::kMse, Observer::kHistogram};
  if (calibration.options.observer) observers = {*calibration.options.observer};
  std::optional<Candidate> best;
  const auto consider = [&](const Graph& exact, bool is_equalized) -> Result<void> {
    Ranges ranges =
        TRY(measure_ranges(exact, Annotation(exact, {}), calibration.samples, observers[0]));
    for (const Observer observer : observers) {
      for (auto& [value, range] : ranges) range.choose(observer);
      Candidate candidate = TRY(make_candidate(exact, calibration, ranges));
      candidate.is_equalized = is_equalized;
      if (!best || candidate.noise.error < best->noise.error) best = std::move(candidate);
    }
    return {};
  };
  TRY(consider(graph, false));
  Graph equalized = graph;
  if (calibration.options.equalize && TRY(equalize(equalized, calibration.samples))) {
    TRY(consider(equalized, true));
  }
  return *std::move(best);
}

QuantizationReport report_of(const Candidate& candidate, const Calibration& calibration) {
  QuantizationReport report{.output_sqnr_db = candidate.noise.decibels(),
                            .are_biases_corrected = candidate.are_biases_corrected,
                            .is_equalized = candidate.is_equalized,
                            .num_samples = calibration.samples.num_samples(),
                            .is_random = calibration.options.calibration.is_random};
  for (const NodeId id : candidate.exact.nodes()) {
    const ir::Node& node = candidate.exact.node(id);
    if (!xnnpack::is_weighted(node)) continue;
    QuantizedLayer layer{.name = ir::describe(candidate.exact, node),
                         .is_quantized = candidate.annotation.is_quantized(id),
                         .arithmetic = ops::arithmetic_of(candidate.exact, node)};
    if (const auto noise = candidate.layers.find(id); noise != candidate.layers.end()) {
      layer.sqnr_db = noise->second.noise.decibels();
      layer.range_use = range_use(candidate, id);
    } else {
      layer.reason =
          candidate.floats.contains(id) ? "for accuracy" : "it has no int8 form in XNNPACK";
    }
    report.layers.push_back(std::move(layer));
  }
  return report;
}

}  // namespace

Result<QuantizationReport> quantize_static(Graph& graph, const QuantizeOptions& options) {
  const Samples samples = TRY(Samples::make(graph, options));
  const Graph exact = graph;
  const ExactOutputs expected = TRY(ExactOutputs::make(exact, samples));
  const Calibration calibration{samples, expected, options};
  Candidate best = TRY(best_candidate(graph, calibration));
  if (options.accuracy_budget_db && best.noise.decibels() < *options.accuracy_budget_db) {
    best = TRY(meet_budget(std::move(best), calibration, *options.accuracy_budget_db));
  }
  QuantizationReport report = report_of(best, calibration);
  graph = std::move(best.quantized);
  return report;
}

namespace {

Result<QuantizationReport> quantize_inside(Graph& graph, const QuantizeOptions& options) {
  switch (options.scheme) {
    case Scheme::kInt8:
      return quantize_static(graph, options);
    case Scheme::kInt8Dynamic:
    case Scheme::kInt4Grouped:
      return quantize_dynamic(graph, options);
    case Scheme::kFp16:
      return quantize_to_half(graph, options);
  }
  return fail(ErrorCode::kInvalidArgument, "unknown scheme {}", static_cast<int>(options.scheme));
}

Result<void> check_budget(const QuantizeOptions& options, const QuantizationReport& report) {
  if (!options.accuracy_budget_db) return {};
  const double budget = *options.accuracy_budget_db;
  if (report.num_samples == 0) {
    return fail(ErrorCode::kInvalidArgument,
                "an accuracy budget of {:.1f} dB cannot be measured without calibration data",
                budget);
  }
  if (report.output_sqnr_db >= budget) return {};
  return fail(ErrorCode::kInvalidArgument,
              "the accuracy budget of {:.1f} dB cannot be met: the outputs reach {:.1f} dB, {:.1f} "
              "dB too little",
              budget, report.output_sqnr_db, budget - report.output_sqnr_db);
}

}  // namespace

Result<QuantizationReport> quantize(Graph& graph, const QuantizeOptions& options) {
  QuantizationReport report = TRY(quantize_inside(graph, options));
  TRY(check_budget(options, report));
  TRY(quantize_edges(graph, options, report));
  return report;
}

}  // namespace tessera::quantize
