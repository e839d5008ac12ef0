// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <vector>

#include "tessera/tiled.h"
#include "unit/tiling/small_program.h"

namespace tessera {
namespace {

using ::testing::HasSubstr;

Tensor make_image(const Shape& shape) {
  Tensor image = *Tensor::empty(DType::kF32, shape);
  std::uint32_t state = 7;
  for (std::int64_t i = 0; i < image.num_elements(); ++i) {
    state = state * 1664525 + 1013904223;
    image.data<float>()[i] = static_cast<float>(state >> 8) * 0x1p-24F;
  }
  return image;
}

void expect_tiles_equal_whole(const Program& program, const Tensor& image, std::int64_t tile,
                              std::size_t num_threads) {
  const auto loaded = program.load_method();
  ASSERT_TRUE(loaded.has_value()) << loaded.error().to_string();
  Method& method = **loaded;
  ASSERT_TRUE(method.set_input(0, image).has_value());
  ASSERT_TRUE(method.execute().has_value());
  const Tensor whole = *method.output(0);
  auto source = *MemorySource::create(image);
  MemorySink sink;
  TileOptions options;
  options.tile = tile;
  options.num_threads = num_threads;
  const auto done = run_tiled(program, *source, sink, options);
  ASSERT_TRUE(done.has_value()) << done.error().to_string();
  ASSERT_EQ(sink.tensor().shape(), whole.shape());
  EXPECT_EQ(std::memcmp(sink.tensor().bytes(), whole.bytes(), whole.num_bytes()), 0)
      << image.shape().to_string() << " in tiles of " << tile;
}

TEST(TiledRunner, GivesTheBitsOfTheWholeRun) {
  const auto hourglass = testing::hourglass(), shrinker = testing::shrinker();
  ASSERT_TRUE(hourglass != nullptr && shrinker != nullptr);
  for (const std::int64_t tile : {1, 4, 10, 33}) {
    expect_tiles_equal_whole(*hourglass, make_image({1, 2, 46, 96}), tile, 2);
    expect_tiles_equal_whole(*shrinker, make_image({1, 1, 41, 64}), tile, 3);
  }
}

class Running : public ::testing::Test {
 protected:
  std::shared_ptr<const Program> program_ = testing::hourglass();
  std::unique_ptr<MemorySource> source_ = *MemorySource::create(make_image({1, 2, 64, 64}));
  MemorySink sink_;
  TileOptions options_{.tile = 16, .num_threads = 2};
};

TEST_F(Running, ReportsEveryTileOnce) {
  std::vector<std::size_t> seen;
  options_.progress = [&](std::size_t num_done, std::size_t num_tiles) {
    EXPECT_EQ(num_tiles, 16);
    seen.push_back(num_done);
    return true;
  };
  ASSERT_TRUE(run_tiled(*program_, *source_, sink_, options_).has_value());
  ASSERT_EQ(seen.size(), 16);
  for (std::size_t i = 0; i < seen.size(); ++i) EXPECT_EQ(seen[i], i + 1);
}

TEST_F(Running, CanBeCancelled) {
  options_.progress = [](std::size_t num_done, std::size_t) { return num_done < 3; };
  const auto done = run_tiled(*program_, *source_, sink_, options_);
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error().message, "cancelled after 3 of 16 tiles");
}

/// Fails at the nth window.
class FailingSink : public MemorySink {
 public:
  Result<void> write(const PixelWindow& window, const ConstPlanes& pixels) override {
    if (++count_ == 4) return fail(ErrorCode::kAccessFailed, "disk full");
    return MemorySink::write(window, pixels);
  }
  Result<void> finish() override {
    is_finished_ = true;
    return {};
  }
  int count_ = 0;
  bool is_finished_ = false;
};

TEST_F(Running, StopsAtTheFirstError) {
  FailingSink sink;
  const auto done = run_tiled(*program_, *source_, sink, options_);
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error().message, "disk full");
  EXPECT_EQ(sink.count_, 4);
  EXPECT_FALSE(sink.is_finished_);
}

TEST_F(Running, RefusesAnotherNumberOfBands) {
  const auto source = *MemorySource::create(make_image({1, 3, 64, 64}));
  const auto done = run_tiled(*program_, *source, sink_, options_);
  ASSERT_FALSE(done.has_value());
  EXPECT_THAT(done.error().message, HasSubstr("3 bands, the program takes 2"));
}

TEST(MemoryImage, WritesToMemoryOfTheRightSizeOnly) {
  Tensor target = Tensor::zeros(DType::kF32, {1, 1, 2, 3}).value();
  MemorySink sink(target);
  EXPECT_FALSE(sink.begin({.width = 2, .height = 3, .channels = 1}).has_value());
  ASSERT_TRUE(sink.begin({.width = 3, .height = 2, .channels = 1}).has_value());
  const Tensor pixels = Tensor::of<float>({1, 1, 1, 2}, std::vector<float>{5, 6});
  ASSERT_TRUE(sink.write({.x = 1, .y = 1, .width = 2, .height = 1}, planes_of(pixels)).has_value());
  EXPECT_EQ(target.data<float>()[4], 5);
  EXPECT_EQ(target.data<float>()[5], 6);
}

TEST(MemoryImage, RoundsAndClampsOnTheWayBack) {
  const float values[] = {-1, 0, 0.5F / 255, 1.5F / 255, 1, 7, 0.4999F, NAN};
  const Tensor tensor = Tensor::of<float>({1, 1, 2, 4}, values);
  MemorySink sink(DType::kU8);
  ASSERT_TRUE(sink.begin({4, 2, 1}).has_value());
  ASSERT_TRUE(sink.write({0, 0, 4, 2}, planes_of(tensor)).has_value());
  const auto samples = sink.tensor().elements<std::uint8_t>();
  EXPECT_THAT(std::vector(samples.begin(), samples.end()),
              ::testing::ElementsAre(0, 0, 0, 2, 255, 255, 127, 0));
}

TEST(MemoryImage, ReversesChannels) {
  const std::uint16_t values[] = {0, 65535, 13107, 1};
  const PixelFormat format = {PixelFormat::Scale::kUnit, PixelFormat::Channels::kBgr};
  const auto source =
      *MemorySource::create(Tensor::of<std::uint16_t>({1, 2, 1, 2}, values), format);
  Tensor tensor = *Tensor::empty(DType::kF32, {1, 2, 1, 2});
  ASSERT_TRUE(source->read({0, 0, 2, 1}, planes_of(tensor)).has_value());
  const auto found = tensor.elements<float>();
  EXPECT_THAT(std::vector(found.begin(), found.end()),
              ::testing::ElementsAre(0.2F, 1.0F / 65535, 0, 1));
}

}  // namespace
}  // namespace tessera
