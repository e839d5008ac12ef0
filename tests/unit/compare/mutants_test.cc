// SPDX-License-Identifier: MIT
// A stranger's programs: whatever is wrong with one is said, or it is compared.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <random>
#include <vector>

#include "base/mapped_file.h"
#include "tensor/npy.h"
#include "tessera/compare.h"

namespace tessera {
namespace {

constexpr int kNumMutants = 100;

/// Changes a byte of the tables, which come before constants.
std::vector<std::byte> mutant_of(std::span<const std::byte> bytes, std::mt19937& random) {
  std::vector<std::byte> mutant(bytes.begin(), bytes.end());
  std::uint64_t table_bytes = 0;
  std::memcpy(&table_bytes, bytes.data() + 16, sizeof table_bytes);  // of the extended header
  const std::size_t end = std::min<std::size_t>(mutant.size(), table_bytes);
  mutant[32 + random() % (end - 32)] = std::byte(random());
  return mutant;
}

TEST(Mutants, AreComparedOrRefused) {
  const std::filesystem::path fixtures = std::filesystem::path(TESSERA_TEST_DATA) / "fixtures";
  std::mt19937 random(1);
  int num_compared = 0, num_refused = 0;
  for (const auto& [name, input] : {std::pair("mlp/xnnpack_q8dyn.pte", "mlp/in0.npy"),
                                    std::pair("demodyn/xnnpack_q8.pte", "demodyn/in1.npy"),
                                    std::pair("demodyn/portable.pte", "demodyn/in1.npy")}) {
    const auto file = FileBytes::map(fixtures / name).value();
    const auto original = Program::load(fixtures / name).value();
    const std::vector inputs = {read_npy(fixtures / input).value()};
    for (int i = 0; i < kNumMutants; ++i) {
      const auto program = Program::load(mutant_of(file->bytes(), random));
      const auto comparison =
          program ? ProgramComparison::create(original, *program)
                  : Result<std::unique_ptr<ProgramComparison>>(std::unexpected(program.error()));
      const Result<void> added =
          comparison ? (*comparison)->add(inputs) : std::unexpected(comparison.error());
      if (added) {
        ++num_compared;
        EXPECT_EQ((*comparison)->report().num_inputs, 1u);
      } else {
        ++num_refused;
        EXPECT_FALSE(added.error().message.empty());
      }
    }
  }
  // Else the mutants are too weak, or too strong to get anywhere.
  EXPECT_GT(num_compared, 10);
  EXPECT_GT(num_refused, 10);
}

}  // namespace
}  // namespace tessera
