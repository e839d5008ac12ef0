// SPDX-License-Identifier: MIT
// Programs that ExecuTorch's exporter wrote, and those that Tessera compiles from the same models,
// give PyTorch's results.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <map>
#include <ostream>
#include <string>
#include <vector>

#include "tensor/npy.h"
#include "tessera/compile.h"
#include "tessera/program.h"
#include "tolerance.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;

struct Fixture {
  fs::path folder;
  fs::path model;       ///< .pt2
  std::string program;  ///< file in the folder, or kCompiled...

  std::string name() const { return folder.filename().string() + "/" + program; }
};

constexpr std::string_view kCompiledXnnpack = "compiled for xnnpack";
constexpr std::string_view kCompiledPortable = "compiled for portable";

void PrintTo(const Fixture& fixture, std::ostream* out) { *out << fixture.name(); }

/// Folders with a model's cases, by name. Those of a root that comes later win: a folder of further
/// fixtures has more cases of the same model.
std::map<std::string, fs::path> find_folders() {
  std::map<std::string, fs::path> folders;
  for (const fs::path& root :
       {fs::path(TESSERA_TEST_DATA) / "fixtures", fs::path(TESSERA_FIXTURES)}) {
    if (root.empty() || !fs::exists(root)) continue;
    for (const auto& entry : fs::directory_iterator(root)) {
      if (entry.is_directory()) folders[entry.path().filename()] = entry.path();
    }
  }
  return folders;
}

/// Numbers N of the folder's cases inN.npy, outN.npy.
std::vector<int> find_cases(const fs::path& folder) {
  std::vector<int> numbers;
  for (int n = 0; n < 16; ++n) {
    if (fs::exists(folder / std::format("in{}.npy", n)) &&
        fs::exists(folder / std::format("out{}.npy", n))) {
      numbers.push_back(n);
    }
  }
  return numbers;
}

/// Every program in f32 of every folder, and every model compiled both ways. Quantized programs,
/// which have other references, are in quantized_test.cc.
std::vector<Fixture> find_fixtures() {
  std::vector<Fixture> fixtures;
  const auto add_compiled = [&](const fs::path& folder, const fs::path& model) {
    for (const std::string_view program : {kCompiledXnnpack, kCompiledPortable}) {
      fixtures.push_back({folder, model, std::string(program)});
    }
  };
  for (const auto& [name, folder] : find_folders()) {
    if (find_cases(folder).empty()) continue;  // parts of a fixture, for tests of other things
    const fs::path model = folder / "model.pt2";
    for (const char* program : {"portable.pte", "xnnpack.pte"}) {
      if (fs::exists(folder / program)) fixtures.push_back({folder, model, program});
    }
    if (fs::exists(model)) add_compiled(folder, model);
  }
  add_compiled(fs::path(TESSERA_TEST_DATA) / "denoise",
               fs::path(TESSERA_SOURCE_DIR) / "models/denoise/denoise.pt2");
  return fixtures;
}

class Fixtures : public ::testing::TestWithParam<Fixture> {
 protected:
  static fs::path path_of(const std::string& name) { return GetParam().folder / name; }

  static std::vector<int> cases() { return find_cases(GetParam().folder); }

  static Tensor read(const std::string& name) {
    auto tensor = read_npy(path_of(name));
    EXPECT_TRUE(tensor.has_value()) << tensor.error().message;
    return *tensor;
  }

  static Result<std::shared_ptr<const Program>> load_program() {
    const Fixture& fixture = GetParam();
    if (fixture.program.ends_with(".pte")) return Program::load(path_of(fixture.program));
    const fs::path path = fs::temp_directory_path() / std::format("tessera-{}.pte", ::getpid());
    const auto backend =
        fixture.program == kCompiledXnnpack ? Backend::kXnnpack : Backend::kPortable;
    auto report = compile(fixture.model, path, {.backend = backend});
    if (!report) return std::unexpected(report.error());
    auto program = Program::load(path);
    fs::remove(path);  // the mapping keeps the bytes
    return program;
  }

  static std::unique_ptr<Method> load(std::size_t num_threads) {
    auto program = load_program();
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

/// One method for all sizes, and the last case again with two threads.
TEST_P(Fixtures, GivePyTorchsResultsWithAnyNumberOfThreads) {
  const auto method = load(1), two_threads = load(2);
  ASSERT_TRUE(method != nullptr && two_threads != nullptr);
  ASSERT_FALSE(cases().empty());
  for (const int n : cases()) {
    const Tensor input = read(std::format("in{}.npy", n));
    const Tensor output = run(*method, input);
    const Tensor expected = read(std::format("out{}.npy", n));
    EXPECT_LE(testing::relative_error(output, expected), testing::kFixtureRelativeTolerance)
        << "case " << n << ": " << output.type_string() << ", expected " << expected.type_string();
    if (n != cases().back()) continue;
    const Tensor same = run(*two_threads, input);
    ASSERT_EQ(output.num_bytes(), same.num_bytes());
    EXPECT_EQ(std::memcmp(output.bytes(), same.bytes(), output.num_bytes()), 0);
  }
}

INSTANTIATE_TEST_SUITE_P(, Fixtures, ::testing::ValuesIn(find_fixtures()), [](const auto& info) {
  std::string name = info.param.name();
  std::ranges::replace_if(name, [](char c) { return !std::isalnum(c); }, '_');
  return name;
});

}  // namespace
}  // namespace tessera
