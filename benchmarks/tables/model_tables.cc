// SPDX-License-Identifier: MIT
#include "benchmarks/tables/model_tables.h"

#include <array>
#include <format>
#include <print>
#include <vector>

#include "base/thread_pool.h"
#include "base/try.h"
#include "benchmarks/tables/command.h"
#include "benchmarks/tables/measure.h"

namespace tessera::benchmarks {
namespace {

struct MobileModel {
  Model model;
  std::string_view torchvision;
};
constexpr std::array kMobileModels = {
    MobileModel{{"mv2", "--model mv2", "", "mv2"}, "mobilenet_v2"},
    MobileModel{{"mv3_small", "--model mv3_small", "", "mv3_small"}, "mobilenet_v3_small"},
    MobileModel{{"mv3_large", "--model mv3_large", "", ""}, "mobilenet_v3_large"}};

/// `demo` is three 3x3 convolutions of 1, 8, 8 and 1 channels.
constexpr std::array kInt8Models = {
    Model{"mv2", "--model mv2", "", "mv2"},
    Model{"mv3_small", "--model mv3_small", "", "mv3_small"},
    Model{"resnet18", "--model resnet18", "", ""},
    Model{"unet", TESSERA_SOURCE_DIR "/tests/data/fixtures/unet/model.pt2", "", "unet"},
    Model{"demo, 288x288", TESSERA_SOURCE_DIR "/tests/data/fixtures/demodyn/model.pt2",
          "0:1,1,288,288", "demo288"}};

constexpr Variant kFloat = {}, kInt8 = {.is_int8 = true}, kPortableFloat = {.is_portable = true},
                  kPortableInt8 = {.is_portable = true, .is_int8 = true};

std::vector<Subject> subjects_of(const Model& model, std::span<const Variant> variants,
                                 Programs& programs) {
  std::vector<Subject> subjects;
  for (const Variant& variant : variants) {
    subjects.push_back({std::string(name_of(variant)), programs.find(model, variant)});
  }
  subjects.push_back({"ExecuTorch's int8 program", executorch_int8(model)});
  return subjects;
}

/// One, and as many as there are processors.
std::vector<std::size_t> thread_counts() {
  std::vector<std::size_t> counts = {1};
  if (ThreadPool::num_processors() > 1) counts.push_back(ThreadPool::num_processors());
  return counts;
}

std::string cells_of(const std::optional<Times>& times) {
  if (!times) return " – | – | – | – |";
  return std::format(" {} | {} | {} | {} |", cell(times->load), cell(times->first_run),
                     cell(times->steady), ratio_cell(times->ratio));
}

Result<void> check_first(const Model& model, const std::vector<Subject>& subjects) {
  if (subjects.front().program) return {};
  return fail(ErrorCode::kInternal, "{} cannot be compiled", model.name);
}

/// Rows of one model, in the order of the subjects with the peers behind, one thread count a
/// column.
Result<std::string> rows_of(const MobileModel& mobile, Programs& programs) {
  constexpr std::array kVariants = {kFloat, kInt8, kPortableFloat, kPortableInt8};
  const std::vector<Subject> subjects = subjects_of(mobile.model, kVariants, programs);
  TRY(check_first(mobile.model, subjects));
  std::vector<std::string> rows;
  for (const Subject& subject : subjects) rows.push_back(subject.name);
  rows.emplace_back("PyTorch eager");
  rows.emplace_back("onnxruntime");
  for (std::string& row : rows) row = std::format("| {} | {} |", mobile.model.name, row);
  for (const std::size_t num_threads : thread_counts()) {
    std::println(stderr, "{}, threads: {}", mobile.model.name, num_threads);
    auto times = TRY(measure(subjects, mobile.model, num_threads));
    const PeerTimes peers = measure_peers(mobile.torchvision, num_threads, times.front()->steady);
    times.push_back(peers.eager);
    times.push_back(peers.onnxruntime);
    for (std::size_t i = 0; i < rows.size(); ++i) rows[i] += cells_of(times[i]);
  }
  std::string text;
  for (const std::string& row : rows) text += row + "\n";
  return text;
}

/// SQNR of the second program's output on random inputs, "24.5 dB".
std::string sqnr_cell(const Model& model, const Subject& first, const Subject& second) {
  if (!first.program || !second.program) return "–";
  std::string arguments =
      std::format("compare {} {} --fill random --outputs-only", quoted(first.program->string()),
                  quoted(second.program->string()));
  if (!model.shape.empty()) arguments += std::format(" --shape {}", model.shape);
  const auto report = run_tessera_for_json(arguments);
  if (!report) {
    std::println(stderr, "{}", report.error().message);
    return "–";
  }
  const auto& sqnr = (*report)["outputs"][0]["sqnr_db"];
  return sqnr.is_null() ? "–" : std::format("{:.1f} dB", sqnr.get<double>());
}

}  // namespace

Result<std::string> mobile_table(Programs& programs) {
  std::string text = "| model | program |", rule = "| --- | --- |";
  for (const std::size_t num_threads : thread_counts()) {
    text += std::format(" load, {0} thread{1} | first run | steady | ratio |", num_threads,
                        num_threads == 1 ? "" : "s");
    rule += " ---: | ---: | ---: | ---: |";
  }
  text += "\n" + rule + "\n";
  for (const MobileModel& mobile : kMobileModels) text += TRY(rows_of(mobile, programs));
  return text;
}

Result<std::string> int8_table(Programs& programs) {
  std::string text =
      "| model | fp32 | int8 | int8 / fp32 | ExecuTorch's int8 program | over fp32 | SQNR of int8 "
      "|\n"
      "| --- | ---: | ---: | ---: | ---: | ---: | ---: |\n";
  for (const Model& model : kInt8Models) {
    std::println(stderr, "{}, int8 and fp32", model.name);
    constexpr std::array kVariants = {kFloat, kInt8};
    const std::vector<Subject> subjects = subjects_of(model, kVariants, programs);
    TRY(check_first(model, subjects));
    const auto times = TRY(measure(subjects, model, 1));
    const auto steady = [&](std::size_t i) {
      return times[i] ? std::optional(times[i]->steady) : std::nullopt;
    };
    const auto ratio = [&](std::size_t i) {
      return times[i] ? std::optional(times[i]->ratio) : std::nullopt;
    };
    text += std::format("| {} | {} | {} | {} | {} | {} | {} |\n", model.name, cell(steady(0)),
                        cell(steady(1)), ratio_cell(ratio(1)), cell(steady(2)),
                        ratio_cell(ratio(2)), sqnr_cell(model, subjects[0], subjects[1]));
  }
  return text;
}

}  // namespace tessera::benchmarks
