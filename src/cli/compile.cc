// SPDX-License-Identifier: MIT
#include "tessera/compile.h"

#include <cstdio>
#include <memory>
#include <print>
#include <regex>

#include "cli/commands.h"

namespace tessera::cli {
namespace {

struct Options {
  std::string model;
  std::string output;
  std::string backend = "xnnpack";
  std::vector<std::string> dims;
  std::string dump_ir;
  std::string stop_after;
  std::vector<std::string> skip;
  bool explain = false;
  bool time_passes = false;
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

void print_placements(const CompileReport& report) {
  std::size_t num_delegated = 0;
  for (const NodePlacement& placement : report.placements) {
    num_delegated += placement.is_delegated ? 1 : 0;
    if (placement.is_delegated) {
      std::println("delegated  {}", placement.node);
    } else {
      std::println("portable   {}: {}", placement.node, placement.reason);
    }
  }
  std::println("{} of {} nodes in {} delegate{}", num_delegated, report.placements.size(),
               report.num_delegates, report.num_delegates == 1 ? "" : "s");
}

Result<void> run(const Options& options) {
  CompileOptions compile_options{
      .backend = options.backend == "portable" ? Backend::kPortable : Backend::kXnnpack,
      .skip = options.skip};
  for (const std::string& text : options.dims) {
    auto dim = parse_dim(text);
    if (!dim) return std::unexpected(std::move(dim).error());
    compile_options.dims.push_back(*std::move(dim));
  }
  if (!options.dump_ir.empty()) compile_options.dump_ir = options.dump_ir;
  if (!options.stop_after.empty()) compile_options.stop_after = options.stop_after;

  auto report = compile(options.model, options.output, compile_options);
  if (!report) return std::unexpected(std::move(report).error());
  if (options.explain) print_placements(*report);
  if (options.time_passes) {
    for (const PassTime& time : report->times) {
      std::println("{:9.3f} ms  {}", time.milliseconds, time.name);
    }
  }
  if (report->file_bytes == 0) return {};  // stopped on request
  std::println("{}: {} bytes, {} delegate{}, {} bytes planned at the upper bound", options.output,
               report->file_bytes, report->num_delegates, report->num_delegates == 1 ? "" : "s",
               report->planned_bytes);
  return {};
}

}  // namespace

void add_compile(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("compile", "Compile a .pt2 model to a .pte program");
  command->add_option("model", options->model, "torch.export archive (.pt2)")->required();
  command->add_option("-o,--output", options->output, "Program to write (.pte)")->required();
  command->add_option("--backend", options->backend, "Where the operators run")
      ->check(CLI::IsMember({"xnnpack", "portable"}))
      ->capture_default_str();
  command->add_option("--dim", options->dims,
                      "New range of a dynamic size: INPUT:DIMENSION=MIN..MAX");
  command->add_flag("--explain", options->explain,
                    "Say of every node whether it is delegated, or why not");
  command->add_flag("--time-passes", options->time_passes, "Print the time of every step");
  command->add_option("--dump-ir", options->dump_ir, "Folder for the graph after every step");
  command->add_option("--stop-after", options->stop_after, "Step to stop after; writes no program");
  command->add_option("--skip", options->skip, "Step to leave out");
  command->callback([options] { finish(run(*options)); });
}

}  // namespace tessera::cli
