// SPDX-License-Identifier: MIT
#include "tessera/compile.h"

#include <malloc.h>

#include <cstdio>
#include <format>
#include <memory>
#include <optional>
#include <print>
#include <regex>

#include "cli/commands.h"
#include "cli/quantize_arguments.h"
#include "tessera/named_models.h"

namespace tessera::cli {
namespace {

struct Options {
  std::string model;
  std::vector<std::string> methods;
  std::string data_file;
  std::string named_model;
  std::string weights;
  std::uint64_t seed = 0;
  std::string size;
  std::optional<std::int64_t> num_classes;
  std::string output;
  std::string backend = "xnnpack";
  std::vector<std::string> dims;
  std::string dump_ir;
  std::string stop_after;
  std::vector<std::string> skip;
  bool explain = false;
  bool time_passes = false;
  QuantizeArguments quantize;
};

/// "x:2=256..2048"
Result<DimOverride> parse_dim(const std::string& text) {
  static const std::regex kForm(R"(([^:=]+):(\d{1,2})=(\d{1,18})\.\.(\d{1,18}))");
  std::smatch match;
  if (!std::regex_match(text, match, kForm)) {
    return fail(ErrorCode::kInvalidArgument,
                "--dim {}: expected INPUT:DIMENSION=MIN..MAX, for example x:2=256..2048", text);
  }
  const DimOverride dim{.input = match[1],
                        .dim = std::stoul(match[2]),
                        .min = std::stoll(match[3]),
                        .max = std::stoll(match[4])};
  if (dim.min < 1 || dim.min > dim.max) {
    return fail(ErrorCode::kInvalidArgument, "--dim {}: expected 1 <= MIN <= MAX", text);
  }
  return dim;
}

/// "224" or "240x320": height and width
Result<std::pair<std::int64_t, std::int64_t>> parse_size(const std::string& text) {
  static const std::regex kForm(R"((\d{1,9})(?:x(\d{1,9}))?)");
  std::smatch match;
  if (!std::regex_match(text, match, kForm)) {
    return fail(ErrorCode::kInvalidArgument, "--size {}: expected N or HEIGHTxWIDTH", text);
  }
  const std::int64_t height = std::stoll(match[1]);
  return std::pair(height, match[2].matched ? std::stoll(match[2]) : height);
}

/// "h=64..2048"
Result<void> set_named_dim(const std::string& text, NamedModelOptions& options) {
  static const std::regex kForm(R"(([hw])=(\d{1,9})\.\.(\d{1,9}))");
  std::smatch match;
  if (!std::regex_match(text, match, kForm)) {
    return fail(ErrorCode::kInvalidArgument,
                "--dim {}: for a named model expected h=MIN..MAX or w=MIN..MAX", text);
  }
  (match[1] == "h" ? options.height : options.width) =
      SizeRange{std::stoll(match[2]), std::stoll(match[3])};
  return {};
}

Result<GraphBuilder> build(const Options& options) {
  NamedModelOptions named{.weights = Weights::seeded(options.seed),
                          .num_classes = options.num_classes};
  if (!options.size.empty()) {
    const auto size = parse_size(options.size);
    if (!size) return std::unexpected(size.error());
    named.height = SizeRange{size->first, size->first};
    named.width = SizeRange{size->second, size->second};
  }
  for (const std::string& text : options.dims) {
    const auto set = set_named_dim(text, named);
    if (!set) return std::unexpected(set.error());
  }
  if (!options.weights.empty()) {
    auto weights = Weights::read(options.weights);
    if (!weights) return std::unexpected(std::move(weights).error());
    named.weights = *std::move(weights);
  }
  return build_named_model(options.named_model, named);
}

void print_named_models() {
  for (const NamedModel& model : named_models()) {
    const std::string size =
        std::format("f32[1,{},{},{}]", model.channels, model.height, model.width);
    std::println("{:10} {:18} {}", model.name, size, model.description);
  }
}

/// "encode=encoder.pt2"
Result<MethodSource> parse_method(const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals == 0 || equals == std::string::npos || equals + 1 == text.size()) {
    return fail(ErrorCode::kInvalidArgument, "--method {}: expected NAME=FILE", text);
  }
  return MethodSource{text.substr(0, equals), text.substr(equals + 1)};
}

/// One file, several or a named model, as the options say.
Result<CompileReport> compile_model(const Options& options, CompileOptions compile_options) {
  if (options.named_model.empty()) {
    for (const std::string& text : options.dims) {
      auto dim = parse_dim(text);
      if (!dim) return std::unexpected(std::move(dim).error());
      compile_options.dims.push_back(*std::move(dim));
    }
    std::vector<MethodSource> methods;
    if (!options.model.empty()) methods.push_back({.model = options.model});
    for (const std::string& text : options.methods) {
      auto method = parse_method(text);
      if (!method) return std::unexpected(std::move(method).error());
      methods.push_back(*std::move(method));
    }
    return compile(methods, options.output, compile_options);
  }
  auto network = build(options);
  if (!network) return std::unexpected(std::move(network).error());
  auto report = compile(*std::move(network), options.output, compile_options);
  if (report) return report;
  const std::string place = options.weights.empty() ? "" : std::format(" with {}", options.weights);
  return with_context(std::move(report).error(),
                      std::format("model '{}'{}", options.named_model, place));
}

/// "5.73 G " for 5.73e9.
std::string with_unit(double count) {
  for (const auto& [size, unit] :
       {std::pair(1e12, " T "), {1e9, " G "}, {1e6, " M "}, {1e3, " k "}}) {
    if (count >= size) return std::format("{:.3g}{}", count / size, unit);
  }
  return std::format("{:.0f} ", count);
}

void print_placements(const CompileReport& report) {
  std::size_t num_delegated = 0;
  double arithmetic = 0, delegated_arithmetic = 0;
  for (const NodePlacement& placement : report.placements) {
    arithmetic += placement.arithmetic;
    if (placement.is_delegated) {
      ++num_delegated;
      delegated_arithmetic += placement.arithmetic;
      std::println("delegated  {}", placement.node);
    } else {
      std::println("portable   {}: {}", placement.node, placement.reason);
    }
  }
  std::println("{} of {} nodes in {} delegate{}, {:.1f} % of {}multiplications", num_delegated,
               report.placements.size(), report.num_delegates, report.num_delegates == 1 ? "" : "s",
               arithmetic == 0 ? 0 : 100 * delegated_arithmetic / arithmetic,
               with_unit(arithmetic));
}

Result<void> run(const Options& options) {
  if (options.named_model == "list") {
    print_named_models();
    return {};
  }
  CompileOptions compile_options{
      .backend = options.backend == "portable" ? Backend::kPortable : Backend::kXnnpack,
      .skip = options.skip};
  if (!options.data_file.empty()) compile_options.data_file = options.data_file;
  if (!options.dump_ir.empty()) compile_options.dump_ir = options.dump_ir;
  if (!options.stop_after.empty()) compile_options.stop_after = options.stop_after;

  auto quantize = quantize_options(options.quantize);
  if (!quantize) return std::unexpected(std::move(quantize).error());
  compile_options.quantize = *std::move(quantize);
  // Calibration makes and drops the same large tensors again and again: kept by the allocator, they
  // need no new pages from the kernel each time.
  if (compile_options.quantize) {
    mallopt(M_MMAP_THRESHOLD, 1 << 30);
    mallopt(M_TRIM_THRESHOLD, 1 << 30);
  }

  auto report = compile_model(options, compile_options);
  if (!report) return std::unexpected(std::move(report).error());
  if (options.explain) print_placements(*report);
  if (options.time_passes) {
    for (const PassTime& time : report->times) {
      std::println("{:9.3f} ms  {}", time.milliseconds, time.name);
    }
  }
  print_quantization(*report, options.quantize);
  if (report->file_bytes == 0) return {};  // stopped on request
  std::println("{}: {} bytes, {} delegate{}, {} bytes planned at the upper bound ({} live)",
               options.output, report->file_bytes, report->num_delegates,
               report->num_delegates == 1 ? "" : "s", report->planned_bytes, report->live_bytes);
  if (report->data_bytes > 0) {
    std::println("{}: {} bytes of weights", options.data_file, report->data_bytes);
  }
  return {};
}

}  // namespace

void add_compile(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("compile", "Compile a .pt2 model to a .pte program");
  CLI::Option_group* source = command->add_option_group("source");
  source->add_option("file", options->model, "torch.export archive (.pt2)");
  CLI::Option* named = source->add_option("--model", options->named_model,
                                          "Named model instead of a file; 'list' lists them");
  source->add_option("--method", options->methods,
                     "One method of several, NAME=FILE; once for each");
  source->require_option(1);
  command->add_option("-o,--output", options->output, "Program to write (.pte)");
  command->add_option("--data-file", options->data_file,
                      "Write the weights to this file (.ptd) instead of the program");
  command
      ->add_option("--weights", options->weights,
                   "Weights of a named model: .safetensors or a state_dict (.pth)")
      ->needs(named);
  command->add_option("--seed", options->seed, "Seed of a named model's weights without a file")
      ->needs(named)
      ->excludes("--weights");
  command->add_option("--size", options->size, "Input of a named model: N or HEIGHTxWIDTH")
      ->needs(named);
  command->add_option("--classes", options->num_classes, "Classes that a named model tells apart")
      ->needs(named);
  command->add_option("--backend", options->backend, "Where the operators run")
      ->check(CLI::IsMember({"xnnpack", "portable"}))
      ->capture_default_str();
  command->add_option("--dim", options->dims,
                      "New range of a dynamic size: INPUT:DIMENSION=MIN..MAX; of a named model: "
                      "h=MIN..MAX, w=MIN..MAX");
  command->add_flag("--explain", options->explain,
                    "Say of every node whether it is delegated, or why not");
  command->add_flag("--time-passes", options->time_passes, "Print the time of every step");
  command->add_option("--dump-ir", options->dump_ir, "Folder for the graph after every step");
  command->add_option("--stop-after", options->stop_after, "Step to stop after; writes no program");
  command->add_option("--skip", options->skip, "Step to leave out");
  options->quantize.add_to(*command);
  command->callback([options] {
    if (options->output.empty() && options->named_model != "list") {
      throw CLI::RequiredError("--output");
    }
    finish(run(*options));
  });
}

}  // namespace tessera::cli
