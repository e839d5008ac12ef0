// SPDX-License-Identifier: MIT
// `tessera bench`: its numbers fit each other, its JSON is JSON, and what is wrong gets a message.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numeric>

#include "cli/command_line.h"
#include "cli/small_programs.h"

namespace tessera {
namespace {

using ::testing::ContainsRegex;
using testing::expect_failure;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::PlanBuilder;
using testing::run_tessera;
using testing::TemporaryFolder;
using testing::write_program;

const std::string kFixtures = std::string(TESSERA_TEST_DATA) + "/fixtures/";

/// Runs `tessera bench` and reads what it wrote.
nlohmann::json bench(const std::string& arguments) {
  const TemporaryFolder folder;
  const std::string path = (folder / "report.json").string();
  const auto result = run_tessera("bench " + arguments + " --json " + path);
  EXPECT_EQ(result.exit_code, 0) << result.output;
  std::ifstream file(path);
  const auto json = nlohmann::json::parse(file, nullptr, /*allow_exceptions=*/false);
  EXPECT_FALSE(json.is_discarded()) << "no JSON in " << path;
  return json;
}

/// y = relu(-x), x and y up to 64 elements.
PlanBuilder small_program() {
  PlanBuilder builder;
  const auto x = builder.dynamic({64}, 0), t = builder.dynamic({64}, 256),
             y = builder.dynamic({64}, 512);
  builder.neg(x, t);
  builder.relu(t, y);
  builder.returns({x}, {y});
  return builder;
}

double middle(std::vector<double> values) {
  std::ranges::sort(values);
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

TEST(Bench, NumbersFollowFromTheRuns) {
  const TemporaryFolder folder;
  PlanBuilder builder = small_program();
  const std::string small = write_program(builder, folder / "small.pte");
  const auto json = bench(small + " " + kFixtures + "edge288/xnnpack.pte --runs 21 --warmup 1");
  EXPECT_EQ(json["num_runs"], 21);
  EXPECT_EQ(json["num_warmup_runs"], 1);
  EXPECT_EQ(json["num_threads"], 1);
  ASSERT_EQ(json["programs"].size(), 2u);
  const std::vector<double> first = json["programs"][0]["run_ms"];
  for (const auto& program : json["programs"]) {
    std::vector<double> times = program["run_ms"];
    ASSERT_EQ(times.size(), 21u);
    std::vector<double> ratios;
    for (std::size_t i = 0; i < times.size(); ++i) ratios.push_back(times[i] / first[i]);
    EXPECT_DOUBLE_EQ(program["median_ms"], middle(times));
    EXPECT_DOUBLE_EQ(program["ratio_to_first"], middle(ratios));
    EXPECT_NEAR(program["mean_ms"], std::accumulate(times.begin(), times.end(), 0.0) / 21, 1e-9);
    std::ranges::sort(times);
    EXPECT_EQ(program["min_ms"], times.front());
    EXPECT_DOUBLE_EQ(program["p95_ms"], times[19]);  // 0.95 * 20 values lie below the 20th
    EXPECT_GT(program["load_ms"], 0);
    EXPECT_GT(program["first_run_ms"], 0);
    EXPECT_FALSE(program.contains("profile"));
  }
  EXPECT_EQ(json["programs"][0]["ratio_to_first"], 1);
  EXPECT_EQ(json["programs"][0]["program"], small);
  EXPECT_EQ(json["programs"][0]["inputs"][0], "f32[64]: random numbers at the upper bounds");
  EXPECT_EQ(json["programs"][1]["inputs"][0], "f32[1, 1, 288, 288]: random numbers");
}

TEST(Bench, ChargesEachProgramForItsOwnMemory) {
  const TemporaryFolder folder;
  PlanBuilder builder = small_program();
  const std::string small = write_program(builder, folder / "small.pte");
  PlanBuilder large_builder;
  constexpr std::int64_t kElements = 16 << 20;
  const auto x = large_builder.unplanned({kElements}), y = large_builder.unplanned({kElements});
  large_builder.relu(x, y);
  large_builder.returns({x}, {y});
  const std::string large = write_program(large_builder, folder / "large.pte");
  const auto programs = bench(large + " " + small + " --runs 1 --warmup 0")["programs"];
  constexpr std::int64_t kBothTensors = 2 * kElements * 4;
  const auto peak_beyond_idle = [](const nlohmann::json& program) {
    EXPECT_GT(program["idle_memory_bytes"], 0);
    return program["peak_memory_bytes"].get<std::int64_t>() -
           program["idle_memory_bytes"].get<std::int64_t>();
  };
  EXPECT_GT(peak_beyond_idle(programs[0]), kBothTensors);
  EXPECT_LT(peak_beyond_idle(programs[1]), kBothTensors / 2);
}

TEST(Bench, HasDefaults) {
  const TemporaryFolder folder;
  PlanBuilder builder = small_program();
  const auto json = bench(write_program(builder, folder / "small.pte"));
  EXPECT_EQ(json["num_warmup_runs"], 10);
  EXPECT_EQ(json["num_runs"], 50);
  EXPECT_EQ(json["programs"][0]["run_ms"].size(), 50u);
  EXPECT_EQ(json["programs"][0]["method"], "forward");
}

TEST(Bench, PrintsATable) {
  const TemporaryFolder folder;
  PlanBuilder builder = small_program();
  const std::string program = write_program(builder, folder / "small.pte");
  const std::string one = run_tessera("bench " + program + " --runs 2 --shape 0:3").output;
  EXPECT_THAT(one, HasSubstr("2 runs each after 10 to warm up, threads: 1"));
  EXPECT_THAT(one, HasSubstr("input 0: f32[3]: random numbers at the sizes given"));
  EXPECT_THAT(one, Not(HasSubstr("ratio")));
  const std::string two = run_tessera("bench " + program + " " + program + " --runs 2").output;
  EXPECT_THAT(two, HasSubstr("to warm up, in turn, "));
  EXPECT_THAT(two, ContainsRegex("small.pte .* 1.000\n"));
}

TEST(Bench, TakesThreadsMethodsAndFiles) {
  const TemporaryFolder folder;
  PlanBuilder builder = small_program();
  const std::string program = write_program(builder, folder / "p.pte", {"encode", "decode"});
  std::ofstream(folder / "x.bin", std::ios::binary) << std::string(20, '\0');
  const std::string input = (folder / "x.bin").string();
  const auto json = bench(program + " " + program + " --method decode --threads 2 --runs 2 -i " +
                          input + " --shape 0:5 --warmup 0");
  EXPECT_EQ(json["num_threads"], 2);
  EXPECT_EQ(json["programs"][1]["method"], "decode");
  EXPECT_EQ(json["programs"][1]["inputs"][0], "f32[5]: " + input);
}

TEST(Bench, ProfilesInRunsOfTheirOwn) {
  const std::string arguments = kFixtures + "unet/xnnpack.pte --runs 2 --warmup 1 --profile";
  const auto json = bench(arguments);
  const auto& program = json["programs"][0];
  EXPECT_EQ(program["run_ms"].size(), 2u);
  ASSERT_GT(program["profile"].size(), 10u);
  double sum = 0;
  for (const auto& record : program["profile"]) {
    EXPECT_EQ(record["runs"], 2);
    EXPECT_THAT(record["instruction"], HasSubstr("XnnpackBackend"));
    sum += record["microseconds"].get<double>();
  }
  EXPECT_GT(sum, 0);
  const std::string table = run_tessera("bench " + arguments).output;
  EXPECT_THAT(table, HasSubstr("ms a run in the instructions, mean of 2"));
  EXPECT_THAT(table, ContainsRegex("Convolution .NHWC, F32. (IGEMM|direct)"));
}

TEST(Bench, WritesJsonWhateverTheFileIsCalled) {
  const TemporaryFolder folder;
  PlanBuilder builder = small_program();
  write_program(builder, folder / "\xFF\"quote.pte");
  const auto json = bench("'" + (folder / "\xFF\"quote.pte").string() + "' --runs 1 --warmup 0");
  EXPECT_THAT(json["programs"][0]["program"].get<std::string>(), HasSubstr("\"quote.pte"));
}

TEST(Bench, SaysWhatIsWrong) {
  const TemporaryFolder folder;
  PlanBuilder builder = small_program();
  const std::string small = write_program(builder, folder / "small.pte");
  const std::string json = (folder / "no/report.json").string();
  expect_failure(run_tessera("bench " + small + " --runs 1 --json " + json), "no/report.json");
  expect_failure(run_tessera("bench " + small + " " + (folder / "none.pte").string()), "none.pte");
  expect_failure(run_tessera("bench " + small + " --method backward"),
                 "small.pte: no method 'backward', the program has 'forward'");
  expect_failure(run_tessera("bench " + small + " --shape 0:65"), "small.pte: --shape 0:[65]");
  expect_failure(run_tessera("bench " + small + " -i a.npy -i b.npy"),
                 "has 1 inputs, --input names 2");
  expect_failure(run_tessera("bench " + small + " -i " + (folder / "none.npy").string()),
                 "none.npy");
  std::ofstream(folder / "text.pte") << "a letter";
  expect_failure(run_tessera("bench " + small + " " + (folder / "text.pte").string()), "text.pte");
  EXPECT_EQ(run_tessera("bench").exit_code, 2);
  EXPECT_EQ(run_tessera("bench " + small + " --runs 0").exit_code, 2);
  EXPECT_EQ(run_tessera("bench " + small + " --runs many").exit_code, 2);
  EXPECT_EQ(run_tessera("bench " + small + " --warmup -1").exit_code, 2);
  EXPECT_EQ(run_tessera("bench " + small + " --fill sevens").exit_code, 2);
  EXPECT_EQ(folder.num_entries(), 2u);
}

}  // namespace
}  // namespace tessera
