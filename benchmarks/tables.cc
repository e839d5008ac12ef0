// SPDX-License-Identifier: MIT
// The tables of docs/performance.md, all of it: bench_tables [--write FILE]. With TESSERA_FIXTURES
// ExecuTorch's own int8 programs are measured, too; with TESSERA_TORCH_PYTHON, a command that runs
// Python with PyTorch (and torchvision, onnx and onnxruntime), the peers.
#include <chrono>
#include <format>
#include <fstream>
#include <print>
#include <string>
#include <string_view>

#include "base/try.h"
#include "benchmarks/tables/machine.h"
#include "benchmarks/tables/model_tables.h"
#include "benchmarks/tables/tiles_table.h"

namespace tessera::benchmarks {
namespace {

constexpr std::string_view kText =
    R"(<!-- SPDX-License-Identifier: MIT -->
# Performance

Written as a whole by `./dev bench tables --write docs/performance.md` in {minutes} minutes: no number here was typed.

* Machine: {machine}. Load average before the run: {load}.
* Commit {commit}, {date}.

Times are medians in milliseconds. Absolute times drift with the machine; **ratios** are medians of the ratios of runs that were made in
turn, A B A B ..., and are what to look at. Weights are seeded numbers (PyTorch's and onnxruntime's: random ones), int8 programs are
calibrated on random numbers: neither matters for times. A dash is what was not there.

## MobileNets

1x3x224x224. `load` is everything up to a method that is ready, `first run` sizes and allocates as well; both are of processes of their
own. `ratio` is the steady time over that of Tessera's XNNPACK fp32 program. "Portable" programs run on Tessera's own kernels, and
so do quantized models there; ExecuTorch's int8 program runs in Tessera's runtime. PyTorch (channels last) and onnxruntime run in a process of
their own right after, so their ratios are those of two medians.

{mobile}
## int8 over fp32

One thread, steady. `SQNR` is that of the int8 program's output on random numbers, for which no model was made (`tessera compare` tells it for
images).

{int8}
## Tiles

One thread, from memory to memory. `whole` is one call of `Method::execute`, `tiles` the same image through `TiledRunner`.

{tiles})";

void replace(std::string& text, std::string_view name, const std::string& value) {
  const std::size_t at = text.find(name);
  text.replace(at, name.size(), value);
}

Result<std::string> document() {
  const auto start = std::chrono::steady_clock::now();
  Programs programs;
  std::string text(kText);
  replace(text, "{machine}", machine());
  replace(text, "{load}", std::format("{:.1f}", load_average()));
  replace(text, "{commit}", commit());
  replace(text, "{date}", today());
  replace(text, "{int8}", TRY(int8_table(programs)));
  replace(text, "{tiles}", TRY(tiles_table(programs)));
  replace(text, "{mobile}", TRY(mobile_table(programs)));
  const std::chrono::duration<double, std::ratio<60>> minutes =
      std::chrono::steady_clock::now() - start;
  replace(text, "{minutes}", std::format("{:.0f}", minutes.count()));
  return text;
}

int run(int argc, char** argv) {
  const bool writes = argc == 3 && std::string_view(argv[1]) == "--write";
  if (argc != 1 && !writes) {
    std::println(stderr, "usage: bench_tables [--write FILE]");
    return 2;
  }
  const auto text = document();
  if (!text) {
    std::println(stderr, "{}", text.error().message);
    return 1;
  }
  std::print("{}", *text);
  if (!writes) return 0;
  std::ofstream file(argv[2]);
  file << *text;
  return file.flush() ? 0 : 1;
}

}  // namespace
}  // namespace tessera::benchmarks

int main(int argc, char** argv) { return tessera::benchmarks::run(argc, argv); }
