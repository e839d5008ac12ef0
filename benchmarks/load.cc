// SPDX-License-Identifier: MIT
// What it takes until a program can run. Arguments: .pte files (default: one of the repository).
#include <filesystem>
#include <print>
#include <vector>

#include "benchmarks/pairs.h"
#include "tessera/program.h"

namespace tessera::benchmarks {
namespace {

void run(const std::filesystem::path& path) {
  const auto program = [&] { Program::load(path).value(); };
  const auto cold = [&] { Program::load(path).value()->load_method().value(); };
  const PairResult result = time_pair(cold, program, 21);
  const std::string name = path.parent_path().filename().string();
  print_pair(name, "program and method", "program alone", result);
}

}  // namespace
}  // namespace tessera::benchmarks

int main(int argc, char** argv) {
  std::vector<std::filesystem::path> programs(argv + 1, argv + argc);
  if (programs.empty()) {
    programs.push_back(std::filesystem::path(TESSERA_SOURCE_DIR) /
                       "tests/data/fixtures/unet/xnnpack.pte");
  }
  for (const auto& program : programs) tessera::benchmarks::run(program);
}
