// SPDX-License-Identifier: MIT
//
// Runs a fuzz target without libFuzzer: on every file of a folder and on seeded mutations of them.
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using Bytes = std::vector<std::uint8_t>;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kTimeLimit{2000};
constexpr std::size_t kMaxMutants = 20'000;

std::vector<Bytes> read_inputs(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> paths;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (entry.is_regular_file()) paths.push_back(entry.path());
  }
  std::ranges::sort(paths);  // the same mutants on every machine
  std::vector<Bytes> inputs;
  for (const auto& path : paths) {
    std::ifstream file(path, std::ios::binary);
    inputs.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  return inputs;
}

class Mutator {
 public:
  Bytes mutate(Bytes bytes) {
    switch (below(4)) {
      case 0:
        bytes.resize(below(bytes.size() + 1));
        break;
      case 1:
        for (std::size_t count = 1 + below(4); count > 0; --count) flip_bit(bytes);
        break;
      case 2:
        swap_words(bytes);
        break;
      default:
        set_word(bytes);
        break;
    }
    return bytes;
  }

 private:
  static constexpr std::size_t kWordBytes = 4;

  std::size_t below(std::size_t limit) { return random_() % limit; }

  void flip_bit(Bytes& bytes) {
    if (!bytes.empty()) bytes[below(bytes.size())] ^= static_cast<std::uint8_t>(1u << below(8));
  }

  void swap_words(Bytes& bytes) {
    const std::size_t num_words = bytes.size() / kWordBytes;
    if (num_words == 0) return;
    const auto first = bytes.begin() + std::ptrdiff_t(below(num_words) * kWordBytes);
    const auto second = bytes.begin() + std::ptrdiff_t(below(num_words) * kWordBytes);
    if (first != second) std::swap_ranges(first, first + kWordBytes, second);
  }

  /// Numbers at the edges of what a field can have.
  void set_word(Bytes& bytes) {
    constexpr std::uint32_t kNumbers[] = {0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 0xfffffff0};
    const std::size_t num_words = bytes.size() / kWordBytes;
    if (num_words == 0) return;
    const std::size_t start = below(num_words) * kWordBytes;
    const std::uint32_t number = kNumbers[below(std::size(kNumbers))];
    for (std::size_t byte = 0; byte < kWordBytes; ++byte) {
      bytes[start + byte] = static_cast<std::uint8_t>(number >> (8 * byte));
    }
  }

  std::mt19937_64 random_{1};
};

/// A copy of exactly its size, so that a sanitizer sees every read behind the end.
void run(const Bytes& bytes) {
  const Bytes exact(bytes.begin(), bytes.end());
  LLVMFuzzerTestOneInput(exact.data(), exact.size());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
    return 2;
  }
  const std::vector<Bytes> inputs = read_inputs(argv[1]);
  if (inputs.empty()) {
    std::fprintf(stderr, "%s: no inputs in %s\n", argv[0], argv[1]);
    return 1;
  }
  const auto start = Clock::now();
  for (const Bytes& input : inputs) run(input);
  Mutator mutator;
  std::size_t num_mutants = 0;
  while (num_mutants < kMaxMutants && Clock::now() - start < kTimeLimit) {
    run(mutator.mutate(inputs[num_mutants % inputs.size()]));
    ++num_mutants;
  }
  std::printf("%zu inputs, %zu mutants\n", inputs.size(), num_mutants);
  return 0;
}
