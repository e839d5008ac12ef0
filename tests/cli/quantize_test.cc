// SPDX-License-Identifier: MIT
// `tessera compile --quantize`: what it asks for, writes and prints.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "cli/command_line.h"
#include "tensor/npy.h"

namespace tessera {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using testing::expect_failure;
using ::testing::HasSubstr;
using testing::run_tessera;
using testing::TemporaryFolder;

const std::string kModel = std::string(TESSERA_TEST_DATA) + "/shapes/model.pt2";

std::string compile(const TemporaryFolder& folder, const std::string& options) {
  const auto result = run_tessera("compile " + kModel + " -o " + (folder / "model.pte").string() +
                                  " --quantize " + options);
  EXPECT_EQ(result.exit_code, 0) << result.output;
  return result.output;
}

TEST(Quantize, SaysWhatItCosts) {
  const TemporaryFolder folder;
  const std::string output = compile(folder, "int8 --calibrate random --samples 2 --report");
  EXPECT_THAT(output, AllOf(HasSubstr("layer, worst first"), HasSubstr("1 delegate"),
                            ContainsRegex("layers quantized, output SQNR [0-9.]+ dB on 2 random "
                                          "samples")));
}

TEST(Quantize, RefusesToGuessRanges) {
  const TemporaryFolder folder;
  const std::string program = (folder / "model.pte").string();
  expect_failure(run_tessera("compile " + kModel + " -o " + program + " --quantize int8"),
                 "--calibrate FOLDER");
  EXPECT_FALSE(std::filesystem::exists(program));
}

TEST(Quantize, SaysByHowMuchABudgetIsMissed) {
  const TemporaryFolder folder;
  const std::string program = (folder / "model.pte").string();
  expect_failure(run_tessera("compile " + kModel + " -o " + program +
                             " --quantize fp16 --calibrate random --samples 1 "
                             "--accuracy-budget 200"),
                 "cannot be met");
  EXPECT_FALSE(std::filesystem::exists(program));
}

TEST(Quantize, ProgramsTakeAndGiveBytes) {
  const TemporaryFolder folder;
  const std::string output =
      compile(folder, "int8 --calibrate random --samples 2 --input-type u8 --output-type int8");
  EXPECT_THAT(output, AllOf(HasSubstr("input 'x': u8"), HasSubstr("output '")));
  const auto inspected = run_tessera("inspect " + (folder / "model.pte").string());
  EXPECT_THAT(inspected.output, AllOf(HasSubstr("calibrated on 2 random samples"),
                                      HasSubstr("input x: u8, each 0.00392156886 * (q - 0)")));
  const Tensor pixels = Tensor::zeros(DType::kU8, {1, 3, 32, 32}).value();
  ASSERT_TRUE(write_npy(folder / "pixels.npy", pixels));
  const auto result =
      run_tessera("run " + (folder / "model.pte").string() + " -i " +
                  (folder / "pixels.npy").string() + " -o " + (folder / "scores.npy").string());
  EXPECT_EQ(result.exit_code, 0) << result.output;
  EXPECT_EQ(read_npy(folder / "scores.npy").value().dtype(), DType::kI8);
}

}  // namespace
}  // namespace tessera
