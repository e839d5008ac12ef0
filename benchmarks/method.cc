// SPDX-License-Identifier: MIT
// Compile time, and execute on the XNNPACK delegate against portable kernels, for models of the
// repository. Arguments: further .pt2 files.
#include <filesystem>
#include <print>
#include <string>
#include <vector>

#include "benchmarks/pairs.h"
#include "tessera/compile.h"
#include "tessera/program.h"

namespace tessera::benchmarks {
namespace {

/// A method with its inputs filled at the lower bound of their sizes, at least 64 where dynamic.
std::unique_ptr<Method> load(const std::filesystem::path& path) {
  const auto program = Program::load(path).value();
  auto method = program->load_method().value();
  const auto inputs = program->inputs().value();
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    Shape shape = inputs[i].max_sizes;
    for (std::size_t dim = 0; dim < shape.rank(); ++dim) {
      const bool is_dynamic = inputs[i].min_sizes[dim] != shape[dim];
      if (is_dynamic) shape[dim] = std::max<std::int64_t>(64, inputs[i].min_sizes[dim]);
    }
    method->set_input(i, Tensor::zeros(inputs[i].dtype, shape).value()).value();
  }
  return method;
}

void run(const std::filesystem::path& model) {
  const auto folder = std::filesystem::temp_directory_path();
  const auto xnnpack = folder / "tessera_bench_xnnpack.pte";
  const auto portable = folder / "tessera_bench_portable.pte";
  const double compile_ms = time_ms([&] { compile(model, xnnpack).value(); });
  compile(model, portable, {.backend = Backend::kPortable}).value();
  const auto first = load(xnnpack);
  const auto second = load(portable);
  const PairResult result =
      time_pair([&] { first->execute().value(); }, [&] { second->execute().value(); }, 10);
  const std::string name = model.parent_path().filename().string();
  print_pair(std::format("{} (compiled in {:.0f} ms)", name, compile_ms), "xnnpack", "portable",
             result);
  std::filesystem::remove(xnnpack);
  std::filesystem::remove(portable);
}

}  // namespace
}  // namespace tessera::benchmarks

int main(int argc, char** argv) {
  const std::filesystem::path source = TESSERA_SOURCE_DIR;
  std::vector<std::filesystem::path> models = {source / "models/denoise/denoise.pt2"};
  for (const char* name : {"edge", "demodyn", "unet", "unetdyn"}) {
    models.push_back(source / "tests/data/fixtures" / name / "model.pt2");
  }
  for (int i = 1; i < argc; ++i) models.emplace_back(argv[i]);
  for (const auto& model : models) tessera::benchmarks::run(model);
}
