// SPDX-License-Identifier: MIT
// Tiles against the whole image, one thread, in memory: time and bits. `edge` at 1024x1024 is the
// case of the demos that Tessera started from, where 16 tiles took 1.6 to 2 times the whole image.
#include "tessera/tiled.h"

#include <cstring>
#include <filesystem>
#include <print>
#include <string>

#include "benchmarks/pairs.h"
#include "tessera/compile.h"
#include "tessera/program.h"

namespace tessera::benchmarks {
namespace {

struct Case {
  std::string name;
  std::string model;  ///< in the repository
  std::int64_t size;  ///< pixels of the image's side
  std::int64_t channels;
  std::int64_t tile;
  int rounds;
};

/// Any numbers in 0..1 do: no kernel here is faster for some values than for others.
Tensor make_image(const Case& test) {
  Tensor image = Tensor::empty(DType::kF32, {1, test.channels, test.size, test.size}).value();
  std::uint32_t state = 1;
  for (std::int64_t i = 0; i < image.num_elements(); ++i) {
    state = state * 1664525 + 1013904223;
    image.data<float>()[i] = static_cast<float>(state >> 8) / static_cast<float>(1 << 24);
  }
  return image;
}

void run(const Case& test, Backend backend) {
  const auto path = std::filesystem::temp_directory_path() / "tessera_bench_tiled.pte";
  compile(std::filesystem::path(TESSERA_SOURCE_DIR) / test.model, path, {.backend = backend})
      .value();
  const auto program = Program::load(path).value();
  std::filesystem::remove(path);
  const Tensor image = make_image(test);

  const auto method = program->load_method().value();
  method->bind_input(0, image).value();
  const TileOptions options{.tile = test.tile, .num_threads = 1};
  auto runner = TiledRunner::create(
                    *program, plan_tiles(*program, test.size, test.size, options).value(), options)
                    .value();
  const auto source = MemorySource::create(image).value();
  MemorySink sink(Tensor::empty(DType::kF32, image.shape()).value());

  const PairResult result = time_pair([&] { runner.run(*source, sink).value(); },
                                      [&] { method->execute().value(); }, test.rounds);
  const Tensor whole = method->output(0).value();
  const bool is_equal = std::memcmp(whole.bytes(), sink.tensor().bytes(), whole.num_bytes()) == 0;
  print_pair(std::format("{} {}x{} {}, {}", test.name, test.size, test.size,
                         backend == Backend::kXnnpack ? "xnnpack" : "portable",
                         is_equal ? "same bits" : "OTHER BITS"),
             std::format("tiles of {}", test.tile), "whole", result);
}

}  // namespace
}  // namespace tessera::benchmarks

int main() {
  using tessera::Backend;
  const std::string edge = "tests/data/fixtures/edge/model.pt2";
  const std::string unet = "tests/data/fixtures/unetdyn/model.pt2";
  const std::string denoise = "models/denoise/denoise.pt2";
  tessera::benchmarks::run({"edge", edge, 1024, 1, 256, 21}, Backend::kXnnpack);
  tessera::benchmarks::run({"edge", edge, 1024, 1, 256, 21}, Backend::kPortable);
  tessera::benchmarks::run({"unetdyn", unet, 1024, 1, 512, 3}, Backend::kXnnpack);
  tessera::benchmarks::run({"denoise", denoise, 1024, 3, 256, 5}, Backend::kXnnpack);
  tessera::benchmarks::run({"denoise", denoise, 2048, 3, 256, 3}, Backend::kXnnpack);
}
