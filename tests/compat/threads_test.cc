// SPDX-License-Identifier: MIT
// Eight methods of one program on eight threads: the bits of one, and nothing for ThreadSanitizer.
#include <gtest/gtest.h>

#include <filesystem>
#include <thread>
#include <vector>

#include "tensor/npy.h"
#include "tessera/program.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;

constexpr int kNumThreads = 8;
constexpr int kNumRuns = 3;

std::vector<std::byte> run_alone(const Program& program, const Tensor& input) {
  const auto method = program.load_method();
  if (!method || !(*method)->set_input(0, input)) return {};
  for (int i = 0; i < kNumRuns; ++i) {
    if (!(*method)->execute()) return {};
  }
  const auto output = (*method)->output(0);
  if (!output) return {};
  return {output->bytes(), output->bytes() + output->num_bytes()};
}

void expect_same_on_all_threads(const fs::path& file) {
  SCOPED_TRACE(file);
  const auto program = Program::load(file);
  ASSERT_TRUE(program.has_value()) << program.error().message;
  const auto input = read_npy(file.parent_path() / "in0.npy");
  ASSERT_TRUE(input.has_value()) << input.error().message;
  const auto expected = run_alone(**program, *input);
  ASSERT_FALSE(expected.empty());
  std::vector<std::vector<std::byte>> found(kNumThreads);
  {
    std::vector<std::jthread> threads;
    for (auto& result : found) {
      threads.emplace_back([&] { result = run_alone(**program, *input); });
    }
  }
  for (const auto& result : found) EXPECT_EQ(result, expected);
}

TEST(Threads, RunMethodsOfOneProgramAtOnce) {
  for (const fs::path& root :
       {fs::path(TESSERA_TEST_DATA) / "fixtures", fs::path(TESSERA_FIXTURES)}) {
    for (const char* model : {"unet", "edge", "se", "mv2", "demo288"}) {
      for (const char* kind : {"xnnpack.pte", "portable.pte", "xnnpack_q8.pte"}) {
        const fs::path file = root / model / kind;
        if (root.empty() || !fs::exists(file)) continue;
        if (fs::exists(root / model / "in0.npy")) expect_same_on_all_threads(file);
      }
    }
  }
}

}  // namespace
}  // namespace tessera
