// SPDX-License-Identifier: MIT
// What `tessera inspect` says, and data files on the command line.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/mapped_file.h"
#include "cli/command_line.h"
#include "formats/pte.h"

namespace tessera {
namespace {

using tessera::testing::CommandResult;
using tessera::testing::run_tessera;
using tessera::testing::TemporaryFolder;
using ::testing::AllOf;
using ::testing::HasSubstr;

const std::filesystem::path kData = TESSERA_TEST_DATA;

TEST(Inspect, DataFiles) {
  const CommandResult result =
      run_tessera("inspect " + (kData / "fuzz/fuzz_ptd/executorch.ptd").string());
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.output, AllOf(HasSubstr("data file: 4 entries"),
                                   HasSubstr("24 bytes  layer.tied: f32[3, 2] in dim order 1 0"),
                                   HasSubstr("33 bytes  packed\n")));
}

TEST(Inspect, Programs) {
  const CommandResult result =
      run_tessera("inspect " + (kData / "fixtures/demodyn/xnnpack.pte").string());
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.output, AllOf(HasSubstr("method forward, "), HasSubstr(" instructions\n"),
                                   HasSubstr("  arguments: [1, {\"type\": \"builtins.tuple\""),
                                   HasSubstr("planned memory 1: ")));
}

/// get_labels() and forward(int), which takes a weight from a data file.
TEST(Inspect, ConstantMethodsAndAttributes) {
  const TemporaryFolder folder;
  pte::TensorValue weight{
      .sizes = {2, 3}, .dim_order = {0, 1}, .qualified_name = "layer.weight", .is_external = true};
  pte::Program program;
  program.plans = {{.name = "forward",
                    .values = {std::int64_t{1}, weight},
                    .inputs = {0},
                    .outputs = {1},
                    .chains = {{}},
                    .buffer_sizes = {0}},
                   {.name = "get_labels",
                    .values = {std::string("cat"), std::int64_t{3}, pte::IntList{{1, 1}}},
                    .outputs = {0, 1, 2},
                    .chains = {{}},
                    .buffer_sizes = {0}}};
  const auto path = folder / "program.pte";
  ASSERT_TRUE(write_file_atomically(path, pte::write(program).value()));
  const CommandResult result = run_tessera("inspect " + path.string());
  EXPECT_EQ(result.exit_code, 0) << result.output;
  EXPECT_THAT(result.output, AllOf(HasSubstr("0: Int\n"),
                                   HasSubstr("attribute layer.weight: f32[2, 3], in a data file"),
                                   HasSubstr("constant method get_labels\n"
                                             "  \"cat\"\n  3\n  [3, 3]\n")));
  const CommandResult missing =
      run_tessera("inspect " + path.string() + " --data " + (folder / "no.ptd").string());
  EXPECT_EQ(missing.exit_code, 1);
  EXPECT_THAT(missing.output, HasSubstr("no.ptd: cannot open"));
}

}  // namespace
}  // namespace tessera
