// SPDX-License-Identifier: MIT
// The whole compile chain on one page.
#include <functional>
#include <map>

#include "base/mapped_file.h"
#include "base/try.h"
#include "compile/arithmetic.h"
#include "compile/emit_pte.h"
#include "compile/import_pt2.h"
#include "compile/import_symbols.h"
#include "compile/partition.h"
#include "compile/pass_runner.h"
#include "compile/plan_memory.h"
#include "formats/pt2.h"
#include "models/build_state.h"
#include "ops/registry.h"
#include "passes/passes.h"
#include "tessera/compile.h"

namespace tessera {
namespace {

using compiler::PassRunner;
using compiler::Placement;

/// Gives the graph as it is before all passes.
using GraphSource = std::function<Result<ir::Graph>()>;

Result<ir::Graph> import_file(const std::filesystem::path& model, const CompileOptions& options) {
  const pt2::ExportedProgram exported = TRY(pt2::read(model));
  auto imported = import_graph(exported, options.dims, ops::find_operator);
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
Result<ir::Graph> make_graph(const GraphSource& source, const CompileOptions& options,
                             PassRunner& runner, std::vector<Placement>& placements) {
  ir::Graph graph;
  TRY(runner.run("import", graph, [&](ir::Graph& result) -> Result<void> {
    result = TRY(source());
    return {};
  }));
  const bool is_delegated = options.backend == Backend::kXnnpack;
  const auto run_all = [&](std::span<const passes::Pass> pipeline) -> Result<void> {
    for (const passes::Pass& pass : pipeline) TRY(runner.run(pass.name, graph, pass.run));
    return {};
  };
  TRY(run_all(is_delegated ? passes::xnnpack_pipeline() : passes::standard_pipeline()));
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

CompileReport make_report(const ir::Graph& graph, const CompileOptions& options,
                          const std::vector<Placement>& placements, PassRunner& runner) {
  CompileReport report{.times = runner.take_times()};
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
                                   .arithmetic = compiler::arithmetic_of(graph, node)});
    }
  }
  return report;
}

Result<CompileReport> compile_source(const GraphSource& source,
                                     const std::filesystem::path& model_pte,
                                     const CompileOptions& options) {
  PassRunner runner(options);
  std::vector<Placement> placements;
  const ir::Graph graph = TRY(make_graph(source, options, runner, placements));
  CompileReport report = make_report(graph, options, placements, runner);
  if (runner.is_stopped()) return report;

  const compiler::MemoryPlan plan = TRY(compiler::plan_memory(graph));
  const std::vector<std::byte> file = TRY(compiler::emit_pte(graph, plan));
  TRY(write_file_atomically(model_pte, file));
  report.planned_bytes = plan.arena_bytes;
  report.live_bytes = plan.live_bytes;
  report.file_bytes = file.size();
  return report;
}

}  // namespace

Result<CompileReport> compile(const std::filesystem::path& model_pt2,
                              const std::filesystem::path& model_pte,
                              const CompileOptions& options) {
  return compile_source([&] { return import_file(model_pt2, options); }, model_pte, options);
}

Result<CompileReport> compile(GraphBuilder builder, const std::filesystem::path& model_pte,
                              const CompileOptions& options) {
  return compile_source([&] { return finish_with_dims(std::move(builder), options); }, model_pte,
                        options);
}

}  // namespace tessera
