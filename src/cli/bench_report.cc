// SPDX-License-Identifier: MIT
#include "cli/bench_report.h"

#include <algorithm>
#include <print>

#include "base/mapped_file.h"
#include "cli/profile_report.h"
#include "cli/statistics.h"

namespace tessera::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr double kMebibyte = 1 << 20;
constexpr double kTail = 0.95;

struct Summary {
  double median = 0, mean = 0, min = 0, p95 = 0;
  double ratio = 1;  ///< to the first program, pair by pair
};

Summary summary_of(const BenchResult& result, const BenchResult& first) {
  return {.median = median_of(result.run_ms),
          .mean = mean_of(result.run_ms),
          .min = std::ranges::min(result.run_ms),
          .p95 = quantile_of(result.run_ms, kTail),
          .ratio = median_ratio(result.run_ms, first.run_ms)};
}

Json json_of(const BenchResult& result, const BenchResult& first, bool has_profile) {
  const Summary summary = summary_of(result, first);
  const ColdStart& cold = result.cold_start;
  Json json = {{"program", result.program},
               {"method", result.method},
               {"inputs", result.inputs},
               {"load_ms", cold.load_ms},
               {"first_run_ms", cold.first_run_ms},
               {"median_ms", summary.median},
               {"mean_ms", summary.mean},
               {"min_ms", summary.min},
               {"p95_ms", summary.p95},
               {"ratio_to_first", summary.ratio},
               {"peak_memory_bytes", cold.peak_bytes},
               {"idle_memory_bytes", cold.idle_bytes},
               {"planned_bytes", result.memory.planned_bytes},
               {"committed_bytes", result.memory.committed_bytes},
               {"workspace_bytes", result.memory.workspace_bytes},
               {"run_ms", result.run_ms}};
  if (has_profile) json["profile"] = profile_json(result.profile);
  return json;
}

}  // namespace

void BenchReport::print() const {
  std::println("{} runs each after {} to warm up{}, threads: {}; milliseconds", num_runs,
               num_warmup_runs, results.size() > 1 ? ", in turn" : "", num_threads);
  std::size_t width = 7;
  for (const BenchResult& result : results) width = std::max(width, result.program.size());
  std::println("{:<{}} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9}  {}", "program", width, "load",
               "first run", "median", "mean", "min", "p95", "peak MiB",
               results.size() > 1 ? "ratio" : "");
  for (const BenchResult& result : results) {
    const Summary summary = summary_of(result, results.front());
    const ColdStart& cold = result.cold_start;
    std::println("{:<{}} {:9.3f} {:9.3f} {:9.3f} {:9.3f} {:9.3f} {:9.3f} {:9.1f}  {}",
                 result.program, width, cold.load_ms, cold.first_run_ms, summary.median,
                 summary.mean, summary.min, summary.p95,
                 static_cast<double>(cold.peak_bytes) / kMebibyte,
                 results.size() > 1 ? std::format("{:.3f}", summary.ratio) : "");
  }
  for (const BenchResult& result : results) {
    std::println("{}, method {}: {:.1f} of {:.1f} planned MiB in use, delegates' workspace {:.1f}",
                 result.program, result.method,
                 static_cast<double>(result.memory.committed_bytes) / kMebibyte,
                 static_cast<double>(result.memory.planned_bytes) / kMebibyte,
                 static_cast<double>(result.memory.workspace_bytes) / kMebibyte);
    for (std::size_t i = 0; i < result.inputs.size(); ++i) {
      std::println("  input {}: {}", i, result.inputs[i]);
    }
    if (has_profile) print_profile(result.profile, num_runs);
  }
}

Result<void> BenchReport::write_json(const std::filesystem::path& path) const {
  Json json = {{"num_threads", num_threads},
               {"num_warmup_runs", num_warmup_runs},
               {"num_runs", num_runs},
               {"programs", Json::array()}};
  for (const BenchResult& result : results) {
    json["programs"].push_back(json_of(result, results.front(), has_profile));
  }
  // Names of files may be no UTF-8: such bytes are replaced.
  const std::string text = json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
  return write_file_atomically(path, std::as_bytes(std::span(text)));
}

}  // namespace tessera::cli
