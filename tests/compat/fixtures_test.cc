// SPDX-License-Identifier: MIT
// Programs that ExecuTorch's exporter wrote give PyTorch's results.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <ostream>
#include <string>
#include <vector>

#include "tensor/npy.h"
#include "tessera/program.h"
#include "tolerance.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;

struct Fixture {
  fs::path folder;
  std::string program;

  std::string name() const { return folder.filename().string() + "/" + program; }
};

void PrintTo(const Fixture& fixture, std::ostream* out) { *out << fixture.name(); }

/// Folders that come later win: a folder of further fixtures has more cases of the same model.
std::vector<Fixture> find_fixtures() {
  std::vector<Fixture> fixtures;
  for (const char* model :
       {"edge", "edge288", "edge1024", "demo288", "demodyn", "unet", "unetdyn", "mv2"}) {
    fs::path found;
    for (const fs::path& root :
         {fs::path(TESSERA_TEST_DATA) / "fixtures", fs::path(TESSERA_FIXTURES)}) {
      if (!root.empty() && fs::exists(root / model)) found = root / model;
    }
    if (found.empty()) continue;
    for (const char* program : {"portable.pte", "xnnpack.pte"})
      fixtures.push_back({found, program});
  }
  return fixtures;
}

class Fixtures : public ::testing::TestWithParam<Fixture> {
 protected:
  static fs::path path_of(const std::string& name) { return GetParam().folder / name; }

  /// Numbers N of the stored cases inN.npy, outN.npy.
  static std::vector<int> cases() {
    std::vector<int> numbers;
    for (int n = 0; n < 16; ++n) {
      if (fs::exists(path_of(std::format("in{}.npy", n)))) numbers.push_back(n);
    }
    return numbers;
  }

  static Tensor read(const std::string& name) {
    auto tensor = read_npy(path_of(name));
    EXPECT_TRUE(tensor.has_value()) << tensor.error().message;
    return *tensor;
  }

  static std::unique_ptr<Method> load(std::size_t num_threads) {
    auto program = Program::load(path_of(GetParam().program));
    EXPECT_TRUE(program.has_value()) << program.error().message;
    if (!program) return nullptr;
    auto method = (*program)->load_method("forward", {.num_threads = num_threads});
    EXPECT_TRUE(method.has_value()) << method.error().message;
    return method ? *std::move(method) : nullptr;
  }

  static Tensor run(Method& method, const Tensor& input) {
    auto set = method.set_input(0, input);
    EXPECT_TRUE(set.has_value()) << set.error().message;
    auto executed = method.execute();
    EXPECT_TRUE(executed.has_value()) << executed.error().message;
    auto output = method.output(0);
    EXPECT_TRUE(output.has_value());
    return output ? *output : Tensor();
  }
};

TEST_P(Fixtures, GivePyTorchsResultsWithOneMethodForAllSizes) {
  const auto method = load(1);
  ASSERT_NE(method, nullptr);
  ASSERT_FALSE(cases().empty());
  for (const int n : cases()) {
    const Tensor output = run(*method, read(std::format("in{}.npy", n)));
    const Tensor expected = read(std::format("out{}.npy", n));
    EXPECT_LE(testing::relative_error(output, expected), testing::kFixtureRelativeTolerance)
        << "case " << n << ": " << output.type_string() << ", expected " << expected.type_string();
  }
}

TEST_P(Fixtures, ThreadsDoNotChangeABit) {
  const Tensor input = read(std::format("in{}.npy", cases().back()));
  const auto one = load(1), two = load(2);
  ASSERT_NE(one, nullptr);
  ASSERT_NE(two, nullptr);
  const Tensor first = run(*one, input), second = run(*two, input);
  ASSERT_EQ(first.num_bytes(), second.num_bytes());
  ASSERT_GT(first.num_bytes(), 0u);
  EXPECT_EQ(std::memcmp(first.bytes(), second.bytes(), first.num_bytes()), 0);
}

INSTANTIATE_TEST_SUITE_P(, Fixtures, ::testing::ValuesIn(find_fixtures()), [](const auto& info) {
  std::string name = info.param.name();
  std::ranges::replace_if(name, [](char c) { return !std::isalnum(c); }, '_');
  return name;
});

}  // namespace
}  // namespace tessera
