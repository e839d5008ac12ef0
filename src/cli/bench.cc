// SPDX-License-Identifier: MIT
#include <chrono>
#include <memory>
#include <print>
#include <string>
#include <thread>
#include <vector>

#include "base/thread_pool.h"
#include "base/try.h"
#include "cli/bench_report.h"
#include "cli/commands.h"
#include "cli/input_arguments.h"
#include "cli/method_arguments.h"
#include "cli/tensor_files.h"

namespace tessera::cli {
namespace {

using Clock = std::chrono::steady_clock;

struct Options {
  std::vector<std::string> programs;
  MethodArguments method;
  InputArguments inputs;
  std::size_t num_warmup_runs = 10, num_runs = 50;
  bool profile = false;
  std::string json;
};

double milliseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

/// A program that is loaded, with its inputs. Errors name the program.
class Subject {
 public:
  static Result<Subject> load(const std::string& path, const Options& options, bool profile) {
    Subject subject;
    subject.path_ = path;
    const auto start = Clock::now();
    subject.loaded_ = TRY(options.method.load(path, profile));
    subject.load_ms_ = milliseconds_since(start);
    auto inputs = options.inputs.bind(subject.loaded_, /*is_fill_implied=*/true);
    if (!inputs) return with_context(std::move(inputs).error(), path);
    subject.inputs_ = *std::move(inputs);
    return subject;
  }

  double load_ms() const { return load_ms_; }
  const LoadedMethod& loaded() const { return loaded_; }
  Method& method() const { return *loaded_.method; }
  const std::vector<PreparedInput>& inputs() const { return inputs_; }
  /// Runs the method; milliseconds.
  Result<double> run() const {
    const auto start = Clock::now();
    auto done = method().execute();
    const double milliseconds = milliseconds_since(start);
    if (!done) return with_context(std::move(done).error(), path_);
    return milliseconds;
  }

 private:
  std::string path_;
  double load_ms_ = 0;
  std::vector<PreparedInput> inputs_;  // before the method, which points into them
  LoadedMethod loaded_;
};

/// Everything up to the first result, in a process that does nothing else.
Result<ColdStart> start_cold(const std::string& path, const Options& options) {
  return measure_cold_start(path, [&](ColdStart& cold) -> Result<void> {
    const Subject subject = TRY(Subject::load(path, options, /*profile=*/false));
    cold.load_ms = subject.load_ms();
    cold.first_run_ms = TRY(subject.run());
    return {};
  });
}

/// Waits until the threads of the program that ran before sleep: idle threads of pthreadpool look
/// for more work for about 20 ms before they give up their processor, which the next program would
/// miss.
void let_threads_sleep() { std::this_thread::sleep_for(std::chrono::milliseconds(100)); }

/// Warm-up and measured runs of all programs in turn, so that a machine that drifts drifts for all.
Result<void> run_in_turn(const std::vector<Subject>& subjects, const Options& options,
                         std::vector<BenchResult>& results) {
  const bool do_threads_disturb = subjects.size() > 1 && options.method.num_threads != 1;
  for (const Subject& subject : subjects) static_cast<void>(TRY(subject.run()));
  for (std::size_t round = 0; round < options.num_warmup_runs + options.num_runs; ++round) {
    for (std::size_t i = 0; i < subjects.size(); ++i) {
      if (do_threads_disturb) {
        let_threads_sleep();
        static_cast<void>(TRY(subjects[i].run()));  // wakes its own threads
      }
      const double milliseconds = TRY(subjects[i].run());
      if (round >= options.num_warmup_runs) results[i].run_ms.push_back(milliseconds);
    }
  }
  return {};
}

/// In runs of their own: times without a profile stay what they are without one.
Result<std::vector<ProfileRecord>> profile_of(const std::string& path, const Options& options) {
  const Subject subject = TRY(Subject::load(path, options, /*profile=*/true));
  for (std::size_t i = 0; i <= options.num_warmup_runs; ++i) static_cast<void>(TRY(subject.run()));
  subject.method().clear_profile();
  for (std::size_t i = 0; i < options.num_runs; ++i) static_cast<void>(TRY(subject.run()));
  return subject.method().profile();
}

Result<void> bench(const Options& options) {
  BenchReport report{.num_threads = options.method.num_threads,
                     .num_warmup_runs = options.num_warmup_runs,
                     .num_runs = options.num_runs,
                     .has_profile = options.profile};
  if (!options.json.empty()) TRY(check_folder_of(options.json));
  if (report.num_threads == 0) report.num_threads = ThreadPool::num_processors();
  for (const std::string& path : options.programs) {
    report.results.push_back({.program = path, .cold_start = TRY(start_cold(path, options))});
  }
  std::vector<Subject> subjects;
  for (BenchResult& result : report.results) {
    subjects.push_back(TRY(Subject::load(result.program, options, /*profile=*/false)));
    result.method = subjects.back().loaded().name;
    for (const PreparedInput& input : subjects.back().inputs()) {
      result.inputs.push_back(std::format("{}: {}", input.tensor.type_string(), input.origin));
    }
  }
  TRY(run_in_turn(subjects, options, report.results));
  for (std::size_t i = 0; i < subjects.size(); ++i) {
    report.results[i].memory = subjects[i].method().memory();
  }
  subjects.clear();
  if (options.profile) {
    for (BenchResult& result : report.results) {
      result.profile = TRY(profile_of(result.program, options));
    }
  }
  report.print();
  if (!options.json.empty()) TRY(report.write_json(options.json));
  return {};
}

}  // namespace

void add_bench(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("bench", "Measure programs, several in turn");
  command->add_option("programs", options->programs, "Programs (.pte)")->required();
  options->inputs.add_to(*command);
  options->method.add_to(*command);
  command->add_option("--warmup", options->num_warmup_runs, "Runs before the measured ones")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command->add_option("--runs", options->num_runs, "Measured runs")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command->add_flag("--profile", options->profile,
                    "Print the time of every operator and instruction, from further runs");
  command->add_option("--json", options->json, "Write all numbers to this file too");
  command->footer(
      "Load, first run and peak memory are those of a process of its own for every program, which "
      "loads it, makes its inputs, runs it once and ends; peak memory is all that this process had "
      "resident, with libraries and the pages of the program's file that it touched.");
  command->callback([options] { finish(bench(*options)); });
}

}  // namespace tessera::cli
