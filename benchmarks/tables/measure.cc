// SPDX-License-Identifier: MIT
#include "benchmarks/tables/measure.h"

#include <cmath>
#include <cstdlib>
#include <format>
#include <print>

#include "base/try.h"
#include "benchmarks/pairs.h"
#include "benchmarks/tables/command.h"

namespace tessera::benchmarks {
namespace {

/// A process has one load and one first run: medians need several.
constexpr int kNumRounds = 3;
constexpr int kNumWarmup = 5, kNumRuns = 15;

struct Samples {
  std::vector<double> load, first_run, run, ratio;

  Times times() const {
    return {.load = load.empty() ? std::nullopt : std::optional(median(load)),
            .first_run = median(first_run),
            .steady = median(run),
            .ratio = ratio.empty() ? 1 : median(ratio)};
  }
};

void add_runs(Samples& samples, const nlohmann::json& runs) {
  for (const auto& run : runs) samples.run.push_back(run.get<double>());
}

}  // namespace

Result<std::vector<std::optional<Times>>> measure(std::span<const Subject> subjects,
                                                  const Model& model, std::size_t num_threads) {
  std::string arguments = "bench";
  for (const Subject& subject : subjects) {
    if (subject.program) arguments += " " + quoted(subject.program->string());
  }
  arguments +=
      std::format(" --threads {} --warmup {} --runs {}", num_threads, kNumWarmup, kNumRuns);
  if (!model.shape.empty()) arguments += std::format(" --shape {}", model.shape);
  std::vector<Samples> samples(subjects.size());
  for (int round = 0; round < kNumRounds; ++round) {
    const nlohmann::json report = TRY(run_tessera_for_json(arguments));
    auto program = report["programs"].begin();
    for (std::size_t i = 0; i < subjects.size(); ++i) {
      if (!subjects[i].program) continue;
      samples[i].load.push_back((*program)["load_ms"]);
      samples[i].first_run.push_back((*program)["first_run_ms"]);
      samples[i].ratio.push_back((*program)["ratio_to_first"]);
      add_runs(samples[i], (*program)["run_ms"]);
      ++program;
    }
  }
  std::vector<std::optional<Times>> times(subjects.size());
  for (std::size_t i = 0; i < subjects.size(); ++i) {
    if (subjects[i].program) times[i] = samples[i].times();
  }
  return times;
}

PeerTimes measure_peers(std::string_view network, std::size_t num_threads, double steady_ms) {
  const char* python = std::getenv("TESSERA_TORCH_PYTHON");
  if (python == nullptr || network.empty()) return {};
  Samples eager, onnxruntime;
  const auto output = run_command(std::format(
      "cd {} && {} tools/bench_peers.py {} {} {} {} | tail -n 1", quoted(TESSERA_SOURCE_DIR),
      python, network, num_threads, kNumWarmup, kNumRounds * kNumRuns));
  const auto report = output ? nlohmann::json::parse(*output, nullptr, /*allow_exceptions=*/false)
                             : nlohmann::json();
  if (!report.is_object()) {
    std::println(stderr, "{}", output ? *output : output.error().message);
    return {};
  }
  for (const auto& [name, samples] :
       {std::pair("eager", &eager), std::pair("onnxruntime", &onnxruntime)}) {
    if (!report.contains(name) || report[name].is_null()) continue;
    samples->first_run.push_back(report[name]["first_run_ms"]);
    add_runs(*samples, report[name]["run_ms"]);
  }
  const auto times = [&](const Samples& samples) -> std::optional<Times> {
    if (samples.run.empty()) return std::nullopt;
    Times result = samples.times();
    result.ratio = result.steady / steady_ms;
    return result;
  };
  return {times(eager), times(onnxruntime)};
}

std::string cell(const std::optional<double>& value) {
  if (!value) return "–";
  const int digits = *value >= 99.95 ? 0 : *value >= 9.995 ? 1 : 2;
  return std::format("{:.{}f}", *value, digits);
}

std::string ratio_cell(const std::optional<double>& value) {
  return value ? std::format("{:.2f}", *value) : "–";
}

}  // namespace tessera::benchmarks
