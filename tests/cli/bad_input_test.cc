// SPDX-License-Identifier: MIT
// Whatever a stranger hands over gets a message and a non-zero exit, and leaves no file behind.
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>

#include "base/mapped_file.h"
#include "cli/command_line.h"
#include "tensor/npy.h"
#include "tessera/program.h"

namespace tessera {
namespace {

using tessera::testing::expect_failure;
using tessera::testing::run_tessera;
using tessera::testing::TemporaryFolder;

const std::filesystem::path kFixtures = std::filesystem::path(TESSERA_TEST_DATA) / "fixtures";

std::vector<std::byte> read_bytes(const std::filesystem::path& path) {
  const auto file = FileBytes::map(path).value();
  return {file->bytes().begin(), file->bytes().end()};
}

std::string input_of(const std::string& model) { return (kFixtures / model / "in1.npy").string(); }

std::string program_of(const std::string& model) {
  return (kFixtures / model / "xnnpack.pte").string();
}

TEST(BadInput, NotAProgram) {
  const TemporaryFolder folder;
  const std::string text = (folder / "text.pte").string();
  std::ofstream(text) << "this is a letter to my grandmother, and no program at all";
  const std::string output = (folder / "y.npy").string();
  expect_failure(
      run_tessera("run " + text + " --input " + input_of("edge") + " --output " + output),
      "text.pte");
  expect_failure(run_tessera("inspect " + text), "text.pte");
  std::ofstream((folder / "empty.pte").string()).flush();
  expect_failure(run_tessera("inspect " + (folder / "empty.pte").string()), "empty.pte");
  expect_failure(run_tessera("inspect " + (folder / "none.pte").string()), "none.pte");
  EXPECT_FALSE(std::filesystem::exists(output));
}

TEST(BadInput, ProgramCutAtEveryThousandthByte) {
  for (const char* model : {"edge", "demodyn", "unet"}) {
    for (const char* kind : {"portable.pte", "xnnpack.pte"}) {
      const std::vector<std::byte> whole = read_bytes(kFixtures / model / kind);
      for (std::size_t size = 0; size < whole.size(); size += 1000) {
        const auto program = Program::load(std::span(whole).first(size));
        ASSERT_FALSE(program.has_value()) << model << " cut at " << size;
        EXPECT_FALSE(program.error().message.empty());
      }
    }
  }
}

TEST(BadInput, ProgramCutOnTheCommandLine) {
  const TemporaryFolder folder;
  const std::vector<std::byte> whole = read_bytes(program_of("edge"));
  for (const std::size_t size : {1000u, 2000u}) {
    const auto path = folder / "cut.pte";
    ASSERT_TRUE(write_file_atomically(path, std::span(whole).first(size)).has_value());
    expect_failure(run_tessera("run " + path.string() + " --input " + input_of("edge") +
                               " --output " + (folder / "y.npy").string()),
                   "cut.pte");
  }
}

TEST(BadInput, ModelWithAMissingWeight) {
  const TemporaryFolder folder;
  std::vector<std::byte> bytes = read_bytes(kFixtures / "unet" / "model.pt2");
  // Both names of the entry (local header and central directory) change, so the archive stays
  // whole.
  const std::string name = "data/weights/weight_7";
  for (std::size_t i = 0; i + name.size() < bytes.size(); ++i) {
    if (std::memcmp(&bytes[i], name.data(), name.size()) == 0) bytes[i + 5] = std::byte{'W'};
  }
  const auto path = folder / "broken.pt2";
  ASSERT_TRUE(write_file_atomically(path, bytes).has_value());
  const auto result =
      run_tessera("compile " + path.string() + " -o " + (folder / "out.pte").string());
  expect_failure(result, "weight_7");
  EXPECT_EQ(folder.num_entries(), 1u);
}

TEST(BadInput, ModelThatIsCut) {
  const TemporaryFolder folder;
  const std::vector<std::byte> whole = read_bytes(kFixtures / "edge" / "model.pt2");
  const auto path = folder / "cut.pt2";
  ASSERT_TRUE(write_file_atomically(path, std::span(whole).first(whole.size() / 2)).has_value());
  expect_failure(run_tessera("compile " + path.string() + " -o " + (folder / "o.pte").string()),
                 "cut.pt2");
  EXPECT_EQ(folder.num_entries(), 1u);
}

TEST(BadInput, ImageWithAnotherBandCount) {
  const TemporaryFolder folder;
  const Tensor rgb = Tensor::zeros(DType::kF32, {1, 3, 300, 300}).value();
  const auto path = folder / "rgb.npy";
  ASSERT_TRUE(write_npy(path, rgb).has_value());
  for (const std::string verb : {"run", "tile"}) {
    const std::string files =
        verb == "run" ? " --input " + path.string() + " --output " : " " + path.string() + " ";
    const auto result =
        run_tessera(verb + " " + program_of("edge") + files + (folder / "y.npy").string());
    expect_failure(result, verb == "run" ? "dimension 1 is 3, expected 1"
                                         : "the image has 3 bands, the program takes 1");
    EXPECT_EQ(folder.num_entries(), 1u) << verb;
  }
}

TEST(BadInput, UnwritableOutput) {
  const TemporaryFolder folder;
  const std::string missing = (folder / "no/such/folder/y").string();
  expect_failure(run_tessera("run " + program_of("edge") + " --input " + input_of("edge") +
                             " --output " + missing + ".npy"),
                 "no/such/folder");
  expect_failure(run_tessera("tile " + program_of("edge") + " " + input_of("edge") + " " + missing +
                             ".tif --tile 128"),
                 "no/such/folder");
  expect_failure(
      run_tessera("compile " + (kFixtures / "edge/model.pt2").string() + " -o " + missing + ".pte"),
      "no/such/folder");
  EXPECT_EQ(folder.num_entries(), 0u);
}

TEST(BadInput, TileZero) {
  const TemporaryFolder folder;
  const auto result = run_tessera("tile " + program_of("edge") + " " + input_of("edge") + " " +
                                  (folder / "y.npy").string() + " --tile 0");
  expect_failure(result, "tile of 0 pixels: expected at least 1");
  EXPECT_EQ(folder.num_entries(), 0u);
}

TEST(BadInput, SizesRanksAndTypesOutOfRange) {
  const TemporaryFolder folder;
  const std::string program = (folder / "demodyn.pte").string();
  const auto compiled =
      run_tessera("compile " + (kFixtures / "demodyn/model.pt2").string() + " -o " + program);
  ASSERT_EQ(compiled.exit_code, 0) << compiled.output;
  struct Case {
    DType dtype;
    Shape shape;
    std::vector<std::string> fragments;
  };
  const std::vector<Case> cases = {
      {DType::kF32, {1, 1, 255, 256}, {"255", "256", "1024", "dimension 2"}},
      {DType::kF32, {1, 1, 256, 1025}, {"1025", "256", "1024", "dimension 3"}},
      {DType::kF32, {1, 256, 256}, {"3 dimensions", "expected 4"}},
      {DType::kF64, {1, 1, 256, 256}, {"f64", "f32"}},
  };
  for (const Case& bad : cases) {
    const auto path = folder / "x.npy";
    ASSERT_TRUE(write_npy(path, Tensor::zeros(bad.dtype, bad.shape).value()).has_value());
    const auto result = run_tessera("run " + program + " --input " + path.string() + " --output " +
                                    (folder / "y.npy").string());
    for (const std::string& fragment : bad.fragments) expect_failure(result, fragment);
    EXPECT_FALSE(std::filesystem::exists(folder / "y.npy"));
  }
}

TEST(BadInput, UsageErrors) {
  EXPECT_NE(run_tessera("").exit_code, 0);
  EXPECT_NE(run_tessera("fly").exit_code, 0);
  EXPECT_NE(run_tessera("compile").exit_code, 0);
  expect_failure(run_tessera("compile " + (kFixtures / "edge/model.pt2").string() +
                             " -o y.pte --dim x:2=9..3"),
                 "MIN <= MAX");
  expect_failure(run_tessera("compile " + (kFixtures / "edge/model.pt2").string() +
                             " -o y.pte --skip dance --stop-after import"),
                 "dance");
}

}  // namespace
}  // namespace tessera
