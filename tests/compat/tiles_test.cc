// SPDX-License-Identifier: MIT
//
// Tiles = whole: the same bits, for programs that ExecuTorch wrote.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <format>
#include <ostream>
#include <string>

#include "tessera/compile.h"
#include "tessera/program.h"
#include "tessera/tiled.h"

namespace tessera {
namespace {

using testing::AllOf;
using testing::HasSubstr;

std::filesystem::path fixture(const std::string& file) {
  return std::filesystem::path(TESSERA_TEST_DATA) / "fixtures" / file;
}

/// Noise that follows from the position.
Tensor make_image(std::int64_t channels, std::int64_t height, std::int64_t width) {
  Tensor image = *Tensor::empty(DType::kF32, {1, channels, height, width});
  std::uint32_t state = 12345;
  for (std::int64_t i = 0; i < image.num_elements(); ++i) {
    state = state * 1664525 + 1013904223;
    image.data<float>()[i] = static_cast<float>(state >> 8) / static_cast<float>(1 << 24);
  }
  return image;
}

Tensor run_whole(const Program& program, const Tensor& image) {
  auto method = *program.load_method();
  const auto set = method->set_input(0, image);
  EXPECT_TRUE(set.has_value()) << set.error().to_string();
  const auto done = method->execute();
  EXPECT_TRUE(done.has_value()) << done.error().to_string();
  const Tensor view = *method->output(0);
  return Tensor::of_bytes(view.dtype(), view.shape(), {view.bytes(), view.num_bytes()});
}

Result<Tensor> run_in_tiles(const Program& program, const Tensor& image, std::int64_t tile,
                            std::size_t num_threads) {
  auto source = *MemorySource::create(image);
  MemorySink sink;
  TileOptions options;
  options.tile = tile;
  options.num_threads = num_threads;
  if (auto done = run_tiled(program, *source, sink, options); !done) {
    return std::unexpected(done.error());
  }
  return sink.tensor();
}

std::int64_t num_differing_bytes(const Tensor& a, const Tensor& b) {
  if (a.shape() != b.shape() || a.dtype() != b.dtype()) return -1;
  std::int64_t count = 0;
  for (std::size_t i = 0; i < a.num_bytes(); ++i) count += a.bytes()[i] != b.bytes()[i];
  return count;
}

struct Case {
  std::string tiled, whole;  ///< programs; the second runs the whole image
  std::int64_t channels, height, width;
  std::int64_t tile;
  std::size_t num_threads = 1;
};

void PrintTo(const Case& test, std::ostream* out) {
  *out << std::format("{} of {}x{} in tiles of {}, {} threads", test.tiled, test.width, test.height,
                      test.tile, test.num_threads);
}

class TilesEqualWhole : public testing::TestWithParam<Case> {};

TEST_P(TilesEqualWhole, ToTheBit) {
  const Case& test = GetParam();
  const auto tiled = Program::load(fixture(test.tiled));
  const auto whole = Program::load(fixture(test.whole));
  ASSERT_TRUE(tiled.has_value() && whole.has_value());
  const Tensor image = make_image(test.channels, test.height, test.width);
  const Tensor expected = run_whole(**whole, image);
  const auto found = run_in_tiles(**tiled, image, test.tile, test.num_threads);
  ASSERT_TRUE(found.has_value()) << found.error().to_string();
  EXPECT_EQ(num_differing_bytes(*found, expected), 0);
}

INSTANTIATE_TEST_SUITE_P(
    Models, TilesEqualWhole,
    testing::Values(Case{"edge/portable.pte", "edge/portable.pte", 1, 301, 417, 64},
                    Case{"edge/xnnpack.pte", "edge/xnnpack.pte", 1, 513, 389, 100, 2},
                    Case{"edge288/portable.pte", "edge/portable.pte", 1, 289, 575, 512},
                    Case{"edge288/xnnpack.pte", "edge/xnnpack.pte", 1, 400, 611, 512, 2},
                    Case{"demodyn/portable.pte", "demodyn/portable.pte", 1, 263, 291, 128, 2},
                    Case{"demodyn/xnnpack.pte", "demodyn/xnnpack.pte", 1, 777, 613, 64},
                    Case{"demodyn/xnnpack.pte", "demodyn/xnnpack.pte", 1, 777, 1021, 300, 2},
                    Case{"unetdyn/xnnpack.pte", "unetdyn/xnnpack.pte", 1, 260, 396, 64, 2},
                    Case{"unetdyn/xnnpack.pte", "unetdyn/xnnpack.pte", 1, 404, 260, 128},
                    Case{"unetdyn/portable.pte", "unetdyn/portable.pte", 1, 68, 132, 64, 2}));

TEST(Tiles, OfTheDenoiserEqualTheWhole) {
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / std::format("tessera-tiles-{}", ::getpid());
  std::filesystem::create_directories(folder);
  const auto compiled =
      compile(std::filesystem::path(TESSERA_SOURCE_DIR) / "models/denoise/denoise.pt2",
              folder / "denoise.pte");
  ASSERT_TRUE(compiled.has_value()) << compiled.error().to_string();
  const auto program = Program::load(folder / "denoise.pte");
  std::filesystem::remove_all(folder);
  ASSERT_TRUE(program.has_value()) << program.error().to_string();
  const Tensor image = make_image(3, 403, 517);
  const Tensor whole = run_whole(**program, image);
  for (const std::int64_t tile : {64, 111, 512}) {
    const auto tiled = run_in_tiles(**program, image, tile, 2);
    ASSERT_TRUE(tiled.has_value()) << tiled.error().to_string();
    EXPECT_EQ(num_differing_bytes(*tiled, whole), 0) << "in tiles of " << tile;
  }
}

// No whole run of this program exists at this size: other cuts must give the same bits.
TEST(Tiles, OfAFixedProgramDoNotDependOnTheirSize) {
  const auto program = Program::load(fixture("unet/xnnpack.pte"));
  ASSERT_TRUE(program.has_value());
  const Tensor image = make_image(1, 300, 420);
  const auto large = run_in_tiles(**program, image, 512, 1);
  const auto small = run_in_tiles(**program, image, 64, 2);
  ASSERT_TRUE(large.has_value() && small.has_value());
  EXPECT_EQ(num_differing_bytes(*large, *small), 0);
}

TEST(Tiles, RefuseSizesThatTheWholeImageWouldBeRefusedFor) {
  const auto program = Program::load(fixture("unetdyn/xnnpack.pte"));
  ASSERT_TRUE(program.has_value());
  const auto plan = plan_tiles(**program, 130, 128);
  ASSERT_FALSE(plan.has_value());
  EXPECT_THAT(plan.error().message, HasSubstr("130x128"));
}

TEST(Tiles, RefuseImagesSmallerThanAFixedProgram) {
  const auto program = Program::load(fixture("edge288/xnnpack.pte"));
  ASSERT_TRUE(program.has_value());
  const auto plan = plan_tiles(**program, 400, 287);
  ASSERT_FALSE(plan.has_value());
  EXPECT_THAT(plan.error().message, AllOf(HasSubstr("287"), HasSubstr("288")));
}

TEST(Tiles, RefuseATileOfNothing) {
  const auto program = Program::load(fixture("edge/xnnpack.pte"));
  ASSERT_TRUE(program.has_value());
  TileOptions options;
  options.tile = 0;
  const auto plan = plan_tiles(**program, 400, 400, options);
  ASSERT_FALSE(plan.has_value());
  EXPECT_THAT(plan.error().message, HasSubstr("tile of 0 pixels"));
}

TEST(Tiles, NameTheOperatorThatNeedsItsWholeInput) {
  const std::filesystem::path path =
      std::filesystem::path(TESSERA_TEST_DATA) / "fixtures/se/xnnpack.pte";
  const auto program = Program::load(path);
  ASSERT_TRUE(program.has_value()) << program.error().message;
  const auto plan = plan_tiles(**program, 224, 224);
  ASSERT_FALSE(plan.has_value());
  EXPECT_EQ(plan.error().code, ErrorCode::kNotSupported);
  EXPECT_THAT(plan.error().message, HasSubstr("GlobalAvgPooling2d"));
}

}  // namespace
}  // namespace tessera
