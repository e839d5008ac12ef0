// SPDX-License-Identifier: MIT
// The whole compile chain on one page.
#include "base/mapped_file.h"
#include "base/try.h"
#include "compile/emit_pte.h"
#include "compile/import_pt2.h"
#include "compile/partition.h"
#include "compile/pass_runner.h"
#include "compile/plan_memory.h"
#include "formats/pt2.h"
#include "ops/registry.h"
#include "passes/passes.h"
#include "tessera/compile.h"

namespace tessera {
namespace {

using compiler::PassRunner;
using compiler::Placement;

/// From the exported program to a graph that holds delegate calls and kernel calls only.
Result<ir::Graph> make_graph(const std::filesystem::path& model, const CompileOptions& options,
                             PassRunner& runner, std::vector<Placement>& placements) {
  ir::Graph graph;
  TRY(runner.run("import", graph, [&](ir::Graph& result) -> Result<void> {
    const pt2::ExportedProgram exported = TRY(pt2::read(model));
    auto imported = import_graph(exported, options.dims, ops::find_operator);
    if (!imported) return with_context(std::move(imported).error(), model.string());
    result = *std::move(imported);
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
                                 .reason = placement.reason.value_or("")});
  }
  for (const ir::NodeId id : graph.nodes()) {
    const ir::Node& node = graph.node(id);
    if (node.delegate != nullptr) ++report.num_delegates;
    if (options.backend == Backend::kPortable) {
      report.placements.push_back(
          {.node = ir::describe(graph, node), .reason = "compiled for portable kernels"});
    }
  }
  return report;
}

}  // namespace

Result<CompileReport> compile(const std::filesystem::path& model_pt2,
                              const std::filesystem::path& model_pte,
                              const CompileOptions& options) {
  PassRunner runner(options);
  std::vector<Placement> placements;
  const ir::Graph graph = TRY(make_graph(model_pt2, options, runner, placements));
  CompileReport report = make_report(graph, options, placements, runner);
  if (runner.is_stopped()) return report;

  const compiler::MemoryPlan plan = TRY(compiler::plan_memory(graph));
  const std::vector<std::byte> file = TRY(compiler::emit_pte(graph, plan));
  TRY(write_file_atomically(model_pte, file));
  report.planned_bytes = plan.arena_bytes;
  report.file_bytes = file.size();
  return report;
}

}  // namespace tessera
