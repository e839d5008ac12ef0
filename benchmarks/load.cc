// SPDX-License-Identifier: MIT
// What it takes until a program can run. Arguments: .pte files (default: one of the repository).
#include <filesystem>
#include <print>
#include <vector>

#include "benchmarks/pairs.h"
#include "tessera/program.h"

namespace tessera::benchmarks {
namespace {

/// Cold: weights are packed. Warm: they are in a file of packed weights. Both: nothing else of the
/// program is loaded, and files are in the page cache.
void run(const std::filesystem::path& path) {
  const auto packed = std::filesystem::temp_directory_path() / "tessera_bench_packed_weights";
  std::filesystem::remove(packed);
  const auto cold = [&] { Program::load(path).value()->load_method().value(); };
  const auto warm = [&] {
    Program::load(path).value()->load_method("forward", {.packed_weights_file = packed}).value();
  };
  const std::string name = path.parent_path().filename().string() + "/" + path.filename().string();
  const double first_ms = time_ms(warm);
  const double program_ms = time_ms([&] { Program::load(path).value(); });
  print_pair(name, "warm", "cold", time_pair(warm, cold, 31));
  std::println("{:<44} writing the file {:.3f} ms, program alone {:.3f} ms", "", first_ms,
               program_ms);
  std::filesystem::remove(packed);
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
