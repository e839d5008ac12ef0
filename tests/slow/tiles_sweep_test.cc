// SPDX-License-Identifier: MIT
//
// Tiles = whole over many sizes of images and tiles.

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>

#include "tessera/program.h"
#include "tessera/tiled.h"

namespace tessera {
namespace {

Tensor make_image(std::int64_t height, std::int64_t width) {
  Tensor image = *Tensor::empty(DType::kF32, {1, 1, height, width});
  std::uint32_t state = 99;
  for (std::int64_t i = 0; i < image.num_elements(); ++i) {
    state = state * 1664525 + 1013904223;
    image.data<float>()[i] = static_cast<float>(state >> 8) * 0x1p-24F;
  }
  return image;
}

void sweep(const char* file, std::initializer_list<std::pair<std::int64_t, std::int64_t>> sizes) {
  const auto program = Program::load(std::filesystem::path(TESSERA_TEST_DATA) / "fixtures" / file);
  ASSERT_TRUE(program.has_value()) << program.error().to_string();
  auto method = *(*program)->load_method();
  for (const auto& [height, width] : sizes) {
    const Tensor image = make_image(height, width);
    ASSERT_TRUE(method->set_input(0, image).has_value());
    ASSERT_TRUE(method->execute().has_value());
    const Tensor whole = *method->output(0);
    const auto source = *MemorySource::create(image);
    for (const std::int64_t tile : {64, 100, 129, 256, 384, 512}) {
      for (const std::size_t num_threads : {1, 2}) {
        MemorySink sink;
        const auto done =
            run_tiled(**program, *source, sink, {.tile = tile, .num_threads = num_threads});
        ASSERT_TRUE(done.has_value()) << done.error().to_string();
        ASSERT_EQ(sink.tensor().shape(), whole.shape());
        EXPECT_EQ(std::memcmp(sink.tensor().bytes(), whole.bytes(), whole.num_bytes()), 0)
            << file << " " << height << "x" << width << " in tiles of " << tile;
      }
    }
  }
}

TEST(TilesSweep, Edge) {
  sweep("edge/xnnpack.pte", {{256, 256}, {257, 1021}, {1023, 389}, {1024, 1024}});
  sweep("edge/portable.pte", {{256, 511}, {777, 401}});
}

TEST(TilesSweep, Demo) { sweep("demodyn/xnnpack.pte", {{256, 256}, {391, 1001}, {1024, 613}}); }

TEST(TilesSweep, Unet) {
  sweep("unetdyn/xnnpack.pte", {{64, 64}, {260, 1020}, {516, 388}, {1024, 640}});
}

}  // namespace
}  // namespace tessera
