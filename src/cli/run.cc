// SPDX-License-Identifier: MIT
#include <algorithm>
#include <chrono>
#include <memory>
#include <print>
#include <string>
#include <vector>

#include "base/try.h"
#include "cli/commands.h"
#include "cli/describe_tensor.h"
#include "cli/input_arguments.h"
#include "cli/method_arguments.h"
#include "cli/process_memory.h"
#include "cli/profile_report.h"
#include "cli/statistics.h"
#include "cli/tensor_files.h"
#include "tensor/npy.h"
#include "tessera/image.h"

namespace tessera::cli {
namespace {

using Clock = std::chrono::steady_clock;

struct Options {
  std::string program;
  MethodArguments method;
  InputArguments inputs;
  std::vector<std::string> outputs;
  std::string print = "summary";
  std::size_t num_runs = 1;
  bool time = false;
  bool profile = false;
  bool quiet = false;
};

double milliseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

/// What an image file keeps besides pixels comes from the first input that is one.
Result<void> write_output(const std::string& path, const Tensor& tensor,
                          const InputArguments& inputs) {
  if (is_npy(path)) return write_npy(path, tensor);
  if (is_raw(path)) return write_raw(path, tensor);
  image::SinkOptions sink{inputs.pixels.format(), inputs.pixels.dtype(), std::nullopt};
  const auto like = std::ranges::find_if_not(
      inputs.files, [](const std::string& file) { return is_npy(file) || is_raw(file); });
  if (like != inputs.files.end()) sink.like = *like;
  return image::write_image(path, tensor, sink);
}

struct Times {
  double load = 0, first_run = 0;
  std::vector<double> further_runs;
};

void print_times(const Times& times, const Method& method) {
  std::println("load        {:10.3f} ms", times.load);
  std::println("first run   {:10.3f} ms", times.first_run);
  if (!times.further_runs.empty()) {
    std::println("steady      {:10.3f} ms (median of {})", median_of(times.further_runs),
                 times.further_runs.size());
  }
  const MethodMemory memory = method.memory();
  constexpr double kMebibyte = 1 << 20;
  std::println("planned     {:10.1f} MiB, {:.1f} in use, delegates' workspace {:.1f}",
               static_cast<double>(memory.planned_bytes) / kMebibyte,
               static_cast<double>(memory.committed_bytes) / kMebibyte,
               static_cast<double>(memory.workspace_bytes) / kMebibyte);
  std::println("peak memory {:10.1f} MiB", static_cast<double>(peak_resident_bytes()) / kMebibyte);
}

Result<Times> execute(Method& method, std::size_t num_runs) {
  Times times;
  for (std::size_t i = 0; i < num_runs; ++i) {
    const auto start = Clock::now();
    TRY(method.execute());
    const double milliseconds = milliseconds_since(start);
    if (i == 0) {
      times.first_run = milliseconds;
    } else {
      times.further_runs.push_back(milliseconds);
    }
  }
  return times;
}

Result<void> run(const Options& options) {
  for (const std::string& path : options.outputs) TRY(check_folder_of(path));
  const auto start = Clock::now();
  const LoadedMethod loaded = TRY(options.method.load(options.program, options.profile));
  const double load_milliseconds = milliseconds_since(start);
  Method& method = *loaded.method;
  if (options.outputs.size() > method.num_outputs()) {
    return fail(ErrorCode::kInvalidArgument, "{}: method '{}' has {} outputs, --output names {}",
                options.program, loaded.name, method.num_outputs(), options.outputs.size());
  }
  auto inputs = options.inputs.bind(loaded, /*is_fill_implied=*/false);
  if (!inputs) return with_context(std::move(inputs).error(), options.program);
  auto times = execute(method, options.num_runs);
  if (!times) return with_context(std::move(times).error(), options.program);
  times->load = load_milliseconds;

  for (std::size_t i = 0; i < method.num_outputs(); ++i) {
    const Tensor output = TRY(method.output(i));
    if (i < options.outputs.size()) {
      TRY(write_output(options.outputs[i], output, options.inputs));
    }
    if (options.quiet || options.print == "none") continue;
    std::println("output {}: {} {}", i, output.type_string(), summary_of(output));
    if (options.print == "all") print_elements(output);
  }
  if (options.time) print_times(*times, method);
  if (options.profile) print_profile(method.profile(), options.num_runs);
  return {};
}

}  // namespace

void add_run(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("run", "Run a program on whole inputs");
  command->add_option("program", options->program, "Program (.pte)")->required();
  options->inputs.add_to(*command);
  command
      ->add_option("-o,--output", options->outputs,
                   "Where outputs go, once for each in order: .npy, .bin or .raw, or an image")
      ->allow_extra_args(false);
  options->inputs.pixels.add_writing_to(*command);
  options->method.add_to(*command);
  command->add_option("--repeat", options->num_runs, "How often to run")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command->add_option("--print", options->print, "What to print of the outputs")
      ->check(CLI::IsMember({"none", "summary", "all"}))
      ->capture_default_str();
  command->add_flag("--quiet", options->quiet, "The same as --print none");
  command->add_flag("--time", options->time, "Print times and peak memory");
  command->add_flag("--profile", options->profile,
                    "Print the time of every operator and instruction, the first run included");
  command->callback([options] { finish(run(*options)); });
}

}  // namespace tessera::cli
