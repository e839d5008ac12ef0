// SPDX-License-Identifier: MIT
// Exported models, compiled and run: a folder of folders with model.pt2, in0.npy and out0.npy ...
// as tools/export_models.py makes them. Prints the table of docs/models.md, or writes it there:
// bench_models DIR [--write FILE].
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <format>
#include <fstream>
#include <memory>
#include <print>
#include <sstream>
#include <string>
#include <vector>

#include "benchmarks/pairs.h"
#include "tensor/npy.h"
#include "tessera/compile.h"
#include "tessera/program.h"

namespace tessera::benchmarks {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kHead =
    "| model | MiB | delegates | delegated | error | compile | XNNPACK | portable | ratio |\n"
    "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n";

struct Compiled {
  CompileReport report;
  double compile_ms = 0;
  std::unique_ptr<Method> method;
};

Result<Compiled> compile_and_load(const fs::path& folder, Backend backend, const Tensor& input) {
  const fs::path path = fs::temp_directory_path() / "tessera_bench_model.pte";
  Compiled compiled;
  Result<CompileReport> report = CompileReport();
  compiled.compile_ms =
      time_ms([&] { report = compile(folder / "model.pt2", path, {.backend = backend}); });
  if (!report) return std::unexpected(report.error());
  compiled.report = *std::move(report);
  auto program = Program::load(path);
  fs::remove(path);  // the mapping keeps it
  if (!program) return std::unexpected(program.error());
  auto method = (*program)->load_method();
  if (!method) return std::unexpected(method.error());
  compiled.method = *std::move(method);
  if (auto set = compiled.method->set_input(0, input); !set) return std::unexpected(set.error());
  if (auto run = compiled.method->execute(); !run) return std::unexpected(run.error());
  return compiled;
}

/// The largest difference to PyTorch's outputs over their largest element.
double error_of(const Method& method, const fs::path& folder) {
  double worst = 0;
  for (std::size_t i = 0; fs::exists(folder / std::format("out{}.npy", i)); ++i) {
    const Tensor expected = read_npy(folder / std::format("out{}.npy", i)).value();
    const Tensor found = method.output(i).value();
    if (found.shape() != expected.shape()) return INFINITY;
    double difference = 0, largest = 0;
    for (std::int64_t at = 0; at < expected.num_elements(); ++at) {
      const double wanted = expected.data<float>()[at];
      difference = std::max(difference, std::abs(wanted - found.data<float>()[at]));
      largest = std::max(largest, std::abs(wanted));
    }
    worst = std::max(worst, difference / largest);
  }
  return worst;
}

double median_ms(Method& method, int num_runs) {
  std::vector<double> times;
  for (int i = 0; i < num_runs; ++i) {
    times.push_back(time_ms([&] { method.execute().value(); }));
  }
  std::ranges::sort(times);
  return times[times.size() / 2];
}

double delegated_percent(const CompileReport& report) {
  double all = 0, delegated = 0;
  for (const NodePlacement& placement : report.placements) {
    all += placement.arithmetic;
    if (placement.is_delegated) delegated += placement.arithmetic;
  }
  return all == 0 ? 0 : 100 * delegated / all;
}

std::string row_of(const fs::path& folder) {
  const std::string name = folder.filename().string();
  const Tensor input = read_npy(folder / "in0.npy").value();
  auto xnnpack = compile_and_load(folder, Backend::kXnnpack, input);
  if (!xnnpack) return std::format("| {} | {} |\n", name, xnnpack.error().message);
  const double ms = median_ms(*xnnpack->method, 11);
  const double error = error_of(*xnnpack->method, folder);
  xnnpack->method.reset();
  auto portable = compile_and_load(folder, Backend::kPortable, input);
  if (!portable) return std::format("| {} | {} |\n", name, portable.error().message);
  const double portable_ms = median_ms(*portable->method, 3);
  return std::format(
      "| {} | {} | {} | {:.1f} % | {:.0e} | {:.0f} ms | {:.1f} ms | {:.1f} ms | {:.2f} |\n", name,
      fs::file_size(folder / "model.pt2") >> 20, xnnpack->report.num_delegates,
      delegated_percent(xnnpack->report), error, xnnpack->compile_ms, ms, portable_ms,
      ms / portable_ms);
}

}  // namespace
}  // namespace tessera::benchmarks

int main(int argc, char** argv) {
  namespace fs = std::filesystem;
  const fs::path models =
      argc > 1 ? fs::path(argv[1]) : fs::path(TESSERA_SOURCE_DIR) / "tests/data/fixtures";
  std::vector<fs::path> folders;
  for (const auto& entry : fs::directory_iterator(models)) {
    if (fs::exists(entry.path() / "model.pt2") && fs::exists(entry.path() / "in0.npy"))
      folders.push_back(entry.path());
  }
  std::ranges::sort(folders);
  std::string table(tessera::benchmarks::kHead);
  for (const fs::path& folder : folders) {
    table += tessera::benchmarks::row_of(folder);
    std::print(stderr, "{}\n", folder.filename().string());
  }
  std::print("{}", table);
  if (argc < 4 || std::string_view(argv[2]) != "--write") return 0;
  // The table stands between two lines of the document.
  std::stringstream text;
  text << std::ifstream(argv[3]).rdbuf();
  const std::string document = text.str();
  const std::size_t begin = document.find(tessera::benchmarks::kHead.substr(0, 8));
  const std::size_t end = document.find("\n\n", begin);
  if (begin == std::string::npos || end == std::string::npos) {
    std::println(stderr, "{} has no table that begins with '| model |'", argv[3]);
    return 1;
  }
  std::ofstream(argv[3]) << document.substr(0, begin) + table + document.substr(end + 1);
  return 0;
}
