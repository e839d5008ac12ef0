// SPDX-License-Identifier: MIT
// `tessera compare`: which files it takes, what it prints and writes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "cli/command_line.h"
#include "cli/small_programs.h"
#include "tensor/npy.h"
#include "tessera/image.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;
using testing::CommandResult;
using ::testing::ContainsRegex;
using testing::expect_failure;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::PlanBuilder;
using testing::run_tessera;
using testing::TemporaryFolder;
using testing::write_program;

const std::string kFixtures = std::string(TESSERA_TEST_DATA) + "/fixtures/";

std::string expect_success(const CommandResult& result) {
  EXPECT_EQ(result.exit_code, 0) << result.output;
  return result.output;
}

/// y = -(relu(x) * factor), x an image of one channel of 2 x 2 pixels.
std::string scaled(const fs::path& path, float factor) {
  PlanBuilder builder;
  const Shape image = {1, 1, 2, 2};
  const auto x = builder.unplanned(image), positive = builder.unplanned(image),
             product = builder.unplanned(image), y = builder.unplanned(image);
  builder.relu(x, positive);
  builder.call("aten::mul.out", {positive, builder.constant({factor}), product, product});
  builder.neg(product, y);
  builder.returns({x}, {y});
  return write_program(builder, path);
}

void write_input(const fs::path& path, const std::vector<float>& elements) {
  ASSERT_TRUE(write_npy(path, Tensor::of<float>({1, 1, 2, 2}, elements)).has_value());
}

TEST(Compare, PrintsOutputsAndTheFirstLayerThatDiffers) {
  const TemporaryFolder folder;
  const std::string first = scaled(folder / "a.pte", 2), second = scaled(folder / "b.pte", 3);
  write_input(folder / "x.npy", {0, 1, 2, 4});
  const std::string command =
      "compare " + first + " " + second + " --inputs " + (folder / "x.npy").string();
  const std::string output = expect_success(run_tessera(command));
  EXPECT_THAT(output, HasSubstr("output 0: f32[1, 1, 2, 2]\n"
                                "  error: largest 4, mean 1.75, relative 0.5\n"
                                "  SQNR 6.02 dB, PSNR 10.86 dB (peak 8: range of the first "
                                "program's output), cosine similarity 1.000000\n"));
  EXPECT_THAT(output, HasSubstr("layers: 3 matched of 3 and 3; with weights 0 of 0 and 0\n"
                                "first layer below 20 dB: mul [1, 1, 2, 2], SQNR 6.02 dB\n"
                                "  first program:  instruction 1 (aten::mul.out)\n"));
  EXPECT_THAT(expect_success(run_tessera(command + " --threshold 5 --layers")),
              ContainsRegex("clamp +\\[1, 1, 2, 2\\] +inf(.|\n)*no layer is below 5 dB\n"));
  EXPECT_THAT(expect_success(run_tessera(command + " --outputs-only")),
              HasSubstr("layers: not compared: not asked for\n"));
}

TEST(Compare, TakesEveryFileOfAFolder) {
  const TemporaryFolder folder;
  const std::string program = scaled(folder / "a.pte", 2);
  fs::create_directories(folder / "inputs" / "deeper");
  write_input(folder / "inputs/x.npy", {0, 1, 2, 4});
  std::ofstream(folder / "inputs/.hidden") << "nothing";
  const Tensor image = Tensor::of<float>({1, 1, 2, 2}, std::vector<float>{0, 1, 0.5, 0.25});
  ASSERT_TRUE(image::write_image(folder / "inputs/image.tif", image).has_value());
  const std::string command = "compare " + program + " " + program + " --inputs ";
  const std::string inputs = (folder / "inputs").string();
  const std::string output = expect_success(run_tessera(command + inputs));
  EXPECT_THAT(output, HasSubstr("runs: 2\n"));
  EXPECT_THAT(output, HasSubstr("SQNR inf dB, PSNR inf dB (peak 1: samples in 0..1)"));
  EXPECT_THAT(expect_success(run_tessera(command + inputs + " " + inputs + "/x.npy")),
              HasSubstr("runs: 3\n"));
  expect_failure(run_tessera(command + inputs + "/deeper"), "deeper: has no files");
  std::ofstream(folder / "inputs/text.txt") << "no image";
  expect_failure(run_tessera(command + inputs), "text.txt");
}

TEST(Compare, FitsImagesIfAsked) {
  const TemporaryFolder folder;
  const std::string first = scaled(folder / "a.pte", 2), second = scaled(folder / "b.pte", 3);
  // Four times as high as wide: the middle is scaled to 2 x 2 pixels. Scaling looks a little
  // beyond.
  std::vector<float> rows(64, 1);
  std::fill(rows.begin() + 16, rows.end() - 16, 0.25f);
  ASSERT_TRUE(
      image::write_image(folder / "x.tif", Tensor::of<float>({1, 1, 16, 4}, rows)).has_value());
  const std::string command =
      "compare " + first + " " + second + " --inputs " + (folder / "x.tif").string();
  EXPECT_THAT(expect_success(run_tessera(command + " --fit")),
              HasSubstr("output 0: f32[1, 1, 2, 2]\n"
                        "  error: largest 0.25, mean 0.25, relative 0.5\n"));
  expect_failure(run_tessera(command), "x.tif: the first program: ");
}

TEST(Compare, TakesAFileForEachInput) {
  const TemporaryFolder folder;
  PlanBuilder builder;
  const auto a = builder.unplanned({1, 1, 2, 2}), b = builder.unplanned({1, 1, 2, 2}),
             sum = builder.unplanned({1, 1, 2, 2});
  builder.plus(a, b, sum);
  builder.returns({a, b}, {sum});
  const std::string program = write_program(builder, folder / "sum.pte");
  for (const std::string name : {"0.npy", "1.npy", "2.npy", "3.npy"}) {
    write_input(folder / name, {1, 2, 3, 4});
  }
  const std::string command = "compare " + program + " " + program + " --inputs ";
  const std::string files = (folder / "0.npy").string() + " " + (folder / "1.npy").string();
  EXPECT_THAT(expect_success(run_tessera(command + files)), HasSubstr("runs: 1\n"));
  expect_failure(run_tessera(command + files + " " + (folder / "2.npy").string()),
                 "'forward' has 2 inputs: --inputs takes so many files for each run, 3 are no");
  EXPECT_THAT(expect_success(run_tessera("compare " + program + " " + program + " --fill ones")),
              HasSubstr("runs: 1\n"));
  expect_failure(run_tessera("compare " + program + " " + program), "has 2 inputs");
}

TEST(Compare, WritesAllNumbers) {
  const TemporaryFolder folder;
  const std::string json = (folder / "report.json").string();
  expect_success(run_tessera("compare " + kFixtures + "mlp/xnnpack_q8dyn.pte " + kFixtures +
                             "mlp/xnnpack_8da4w.pte --inputs " + kFixtures + "mlp/in0.npy --json " +
                             json));
  const auto report = nlohmann::json::parse(std::ifstream(json));
  EXPECT_EQ(report["num_inputs"], 1);
  EXPECT_EQ(report["outputs"][0]["top1_rows"], 1);
  EXPECT_GT(report["outputs"][0]["sqnr_db"], 15);
  EXPECT_EQ(report["layers"].size(), 2);
  EXPECT_EQ(report["layers"][1]["kind"], "linear");

  const std::string first = scaled(folder / "a.pte", 2), second = scaled(folder / "b.pte", 3);
  expect_success(run_tessera("compare " + first + " " + second + " --fill ones --json " + json));
  const auto other = nlohmann::json::parse(std::ifstream(json));
  EXPECT_EQ(other["first_layer_below"], 1);
  EXPECT_TRUE(other["layers"][0]["sqnr_db"].is_null());
  EXPECT_TRUE(other["layers"][0]["equal"]);
}

TEST(Compare, SaysWhatDoesNotFit) {
  const TemporaryFolder folder;
  const std::string small = scaled(folder / "a.pte", 2);
  const std::string compare = "compare " + small + " ";
  expect_failure(run_tessera(compare + kFixtures + "mlp/xnnpack_q8dyn.pte --fill ones"),
                 "input 0 of the first program is f32[1, 1, 2, 2], that of the second f32[");
  expect_failure(run_tessera(compare + (folder / "none.pte").string() + " --fill ones"),
                 "none.pte");
  expect_failure(run_tessera(compare + small + " --fill ones --method backward"),
                 "no method 'backward'");
  ASSERT_TRUE(
      write_npy(folder / "x.npy", Tensor::zeros(DType::kF32, {1, 1, 3, 3}).value()).has_value());
  expect_failure(run_tessera(compare + small + " --inputs " + (folder / "x.npy").string()),
                 "x.npy: the first program: ");
  expect_failure(run_tessera(compare + small + " --fill ones --json " +
                             (folder / "none/report.json").string()),
                 "there is no folder");
  EXPECT_EQ(run_tessera("compare " + small).exit_code, 2);
}

}  // namespace
}  // namespace tessera
