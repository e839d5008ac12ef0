// SPDX-License-Identifier: MIT
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <limits>
#include <memory>
#include <print>
#include <string>
#include <vector>

#include "base/try.h"
#include "cli/commands.h"
#include "cli/image_files.h"
#include "image/whole_image.h"
#include "tensor/npy.h"
#include "tessera/program.h"

namespace tessera::cli {
namespace {

using Clock = std::chrono::steady_clock;

struct Options {
  std::string program;
  std::vector<std::string> inputs, outputs;
  PixelArguments pixels;
  std::string method = "forward";
  std::size_t num_threads = 1;
  std::size_t num_runs = 1;
  bool time = false;
  bool quiet = false;
};

double milliseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

Result<Tensor> read_input(const std::string& path, const Options& options) {
  if (is_npy(path)) return read_npy(path);
  return image::read_image(path, options.pixels.format());
}

/// What an image file keeps besides pixels comes from the first input that is one.
Result<void> write_output(const std::string& path, const Tensor& tensor, const Options& options) {
  if (is_npy(path)) return write_npy(path, tensor);
  image::SinkOptions sink{options.pixels.format(), options.pixels.dtype(), std::nullopt};
  const auto like = std::ranges::find_if_not(options.inputs, is_npy);
  if (like != options.inputs.end()) sink.like = *like;
  return image::write_image(path, tensor, sink);
}

template <class T>
std::string statistics_of(const Tensor& tensor) {
  double min = std::numeric_limits<double>::infinity(), max = -min, sum = 0;
  for (const T element : tensor.elements<T>()) {
    const auto value = static_cast<double>(element);
    min = std::min(min, value);
    max = std::max(max, value);
    sum += value;
  }
  return std::format("min {:.6g}, max {:.6g}, mean {:.6g}", min, max,
                     sum / static_cast<double>(tensor.num_elements()));
}

/// Empty for element types that nobody would look at this way.
std::string describe_elements(const Tensor& tensor) {
  if (tensor.num_elements() == 0) return "no elements";
  switch (tensor.dtype()) {
    case DType::kF32:
      return statistics_of<float>(tensor);
    case DType::kF64:
      return statistics_of<double>(tensor);
    case DType::kU8:
      return statistics_of<std::uint8_t>(tensor);
    case DType::kI8:
      return statistics_of<std::int8_t>(tensor);
    case DType::kI32:
      return statistics_of<std::int32_t>(tensor);
    case DType::kI64:
      return statistics_of<std::int64_t>(tensor);
    case DType::kBool:
      return statistics_of<bool>(tensor);
    default:
      return "";
  }
}

struct Times {
  double load = 0, first_run = 0;
  std::vector<double> further_runs;
};

void print_times(Times times, const Method& method) {
  std::println("load        {:10.3f} ms", times.load);
  std::println("first run   {:10.3f} ms", times.first_run);
  if (!times.further_runs.empty()) {
    std::ranges::sort(times.further_runs);
    std::println("steady      {:10.3f} ms (median of {})",
                 times.further_runs[times.further_runs.size() / 2], times.further_runs.size());
  }
  const MethodMemory memory = method.memory();
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  constexpr double kMebibyte = 1 << 20;
  std::println("planned     {:10.1f} MiB, {:.1f} in use, delegates' workspace {:.1f}",
               static_cast<double>(memory.planned_bytes) / kMebibyte,
               static_cast<double>(memory.committed_bytes) / kMebibyte,
               static_cast<double>(memory.workspace_bytes) / kMebibyte);
  std::println("peak memory {:10.1f} MiB", static_cast<double>(usage.ru_maxrss) / 1024);
}

Result<void> check_counts(const Options& options, const Method& method) {
  if (options.inputs.size() != method.num_inputs()) {
    return fail(ErrorCode::kInvalidArgument, "{}: method '{}' has {} inputs, --input names {}",
                options.program, options.method, method.num_inputs(), options.inputs.size());
  }
  if (options.outputs.size() > method.num_outputs()) {
    return fail(ErrorCode::kInvalidArgument, "{}: method '{}' has {} outputs, --output names {}",
                options.program, options.method, method.num_outputs(), options.outputs.size());
  }
  return {};
}

Result<void> run(const Options& options) {
  Times times;
  auto start = Clock::now();
  const auto program = TRY(Program::load(std::filesystem::path(options.program)));
  const auto method =
      TRY(program->load_method(options.method, {.num_threads = options.num_threads}));
  times.load = milliseconds_since(start);
  TRY(check_counts(options, *method));

  std::vector<Tensor> inputs;
  for (std::size_t i = 0; i < options.inputs.size(); ++i) {
    inputs.push_back(TRY(read_input(options.inputs[i], options)));
    auto bound = method->bind_input(i, inputs.back());
    if (!bound) return with_context(std::move(bound).error(), options.inputs[i]);
  }
  for (std::size_t i = 0; i < options.num_runs; ++i) {
    start = Clock::now();
    TRY(method->execute());
    const double milliseconds = milliseconds_since(start);
    if (i == 0) {
      times.first_run = milliseconds;
    } else {
      times.further_runs.push_back(milliseconds);
    }
  }
  for (std::size_t i = 0; i < method->num_outputs(); ++i) {
    const Tensor output = TRY(method->output(i));
    if (i < options.outputs.size()) TRY(write_output(options.outputs[i], output, options));
    if (!options.quiet) {
      std::println("output {}: {} {}", i, output.type_string(), describe_elements(output));
    }
  }
  if (options.time) print_times(std::move(times), *method);
  return {};
}

}  // namespace

void add_run(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("run", "Run a program on whole inputs");
  command->add_option("program", options->program, "Program (.pte)")->required();
  command->add_option("-i,--input", options->inputs, "Input, once for each: .npy or an image");
  command->add_option("-o,--output", options->outputs, "Where outputs go, in order: .npy or image");
  command->add_option("--method", options->method, "Method to run")->capture_default_str();
  command->add_option("--threads", options->num_threads, "Threads; 0: all processors")
      ->capture_default_str();
  command->add_option("--repeat", options->num_runs, "How often to run")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command->add_flag("--time", options->time, "Print times and peak memory");
  command->add_flag("--quiet", options->quiet, "Print nothing of the outputs");
  options->pixels.add_to(*command);
  command->callback([options] { finish(run(*options)); });
}

}  // namespace tessera::cli
