// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <vector>

#include "runtime/workspace_turn.h"
#include "tessera/program.h"

namespace tessera {
namespace {

/// H and W in multiples of 4 from 64 to 1024.
std::shared_ptr<const Program> load_unet() {
  auto program =
      Program::load(std::filesystem::path(TESSERA_TEST_DATA) / "fixtures/unetdyn/xnnpack.pte");
  EXPECT_TRUE(program) << program.error().to_string();
  return program ? *program : nullptr;
}

/// Runs on a square image; a copy of the output's bytes.
std::vector<std::byte> run(Method& method, std::int64_t size) {
  auto image = Tensor::zeros(DType::kF32, {1, 1, size, size}).value();
  for (std::int64_t i = 0; i < image.num_elements(); ++i) {
    image.data<float>()[i] = static_cast<float>(i % 97) / 97;
  }
  EXPECT_TRUE(method.set_input(0, image));
  const auto done = method.execute();
  EXPECT_TRUE(done) << done.error().to_string();
  if (!done) return {};
  const Tensor output = method.output(0).value();
  return {output.bytes(), output.bytes() + output.num_bytes()};
}

TEST(Workspaces, AreSharedByMethodsThatTakeTurns) {
  const auto program = load_unet();
  ASSERT_TRUE(program);
  const auto workspace = Workspace::create();
  const auto alone = program->load_method("forward", {.band_bytes = 0}).value();
  auto first = program->load_method("forward", {.workspace = workspace, .band_bytes = 0}).value();
  const auto second =
      program->load_method("forward", {.workspace = workspace, .band_bytes = 0}).value();
  // The second makes the workspace grow, which moves it under the first.
  for (const std::int64_t size : {64, 128, 256}) {
    const auto expected = run(*alone, size);
    EXPECT_EQ(run(*first, 64), run(*alone, 64));
    EXPECT_EQ(run(*second, size), run(*alone, size));
    EXPECT_EQ(run(*first, 64), run(*alone, 64));
    EXPECT_EQ(run(*second, size), expected);
  }
  run(*alone, 256);
  const std::size_t of_one = alone->memory().workspace_bytes;
  run(*first, 256);
  EXPECT_EQ(first->memory().workspace_bytes, workspace->num_bytes());
  EXPECT_EQ(second->memory().workspace_bytes, workspace->num_bytes());
  EXPECT_LT(workspace->num_bytes(), of_one + of_one / 2);
  first.reset();
  EXPECT_EQ(run(*second, 256), run(*alone, 256));
  EXPECT_EQ(workspace->num_bytes(), of_one);
}

TEST(Workspaces, AreReadyAfterLoadingIfNoSizeCanChange) {
  const auto file = std::filesystem::path(TESSERA_TEST_DATA) / "fixtures/unet/xnnpack.pte";
  const auto program = Program::load(file).value();
  const auto method = program->load_method().value();
  const std::size_t loaded = method->memory().workspace_bytes;
  EXPECT_GT(loaded, std::size_t{1} << 20);
  EXPECT_FALSE(run(*method, program->inputs().value()[0].max_sizes[2]).empty());
  EXPECT_EQ(method->memory().workspace_bytes, loaded);
  // Nothing is known of this one's sizes.
  EXPECT_LT(load_unet()->load_method().value()->memory().workspace_bytes, std::size_t{1} << 20);
}

TEST(Workspaces, ServeOneMethodAtATime) {
  const auto program = load_unet();
  ASSERT_TRUE(program);
  const auto workspace = Workspace::create();
  const auto method =
      program->load_method("forward", {.workspace = workspace, .band_bytes = 0}).value();
  const auto expected = run(*method, 64);
  {
    const auto turn = runtime::Turn::take(workspace->impl());  // as a method that runs has it
    const auto done = method->execute();
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, ErrorCode::kInvalidState);
  }
  EXPECT_EQ(run(*method, 64), expected);
}

TEST(Workspaces, GoBackWhenSizesStaySmall) {
  const auto program = load_unet();
  ASSERT_TRUE(program);
  const auto method = program->load_method("forward", {.band_bytes = 0}).value();
  const auto expected = run(*method, 64);
  const std::size_t small = method->memory().workspace_bytes;
  run(*method, 512);
  const std::size_t large = method->memory().workspace_bytes;
  EXPECT_GT(large, 20 * small);
  // One small image between large ones changes nothing.
  EXPECT_EQ(run(*method, 64), expected);
  EXPECT_GT(method->memory().workspace_bytes, large / 2);
  for (int i = 0; i < 8; ++i) EXPECT_EQ(run(*method, 64), expected);
  EXPECT_EQ(method->memory().workspace_bytes, small);
  run(*method, 512);
  EXPECT_EQ(method->memory().workspace_bytes, large);
}

}  // namespace
}  // namespace tessera
