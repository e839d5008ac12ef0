// SPDX-License-Identifier: MIT
// The whole compile chain on one page.
#include <algorithm>
#include <format>
#include <functional>
#include <map>
#include <memory>
#include <span>

#include "base/mapped_file.h"
#include "base/try.h"
#include "compile/emit_pte.h"
#include "compile/import_pt2.h"
#include "compile/import_symbols.h"
#include "compile/partition.h"
#include "compile/pass_runner.h"
#include "compile/plan_memory.h"
#include "formats/pt2.h"
#include "models/build_state.h"
#include "ops/arithmetic.h"
#include "ops/registry.h"
#include "passes/passes.h"
#include "quantize/quantize.h"
#include "tessera/compile.h"

namespace tessera {
namespace {

using compiler::PassRunner;
using compiler::Placement;

/// Gives the graph as it is before all passes.
using GraphSource = std::function<Result<ir::Graph>(std::vector<BufferState>& states)>;

struct NamedSource {
  std::string name;  ///< of the method
  GraphSource graph;
  std::shared_ptr<const FileBytes> file;  ///< that the graph's constants view, if any
};

Result<ir::Graph> import_file(const std::filesystem::path& model,
                              const std::shared_ptr<const FileBytes>& file,
                              const CompileOptions& options, std::vector<BufferState>& states) {
  const auto exported = pt2::read(file);
  if (!exported) return with_context(exported.error(), model.string());
  auto imported = import_graph(*exported, options.dims, ops::find_operator, &states);
  if (!imported) return with_context(std::move(imported).error(), model.string());
  return imported;
}

Result<ir::Graph> finish_with_dims(GraphBuilder builder, const CompileOptions& options) {
  ir::Graph graph = TRY(finish(std::move(builder)));
  std::vector<InputDims> inputs;
  for (const ir::ValueId id : graph.inputs()) {
    inputs.push_back({graph.value(id).name, graph.value(id).type.dims});
  }
  std::map<std::string, pt2::Range, std::less<>> ranges;
  for (const auto& [symbol, range] : graph.symbols) ranges[symbol] = {range.min, range.max};
  graph.symbols = TRY(resolve_ranges(inputs, ranges, options.dims));
  return graph;
}

/// From the source to a graph that holds delegate calls and kernel calls only.
Result<ir::Graph> make_graph(const NamedSource& source, const CompileOptions& options,
                             PassRunner& runner, std::vector<Placement>& placements,
                             std::vector<BufferState>& states, CompileReport& report) {
  ir::Graph graph;
  TRY(runner.run("import", graph, [&](ir::Graph& result) -> Result<void> {
    result = TRY(source.graph(states));
    return {};
  }));
  const bool is_delegated = options.backend == Backend::kXnnpack;
  const auto run_all = [&](std::span<const passes::Pass> pipeline) -> Result<void> {
    for (const passes::Pass& pass : pipeline) {
      TRY(runner.run(pass.name, graph, pass.run));
      // Most of what a pass has read of the weights is folded into others now.
      if (source.file != nullptr) source.file->give_back({source.file->bytes()});
    }
    return {};
  };
  // A quantized program is the same one on both backends, layer by layer.
  const bool is_whole = is_delegated || options.quantize.has_value();
  TRY(run_all(is_whole ? passes::xnnpack_pipeline() : passes::standard_pipeline()));
  if (options.quantize) {
    TRY(runner.run("quantize", graph, [&](ir::Graph& whole) -> Result<void> {
      report.quantization.push_back(TRY(quantize::quantize(whole, *options.quantize)));
      return {};
    }));
    if (!is_delegated) TRY(run_all(passes::remainder_pipeline()));
  }
  if (is_delegated) {
    TRY(runner.run("partition", graph, [&](ir::Graph& whole) -> Result<void> {
      placements = TRY(compiler::partition(whole));
      return {};
    }));
    TRY(run_all(passes::remainder_pipeline()));
    TRY(runner.run("lower_partitions", graph, compiler::lower_partitions));
  }
  TRY(runner.check_names());
  return graph;
}

void add_to_report(const ir::Graph& graph, const CompileOptions& options,
                   const std::vector<Placement>& placements, PassRunner& runner,
                   CompileReport& report) {
  for (PassTime& time : runner.take_times()) report.times.push_back(std::move(time));
  for (const Placement& placement : placements) {
    report.placements.push_back({.node = placement.node,
                                 .is_delegated = !placement.reason.has_value(),
                                 .reason = placement.reason.value_or(""),
                                 .arithmetic = placement.arithmetic});
  }
  for (const ir::NodeId id : graph.nodes()) {
    const ir::Node& node = graph.node(id);
    if (node.delegate != nullptr) ++report.num_delegates;
    if (options.backend == Backend::kPortable) {
      report.placements.push_back({.node = ir::describe(graph, node),
                                   .reason = "compiled for portable kernels",
                                   .arithmetic = ops::arithmetic_of(graph, node)});
    }
  }
}

/// A method's graph and where its values lie.
struct Method {
  ir::Graph graph;
  std::vector<BufferState> states;
  compiler::MemoryPlan plan;
  std::string quantization;  ///< for the file
};

/// What whoever has the program only needs to know: on what ranges were measured, and what numbers
/// integers at its edges stand for.
std::string quantization_text(const QuantizationReport& report) {
  std::string text =
      std::format("calibrated on {} {}samples, output SQNR {:.1f} dB\n", report.num_samples,
                  report.is_random ? "random " : "", report.output_sqnr_db);
  const auto add = [&](std::string_view what, const std::vector<QuantizedEdge>& edges) {
    for (const QuantizedEdge& edge : edges) {
      text += std::format("{} {}: {}, each {:.9g} * (q - {})\n", what, edge.name,
                          name_of(edge.dtype), edge.scale, edge.zero_point);
    }
  };
  add("input", report.inputs);
  add("output", report.outputs);
  return text;
}

Result<void> write_files(std::span<const Method> methods, const std::filesystem::path& model_pte,
                         const CompileOptions& options, CompileReport& report) {
  std::vector<compiler::MethodParts> parts;
  for (const Method& method : methods) {
    parts.push_back({method.graph, method.plan, method.states, method.quantization});
  }
  const auto written = TRY(compiler::write_files(parts, model_pte, options.data_file));
  report.file_bytes = written.program;
  report.data_bytes = written.data;
  return {};
}

Result<CompileReport> compile_sources(std::span<const NamedSource> sources,
                                      const std::filesystem::path& model_pte,
                                      const CompileOptions& options) {
  CompileReport report;
  std::vector<Method> methods;
  bool is_stopped = false;
  for (const NamedSource& source : sources) {
    PassRunner runner(options);
    std::vector<Placement> placements;
    Method method;
    method.graph = TRY(make_graph(source, options, runner, placements, method.states, report));
    method.graph.name = source.name;
    if (options.quantize && !report.quantization.empty()) {
      method.quantization = quantization_text(report.quantization.back());
    }
    add_to_report(method.graph, options, placements, runner, report);
    is_stopped = runner.is_stopped();
    if (is_stopped) continue;
    compiler::release_lowered_constants(method.graph);
    method.plan = TRY(compiler::plan_memory(method.graph, method.states.size()));
    report.planned_bytes += method.plan.arena_bytes;
    report.live_bytes += method.plan.live_bytes;
    methods.push_back(std::move(method));
  }
  if (!is_stopped) TRY(write_files(methods, model_pte, options, report));
  return report;
}

}  // namespace

Result<CompileReport> compile(std::span<const MethodSource> methods,
                              const std::filesystem::path& model_pte,
                              const CompileOptions& options) {
  std::vector<NamedSource> sources;
  for (const MethodSource& method : methods) {
    if (std::ranges::contains(sources, method.name, &NamedSource::name)) {
      return fail(ErrorCode::kInvalidArgument, "two methods are called '{}'", method.name);
    }
    const auto file = TRY(FileBytes::map(method.model));
    sources.push_back({.name = method.name,
                       .graph =
                           [&, file](std::vector<BufferState>& states) {
                             return import_file(method.model, file, options, states);
                           },
                       .file = file});
  }
  if (sources.empty()) return fail(ErrorCode::kInvalidArgument, "a program without methods");
  return compile_sources(sources, model_pte, options);
}

Result<CompileReport> compile(const std::filesystem::path& model_pt2,
                              const std::filesystem::path& model_pte,
                              const CompileOptions& options) {
  const MethodSource method{.model = model_pt2};
  return compile(std::span(&method, 1), model_pte, options);
}

Result<CompileReport> compile(GraphBuilder builder, const std::filesystem::path& model_pte,
                              const CompileOptions& options) {
  const NamedSource source{.name = "forward", .graph = [&](auto&) {
                             return finish_with_dims(std::move(builder), options);
                           }};
  return compile_sources(std::span(&source, 1), model_pte, options);
}

}  // namespace tessera
