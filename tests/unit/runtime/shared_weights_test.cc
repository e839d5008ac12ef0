// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <thread>
#include <vector>

#include "resident_bytes.h"
#include "runtime/program_impl.h"
#include "tessera/program.h"
#include "xnnpack/packed_weights.h"

namespace tessera {
namespace {

std::size_t packed_bytes() { return xnnpack::PackedWeights::of_process().usage().num_bytes; }

std::shared_ptr<const Program> load_unet() {
  auto program =
      Program::load(std::filesystem::path(TESSERA_TEST_DATA) / "fixtures/unet/xnnpack.pte");
  EXPECT_TRUE(program) << program.error().to_string();
  return program ? *program : nullptr;
}

/// Runs on an image of one colour; a copy of the output's bytes.
std::vector<std::byte> run(Method& method, const Program& program) {
  const auto infos = program.inputs().value();
  auto image = Tensor::zeros(infos[0].dtype, infos[0].max_sizes).value();
  std::fill_n(image.data<float>(), image.num_elements(), 0.25f);
  EXPECT_TRUE(method.set_input(0, image));
  const auto done = method.execute();
  EXPECT_TRUE(done) << done.error().to_string();
  const Tensor output = method.output(0).value();
  return {output.bytes(), output.bytes() + output.num_bytes()};
}

TEST(SharedWeights, AreHeldOnceForMethodsAndPrograms) {
  const auto before = packed_bytes();
  const auto program = load_unet(), same_program = load_unet();
  ASSERT_TRUE(program && same_program);
  const auto first = program->load_method().value();
  const auto of_one = packed_bytes() - before;
  EXPECT_GT(of_one, 0u);
  const auto second = program->load_method().value();
  const auto of_other_program = same_program->load_method().value();
  EXPECT_EQ(packed_bytes() - before, of_one);
  const auto expected = run(*first, *program);
  EXPECT_EQ(run(*second, *program), expected);
  EXPECT_EQ(run(*of_other_program, *program), expected);
}

TEST(SharedWeights, LeaveTheFilesOwnWeightsOutOfMemory) {
  const auto program = load_unet();
  ASSERT_TRUE(program);
  const auto& named_data = program->impl().program.named_data;
  std::size_t num_weight_bytes = 0;
  for (const auto& [key, bytes] : named_data) {
    testing::touch_pages(bytes.data(), bytes.size());
    num_weight_bytes += bytes.size();
  }
  const std::byte* address = named_data.front().second.data();
  const auto before = testing::resident_bytes_of_mapping(address);
  ASSERT_GE(before, num_weight_bytes * 9 / 10);
  const auto method = program->load_method().value();
  const auto after = testing::resident_bytes_of_mapping(address);
  EXPECT_LT(after, before - num_weight_bytes * 9 / 10);
}

TEST(SharedWeights, ServeMethodsThatAreLoadedOnManyThreadsAtOnce) {
  const auto program = load_unet();
  ASSERT_TRUE(program);
  const auto expected = run(*program->load_method().value(), *program);
  std::vector<std::vector<std::byte>> outputs(4);
  {
    std::vector<std::jthread> threads;
    for (auto& output : outputs) {
      threads.emplace_back([&] {
        const auto method = program->load_method();
        if (method) output = run(**method, *program);
      });
    }
  }
  for (const auto& output : outputs) EXPECT_EQ(output, expected);
}

}  // namespace
}  // namespace tessera
