// SPDX-License-Identifier: MIT
//
// Every tests/golden/**/*.tir is a test: the passes to run in the first line, a graph, and what
// must come out:
//
//   # run: fold_batch_norm, eliminate_dead_code      (pass names; `parse`, `verify`: these alone)
//   graph forward(...) { ... }
//   # expect                                         (or `# expect-error`: part of the message)
//   graph forward(...) { ... }
//
// The graph is verified before the first pass and after each, and each pass is run a second time,
// which must change nothing. TESSERA_BLESS=1 rewrites what is expected by what comes out.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/try.h"
#include "ir/text.h"
#include "ir/verify.h"
#include "ops/registry.h"
#include "passes/passes.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;

struct GoldenCase {
  std::vector<std::string> passes;
  std::string head;  ///< all in front of what is expected
  bool expects_error = false;
  std::string expected;
};

std::string read(const fs::path& path) {
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

std::string trimmed(const std::string& text) {
  const std::size_t begin = text.find_first_not_of(" \n");
  if (begin == std::string::npos) return "";
  return text.substr(begin, text.find_last_not_of(" \n") - begin + 1);
}

GoldenCase parse_case(const std::string& text) {
  static const std::string kRun = "# run:", kExpect = "\n# expect", kError = "-error";
  GoldenCase result;
  EXPECT_TRUE(text.starts_with(kRun)) << "the first line must be '# run: PASSES'";
  std::stringstream names(text.substr(kRun.size(), text.find('\n') - kRun.size()));
  for (std::string name; std::getline(names, name, ',');) result.passes.push_back(trimmed(name));
  const std::size_t expect = text.find(kExpect);
  EXPECT_NE(expect, std::string::npos) << "there is no line '# expect' or '# expect-error'";
  if (expect == std::string::npos) return result;
  result.expects_error = text.compare(expect + kExpect.size(), kError.size(), kError) == 0;
  const std::size_t line_end = std::min(text.find('\n', expect + 1), text.size());
  result.head = text.substr(0, line_end) + "\n";
  result.expected = trimmed(text.substr(line_end));
  return result;
}

std::string text_of(const ir::Graph& graph) { return ir::print(graph, {.with_elements = true}); }

Result<void> run_pass(std::string_view name, ir::Graph& graph) {
  if (name == "parse" || name == "verify") return {};
  const auto pass = std::ranges::find(passes::all_passes(), name, &passes::Pass::name);
  if (pass == passes::all_passes().end()) {
    return fail(ErrorCode::kNotFound, "there is no pass '{}'", name);
  }
  TRY(pass->run(graph));
  TRY(ir::verify(graph));
  const std::string once = text_of(graph);
  TRY(pass->run(graph));
  if (text_of(graph) == once) return {};
  return fail(ErrorCode::kInternal, "{} changes its own result:\n{}\n{}", name, once,
              text_of(graph));
}

Result<std::string> run(const GoldenCase& golden) {
  ir::Graph graph = TRY(ir::parse_graph(golden.head, ops::find_operator));
  if (golden.passes != std::vector<std::string>{"parse"}) TRY(ir::verify(graph));
  for (const std::string& pass : golden.passes) TRY(run_pass(pass, graph));
  return text_of(graph);
}

class Golden : public testing::TestWithParam<fs::path> {};

TEST_P(Golden, GivesTheExpectedText) {
  const std::string text = read(GetParam());
  const GoldenCase golden = parse_case(text);
  const auto outcome = run(golden);
  const std::string actual = trimmed(outcome ? *outcome : outcome.error().message);
  if (std::getenv("TESSERA_BLESS") != nullptr) {
    ASSERT_EQ(golden.expects_error, !outcome.has_value()) << actual;
    const bool is_matched =
        golden.expects_error && !golden.expected.empty() && actual.contains(golden.expected);
    if (!is_matched) std::ofstream(GetParam()) << golden.head << actual << "\n";
    return;
  }
  ASSERT_FALSE(golden.expected.empty()) << "nothing is expected; run with TESSERA_BLESS=1";
  if (golden.expects_error) {
    ASSERT_FALSE(outcome.has_value()) << "expected an error, got\n" << actual;
    EXPECT_TRUE(actual.contains(golden.expected))
        << "expected: " << golden.expected << "\nfound:    " << actual;
    return;
  }
  ASSERT_TRUE(outcome.has_value()) << actual;
  EXPECT_EQ(actual, golden.expected);
  const auto again = ir::parse_graph(*outcome, ops::find_operator);
  ASSERT_TRUE(again.has_value()) << again.error().message;
  EXPECT_EQ(text_of(*again), *outcome);
}

fs::path folder() { return fs::path(TESSERA_SOURCE_DIR) / "tests" / "golden"; }

std::vector<fs::path> files() {
  std::vector<fs::path> paths;
  for (const auto& entry : fs::recursive_directory_iterator(folder())) {
    if (entry.path().extension() == ".tir") paths.push_back(entry.path());
  }
  std::ranges::sort(paths);
  return paths;
}

std::string test_name(const testing::TestParamInfo<fs::path>& info) {
  std::string name = fs::relative(info.param, folder()).replace_extension().string();
  std::ranges::replace_if(name, [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Files, Golden, testing::ValuesIn(files()), test_name);

}  // namespace
}  // namespace tessera
