// SPDX-License-Identifier: MIT
// Models that Tessera quantizes: every layer in one delegate, no less accurate than what
// ExecuTorch's quantizer made of them, the same in tiles.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <format>
#include <numbers>

#include "base/random.h"
#include "tensor/npy.h"
#include "tessera/compile.h"
#include "tessera/model.h"
#include "tessera/tiled.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;

/// The folder of a fixture, among those of this repository or those that are elsewhere.
fs::path fixture(const std::string& name) {
  const fs::path own = fs::path(TESSERA_TEST_DATA) / "fixtures" / name;
  return fs::exists(own / "xnnpack_q8.pte") ? own : fs::path(TESSERA_FIXTURES) / name;
}

/// Of these models those that are here with ExecuTorch's int8 program.
std::vector<std::string> present(const std::vector<std::string>& names) {
  std::vector<std::string> result;
  for (const std::string& name : names) {
    if (fs::exists(fixture(name) / "xnnpack_q8.pte")) result.push_back(name);
  }
  return result;
}

/// Normally distributed numbers, as the fixtures' inputs are (Box and Muller 1958).
Tensor noise(const Shape& shape, std::uint64_t seed) {
  Tensor tensor = Tensor::empty(DType::kF32, shape).value();
  Random random(seed);
  for (std::int64_t i = 0; i < tensor.num_elements(); ++i) {
    const double radius = std::sqrt(-2 * std::log(1 - random.unit()));
    const double angle = 2 * std::numbers::pi * random.unit();
    tensor.data<float>()[i] = static_cast<float>(radius * std::cos(angle));
  }
  return tensor;
}

QuantizeOptions int8_options(const Shape& shape) {
  std::vector<std::vector<Tensor>> samples;
  for (std::uint64_t seed = 1; seed <= 4; ++seed) samples.push_back({noise(shape, seed * 1000)});
  return {.calibration = tensor_inputs(std::move(samples))};
}

struct Compiled {
  CompileReport report;
  Model model;
};

Result<Compiled> compile_int8(const std::string& name) {
  const Tensor input = read_npy(fixture(name) / "in0.npy").value();
  const fs::path path = fs::temp_directory_path() / std::format("int8-{}-{}.pte", name, getpid());
  auto report =
      compile(fixture(name) / "model.pt2", path, {.quantize = int8_options(input.shape())});
  if (!report) return std::unexpected(report.error());
  auto model = Model::load(path);
  fs::remove(path);
  if (!model) return std::unexpected(model.error());
  return Compiled{*std::move(report), *std::move(model)};
}

/// Signal-to-noise ratio against the float model in dB, over inputs that calibration has not seen.
double held_out_sqnr(Model& model, const std::string& name) {
  auto exact = Model::load(fixture(name) / "xnnpack.pte").value();
  const Shape shape = read_npy(fixture(name) / "in0.npy").value().shape();
  double signal = 0, error = 0;
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    const Tensor input = noise(shape, 77 * seed);
    const auto expected = exact.run({input}), found = model.run({input});
    EXPECT_TRUE(expected && found);
    const auto a = expected->at(0).elements<float>(), b = found->at(0).elements<float>();
    for (std::size_t i = 0; i < a.size(); ++i) {
      signal += static_cast<double>(a[i]) * a[i];
      error += std::pow(static_cast<double>(a[i]) - b[i], 2);
    }
  }
  return 10 * std::log10(signal / error);
}

class Int8Models : public ::testing::TestWithParam<std::string> {};

TEST_P(Int8Models, AreOneDelegateAndNoLessAccurateThanExecuTorchs) {
  auto compiled = compile_int8(GetParam());
  ASSERT_TRUE(compiled) << compiled.error().to_string();
  EXPECT_EQ(compiled->report.num_delegates, 1);
  for (const NodePlacement& placement : compiled->report.placements) {
    EXPECT_TRUE(placement.is_delegated) << placement.node << ": " << placement.reason;
  }
  ASSERT_EQ(compiled->report.quantization.size(), 1);
  for (const QuantizedLayer& layer : compiled->report.quantization[0].layers) {
    EXPECT_TRUE(layer.is_quantized) << layer.name << ": " << layer.reason;
    EXPECT_GT(layer.sqnr_db, 20) << layer.name;
  }
  auto theirs = Model::load(fixture(GetParam()) / "xnnpack_q8.pte").value();
  const double ours_db = held_out_sqnr(compiled->model, GetParam());
  const double theirs_db = held_out_sqnr(theirs, GetParam());
  RecordProperty("sqnr", std::format("{:.2f} against {:.2f} dB", ours_db, theirs_db));
  EXPECT_GE(ours_db, theirs_db);
}

INSTANTIATE_TEST_SUITE_P(, Int8Models,
                         ::testing::ValuesIn(present({"mv2", "mv3_small", "unet", "demo288"})),
                         [](const auto& info) { return info.param; });

class Int8Tiles : public ::testing::TestWithParam<std::string> {};

/// The image in tiles of 256.
Tensor in_tiles(const fs::path& path, const Tensor& image) {
  const auto program = Program::load(path).value();
  auto source = MemorySource::create(image).value();
  MemorySink sink;
  TileOptions options;
  options.tile = 256;
  const auto done = run_tiled(*program, *source, sink, options);
  EXPECT_TRUE(done) << done.error().to_string();
  return sink.tensor();
}

TEST_P(Int8Tiles, HaveTheBitsOfTheWhole) {
  const fs::path path = fs::temp_directory_path() / std::format("int8-tiles-{}.pte", getpid());
  const auto report = compile(fixture(GetParam()) / "model.pt2", path,
                              {.quantize = int8_options(Shape{1, 1, 256, 288})});
  ASSERT_TRUE(report) << report.error().to_string();
  auto model = Model::load(path).value();
  const Tensor image = noise(Shape{1, 1, 600, 520}, 5);
  const Tensor whole = model.run({image}).value()[0];
  const Tensor tiles = in_tiles(path, image);
  fs::remove(path);
  ASSERT_EQ(tiles.num_bytes(), whole.num_bytes());
  EXPECT_TRUE(std::equal(tiles.bytes(), tiles.bytes() + tiles.num_bytes(), whole.bytes()));
}

TEST_P(Int8Tiles, TakeAndGiveBytes) {
  const fs::path path = fs::temp_directory_path() / std::format("u8-tiles-{}.pte", getpid());
  QuantizeOptions quantize = int8_options(Shape{1, 1, 256, 288});
  quantize.input_type = quantize.output_type = DType::kU8;
  const auto report = compile(fixture(GetParam()) / "model.pt2", path, {.quantize = quantize});
  ASSERT_TRUE(report) << report.error().to_string();
  auto model = Model::load(path).value();
  Tensor samples = Tensor::empty(DType::kU8, {1, 1, 600, 520}).value();
  Tensor image = Tensor::empty(DType::kF32, samples.shape()).value();
  Random random(3);
  for (std::int64_t i = 0; i < samples.num_elements(); ++i) {
    samples.data<std::uint8_t>()[i] = static_cast<std::uint8_t>(random.next());
    image.data<float>()[i] = static_cast<float>(samples.data<std::uint8_t>()[i]) / 255;
  }
  const Tensor whole = model.run({samples}).value()[0];
  const Tensor tiles = in_tiles(path, image);
  fs::remove(path);
  ASSERT_EQ(tiles.num_elements(), whole.num_elements());
  std::size_t num_different = 0;
  for (std::int64_t i = 0; i < whole.num_elements(); ++i) {
    const float expected = static_cast<float>(whole.data<std::uint8_t>()[i]) / 255;
    num_different += tiles.data<float>()[i] != expected ? 1 : 0;
  }
  EXPECT_EQ(num_different, 0);
}

INSTANTIATE_TEST_SUITE_P(, Int8Tiles, ::testing::ValuesIn(present({"demodyn"})),
                         [](const auto& info) { return info.param; });

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(Int8Models);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(Int8Tiles);

}  // namespace
}  // namespace tessera
