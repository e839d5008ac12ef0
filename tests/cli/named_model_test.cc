// SPDX-License-Identifier: MIT
// `tessera compile --model`.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/command_line.h"
#include "tessera/named_models.h"

namespace tessera {
namespace {

using ::testing::AllOf;
using testing::CommandResult;
using ::testing::HasSubstr;
using testing::run_tessera;
using testing::TemporaryFolder;

/// Made by tools/make_checkpoints.py.
const std::string kCheckpoints = std::string(TESSERA_TEST_DATA) + "/checkpoints/";

std::string expect_success(const CommandResult& result) {
  EXPECT_EQ(result.exit_code, 0) << result.output;
  return result.output;
}

void expect_failure(const CommandResult& result, const ::testing::Matcher<std::string>& text) {
  EXPECT_EQ(result.exit_code, 1) << result.output;
  EXPECT_THAT(result.output, AllOf(HasSubstr("tessera: error: "), text));
}

void expect_usage_error(const CommandResult& result, const std::string& fragment) {
  EXPECT_EQ(result.exit_code, 2) << result.output;
  EXPECT_THAT(result.output, HasSubstr(fragment));
}

TEST(NamedModel, ListNamesThemAll) {
  const std::string output = expect_success(run_tessera("compile --model list"));
  for (const NamedModel& model : named_models()) {
    EXPECT_THAT(output, HasSubstr(std::string(model.name) + " "));
  }
  EXPECT_THAT(output, HasSubstr("f32[1,1,256,256]"));
}

/// The weights are 0, 1, ..., 8, each over 64: 36 / 64 in the middle, 24 / 64 in the first corner.
TEST(NamedModel, TakesItsWeightsFromACheckpoint) {
  const TemporaryFolder folder;
  const std::string program = (folder / "edge.pte").string();
  expect_success(run_tessera("compile --model edge --weights " + kCheckpoints +
                             "edge.pth --size 3x4 -o " + program));
  EXPECT_THAT(expect_success(run_tessera("run " + program + " --fill ones --print all")),
              HasSubstr("[0, 0, 0, :] 0.375 0.515625 0.515625 0.3125\n"
                        "[0, 0, 1, :] 0.421875 0.5625 0.5625 0.328125\n"));
}

TEST(NamedModel, HasRangesOfSizes) {
  const TemporaryFolder folder;
  const std::string program = (folder / "unet.pte").string();
  expect_success(run_tessera("compile --model unet --dim h=64..512 --dim w=32..256 -o " + program));
  EXPECT_THAT(expect_success(run_tessera("inspect " + program)),
              HasSubstr("0: f32[1,1,4*h,4*w]  [1, 1, 64, 32] to [1, 1, 512, 256]"));
  EXPECT_THAT(
      expect_success(run_tessera("run " + program + " --shape 0:1,1,64,32 --print summary")),
      HasSubstr("output 0: f32[1, 1, 64, 32]"));
}

/// Its upsampling to the input's size takes numbers that the program computes.
TEST(NamedModel, SegmentsImagesOfAnySize) {
  const TemporaryFolder folder;
  const std::string program = (folder / "deeplab.pte").string();
  expect_success(run_tessera(
      "compile --model deeplab --classes 3 --dim h=17..64 --dim w=17..64 -o " + program));
  EXPECT_THAT(expect_success(run_tessera("run " + program + " --shape h=33,w=18 --print summary")),
              HasSubstr("output 0: f32[1, 3, 33, 18]"));
}

TEST(NamedModel, EqualSeedsGiveEqualPrograms) {
  const TemporaryFolder folder;
  const auto summary = [&](const std::string& options) {
    const std::string program = (folder / "m.pte").string();
    expect_success(run_tessera("compile --model unet --size 32 -o " + program + options));
    return expect_success(run_tessera("run " + program + " --fill ones --print all"));
  };
  EXPECT_EQ(summary(""), summary(" --seed 0"));
  EXPECT_NE(summary(""), summary(" --seed 1"));
}

TEST(NamedModel, WrongWeightsAreListed) {
  const TemporaryFolder folder;
  const std::string output = " -o " + (folder / "x.pte").string();
  expect_failure(
      run_tessera("compile --model edge --weights " + kCheckpoints + "all_types.pth" + output),
      AllOf(HasSubstr("model 'edge' with"), HasSubstr("missing: conv.weight"),
            HasSubstr("not of the model: bf16, bool, column")));
  expect_failure(
      run_tessera("compile --model edge --weights " + kCheckpoints + "whole_module.pth" + output),
      AllOf(HasSubstr("whole_module.pth"), HasSubstr("torch.nn.modules.linear.Linear")));
  expect_failure(run_tessera("compile --model edge --weights none.pth" + output),
                 HasSubstr("none.pth"));
  EXPECT_EQ(folder.num_entries(), 0U);
}

TEST(NamedModel, WrongOptionsSayWhatIsWrong) {
  const TemporaryFolder folder;
  const std::string output = " -o " + (folder / "x.pte").string();
  expect_failure(run_tessera("compile --model mv4" + output), HasSubstr("mv3_large"));
  expect_failure(run_tessera("compile --model mv2 --size big" + output),
                 HasSubstr("expected N or HEIGHTxWIDTH"));
  expect_failure(run_tessera("compile --model unet --size 30" + output),
                 HasSubstr("multiples of 4"));
  expect_failure(run_tessera("compile --model mv2 --dim x:2=64..128" + output),
                 HasSubstr("expected h=MIN..MAX or w=MIN..MAX"));
  expect_failure(run_tessera("compile --model edsr --classes 3" + output),
                 HasSubstr("cannot have 3 classes"));
  expect_usage_error(run_tessera("compile --model mv2 file.pt2" + output), "file");
  expect_usage_error(run_tessera("compile" + output), "--model");
  expect_usage_error(run_tessera("compile --model mv2"), "--output is required");
  expect_usage_error(run_tessera("compile file.pt2 --weights w.pth" + output), "--weights");
  EXPECT_EQ(folder.num_entries(), 0U);
}

}  // namespace
}  // namespace tessera
