// SPDX-License-Identifier: MIT
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <memory>
#include <print>

#include "base/try.h"
#include "cli/commands.h"
#include "cli/image_files.h"
#include "tessera/tiled.h"

namespace tessera::cli {
namespace {

struct Options {
  std::string program, input, output;
  PixelArguments pixels;
  LoadOptions files;
  TileOptions tiles;
  bool plan_only = false;
  bool quiet = false;
};

/// One line that is redrawn when it changes.
void draw_progress(std::size_t num_done, std::size_t num_tiles) {
  constexpr std::size_t kWidth = 40;
  const auto filled = [&](std::size_t count) { return count * kWidth / num_tiles; };
  if (num_done < num_tiles && filled(num_done) == filled(num_done - 1)) return;
  std::print(stderr, "\r[{:-<{}}] {}/{} tiles", std::string(filled(num_done), '#'), kWidth,
             num_done, num_tiles);
  if (num_done == num_tiles) std::println(stderr);
  std::fflush(stderr);
}

Result<void> tile(Options& options) {
  const auto start = std::chrono::steady_clock::now();
  const auto program = TRY(Program::load(std::filesystem::path(options.program), options.files));
  const PixelFormat format = options.pixels.format();
  OpenedSource input = TRY(open_source(options.input, format));
  const ImageSize size = input.source->size();
  const std::string what = std::format("{} on {}", options.program, options.input);
  const auto planned = plan_tiles(*program, size.width, size.height, options.tiles);
  if (!planned) return with_context(planned.error(), what);
  const TilePlan& plan = *planned;
  if (options.plan_only) {
    std::print("{}", plan.to_string());
    return {};
  }
  const auto sink = TRY(open_sink(options.output, options.input,
                                  options.pixels.dtype().value_or(input.dtype), format));
  if (!options.quiet && ::isatty(STDERR_FILENO) != 0) {
    options.tiles.progress = [](std::size_t num_done, std::size_t num_tiles) {
      draw_progress(num_done, num_tiles);
      return true;
    };
  }
  if (auto done = run_tiled(*program, plan, *input.source, *sink, options.tiles); !done) {
    return with_context(std::move(done).error(), what);
  }
  if (!options.quiet) {
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    const ImageSize result = plan.output_size();
    std::println("{}: {}x{} pixels in {} tiles of {}x{}, {:.2f} s", options.output, result.width,
                 result.height, plan.num_tiles(), plan.horizontal.tile, plan.vertical.tile,
                 seconds.count());
  }
  return {};
}

}  // namespace

void add_tile(CLI::App& app) {
  auto* command = app.add_subcommand(
      "tile", "Runs a program over an image of any size in tiles, with the bits of the whole run");
  const auto options = std::make_shared<Options>();
  command->add_option("program", options->program, ".pte file")->required();
  command->add_option("input", options->input, "image or .npy")->required();
  command->add_option("output", options->output, "image or .npy, by its extension");
  command->add_option("--tile", options->tiles.tile, "side of a tile in pixels of the output");
  command->add_option("--threads", options->tiles.num_threads, "each runs tiles; 0: all processors")
      ->capture_default_str();
  command->add_option("--data", options->files.data_files, "data file (.ptd) of the program");
  command->add_option("--method", options->tiles.method)->capture_default_str();
  options->pixels.add_to(*command);
  command->add_flag("--plan", options->plan_only, "print how the image is cut, and stop");
  command->add_flag("--quiet", options->quiet);
  command->callback([options] {
    if (!options->plan_only && options->output.empty()) {
      throw CLI::RequiredError("output");
    }
    finish(tile(*options));
  });
}

}  // namespace tessera::cli
