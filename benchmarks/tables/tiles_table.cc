// SPDX-License-Identifier: MIT
#include "benchmarks/tables/tiles_table.h"

#include <array>
#include <cstring>
#include <format>
#include <functional>
#include <memory>
#include <print>
#include <vector>

#include "base/try.h"
#include "benchmarks/pairs.h"
#include "benchmarks/tables/measure.h"
#include "tessera/program.h"
#include "tessera/tiled.h"

namespace tessera::benchmarks {
namespace {

struct Case {
  Model model;
  std::int64_t channels, size, tile;  ///< pixels of a side
  int rounds;
};
constexpr std::array kCases = {
    Case{{"edge", "--model edge --dim h=256..2048 --dim w=256..2048", "", ""}, 1, 1024, 256, 21},
    Case{{"edge", "--model edge --dim h=256..2048 --dim w=256..2048", "", ""}, 1, 2048, 256, 11},
    Case{{"denoise", TESSERA_SOURCE_DIR "/models/denoise/denoise.pt2", "", ""}, 3, 1024, 256, 5}};

constexpr std::array kVariants = {Variant{}, Variant{.is_int8 = true}};

/// Any numbers in 0..1 do: no kernel here is faster for some values than for others.
Result<Tensor> make_image(const Case& test) {
  Tensor image = TRY(Tensor::empty(DType::kF32, {1, test.channels, test.size, test.size}));
  std::uint32_t state = 1;
  for (std::int64_t i = 0; i < image.num_elements(); ++i) {
    state = state * 1664525 + 1013904223;
    image.data<float>()[i] = static_cast<float>(state >> 8) / static_cast<float>(1 << 24);
  }
  return image;
}

/// One program with what runs it whole and in tiles.
struct Runs {
  std::unique_ptr<Method> method;
  std::unique_ptr<TiledRunner> tiles;
  std::unique_ptr<MemorySource> source;
  std::unique_ptr<MemorySink> sink;

  static Result<Runs> load(const std::filesystem::path& path, const Case& test,
                           const Tensor& image) {
    const auto program = TRY(Program::load(path));
    const TileOptions options{.tile = test.tile, .num_threads = 1};
    Runs runs;
    runs.method = TRY(program->load_method());
    TRY(runs.method->bind_input(0, image));
    runs.tiles = std::make_unique<TiledRunner>(TRY(TiledRunner::create(
        *program, TRY(plan_tiles(*program, test.size, test.size, options)), options)));
    runs.source = TRY(MemorySource::create(image));
    runs.sink = std::make_unique<MemorySink>(TRY(Tensor::empty(DType::kF32, image.shape())));
    return runs;
  }

  Result<bool> has_equal_bits() const {
    const Tensor whole = TRY(method->output(0));
    return std::memcmp(whole.bytes(), sink->tensor().bytes(), whole.num_bytes()) == 0;
  }
};

/// Everything of one case in turn, so that a machine that drifts drifts for all.
Result<std::string> rows_of(const Case& test, Programs& programs) {
  std::println(stderr, "{} {}x{}, whole and in tiles", test.model.name, test.size, test.size);
  const Tensor image = TRY(make_image(test));
  std::vector<std::optional<Runs>> runs;
  for (const Variant& variant : kVariants) {
    const auto path = programs.find(test.model, variant);
    runs.push_back(std::nullopt);
    if (path) runs.back() = TRY(Runs::load(*path, test, image));
  }
  std::vector<std::vector<double>> whole(runs.size()), tiles(runs.size());
  for (int round = -1; round < test.rounds; ++round) {
    for (std::size_t i = 0; i < runs.size(); ++i) {
      if (!runs[i]) continue;
      Result<void> done;
      const double whole_ms = time_ms([&] { done = runs[i]->method->execute(); });
      TRY(std::move(done));
      const double tiles_ms =
          time_ms([&] { done = runs[i]->tiles->run(*runs[i]->source, *runs[i]->sink); });
      TRY(std::move(done));
      if (round < 0) continue;  // to warm up
      whole[i].push_back(whole_ms);
      tiles[i].push_back(tiles_ms);
    }
  }
  std::string text;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    text += std::format("| {}, {}x{} | {} |", test.model.name, test.size, test.size,
                        name_of(kVariants[i]));
    if (!runs[i]) {
      text += " – | – | – | – | – |\n";
      continue;
    }
    const auto ratio = [](const std::vector<double>& a, const std::vector<double>& b) {
      std::vector<double> ratios;
      for (std::size_t round = 0; round < a.size(); ++round) {
        ratios.push_back(a[round] / b[round]);
      }
      return median(std::move(ratios));
    };
    text +=
        std::format(" {} | {} | {} | {} | {} |\n", cell(median(whole[i])), cell(median(tiles[i])),
                    ratio_cell(ratio(tiles[i], whole[i])),
                    ratio_cell(runs[0] ? std::optional(ratio(whole[i], whole[0])) : std::nullopt),
                    TRY(runs[i]->has_equal_bits()) ? "yes" : "NO");
  }
  return text;
}

}  // namespace

Result<std::string> tiles_table(Programs& programs) {
  std::string text =
      "| image | program | whole | tiles of 256 | tiles / whole | whole / fp32 whole | same bits "
      "|\n"
      "| --- | --- | ---: | ---: | ---: | ---: | --- |\n";
  for (const Case& test : kCases) text += TRY(rows_of(test, programs));
  return text;
}

}  // namespace tessera::benchmarks
