// SPDX-License-Identifier: MIT
// Programs with bytes changed load and run or are refused: no crash (the sanitizer builds see
// more), no endless run, no memory beyond four times what the intact program needs.
#include <gtest/gtest.h>
#include <time.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <ostream>
#include <random>
#include <string>
#include <vector>

#include "tensor/npy.h"
#include "tessera/program.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#include <sanitizer/allocator_interface.h>
#define TESSERA_COUNTS_MEMORY 1
#endif
#endif

namespace tessera {
namespace {

namespace fs = std::filesystem;

/// Mutants of each program; TESSERA_MUTANTS sets another number.
constexpr int kDefaultMutants = 200;
/// Processor time of one mutant, though sanitizers slow down about ten times.
constexpr double kMaxSeconds = 1;
constexpr std::size_t kMaxMemoryFactor = 4;
/// What messages and tables of a refused mutant may take beyond that.
constexpr std::size_t kMemorySlack = std::size_t{64} << 10;

std::atomic<std::size_t> live_bytes = 0, peak_bytes = 0;

#ifdef TESSERA_COUNTS_MEMORY
void on_malloc(const volatile void*, std::size_t size) {
  const std::size_t live = live_bytes += size;
  if (live > peak_bytes) peak_bytes = live;
}
void on_free(const volatile void* block) {
  if (block != nullptr) {
    live_bytes -= __sanitizer_get_allocated_size(const_cast<const void*>(block));
  }
}
void count_memory() {
  static const bool is_installed = __sanitizer_install_malloc_and_free_hooks(on_malloc, on_free);
  EXPECT_TRUE(is_installed);
}
#else
void count_memory() {}
#endif

double processor_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

std::vector<std::byte> read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::vector<char> chars{std::istreambuf_iterator<char>(file), {}};
  std::vector<std::byte> bytes(chars.size());
  if (!bytes.empty()) std::memcpy(bytes.data(), chars.data(), chars.size());
  return bytes;
}

/// The smallest stored input.
Tensor read_input(const fs::path& folder) {
  Tensor smallest;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (!entry.path().filename().string().starts_with("in")) continue;
    const auto tensor = read_npy(entry.path());
    EXPECT_TRUE(tensor.has_value()) << entry.path();
    if (tensor && (!smallest.has_data() || tensor->num_bytes() < smallest.num_bytes())) {
      smallest = *tensor;
    }
  }
  return smallest;
}

struct Outcome {
  bool has_run = false;
  std::size_t heap_bytes = 0;  ///< at once; counted under AddressSanitizer only
  MethodMemory memory;         ///< arenas, which are mapped
};

Outcome load_and_run(std::span<const std::byte> bytes, const Tensor& input) {
  const std::size_t before = live_bytes;
  peak_bytes = before;
  Outcome outcome;
  if (const auto program = Program::load(bytes)) {
    const auto method = (*program)->load_method();
    if (method && (*method)->num_inputs() == 1 && (*method)->set_input(0, input)) {
      outcome.has_run = (*method)->execute().has_value();
      outcome.memory = (*method)->memory();
    }
  }
  outcome.heap_bytes = peak_bytes - before;
  return outcome;
}

/// Zeros of the largest sizes that the program takes: it honestly needs what it needs for them.
Tensor largest_input(std::span<const std::byte> bytes) {
  const TensorInfo info = Program::load(bytes).value()->inputs().value()[0];
  return Tensor::zeros(info.dtype, info.max_sizes).value();
}

/// Bytes up to the segments: the tables, which say where everything is.
std::size_t table_bytes(std::span<const std::byte> bytes) {
  std::uint64_t size = 0;
  std::memcpy(&size, bytes.data() + 16, sizeof size);  // program_size of the extended header
  return std::clamp<std::size_t>(size, 64, bytes.size());
}

class Mutator {
 public:
  explicit Mutator(std::uint32_t seed) : random_(seed) {}

  std::vector<std::byte> mutate(std::span<const std::byte> intact) {
    std::vector<std::byte> bytes(intact.begin(), intact.end());
    // Nine in ten in the tables, the others anywhere: blobs of delegates, weights.
    const std::size_t range = below(10) != 0 ? table_bytes(intact) : bytes.size();
    switch (below(4)) {
      case 0:
        for (std::size_t i = 0, count = 1 + below(4); i < count; ++i) {
          bytes[below(range)] ^= static_cast<std::byte>(1 << below(8));
        }
        break;
      case 1:
        bytes.resize(below(bytes.size()));
        break;
      case 2: {  // two words (offsets, indices, sizes) change places
        const std::size_t words = range / 4;
        const std::size_t a = below(words) * 4, b = below(words) * 4;
        for (std::size_t i = 0; i < 4; ++i) std::swap(bytes[a + i], bytes[b + i]);
        break;
      }
      default: {  // a word at its limits
        constexpr std::uint32_t kWords[] = {0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 65536};
        std::memcpy(bytes.data() + below(range / 4) * 4, &kWords[below(std::size(kWords))], 4);
      }
    }
    return bytes;
  }

 private:
  std::size_t below(std::size_t limit) { return random_() % limit; }
  std::mt19937 random_;
};

class MutatedPrograms : public ::testing::TestWithParam<fs::path> {};

TEST_P(MutatedPrograms, LoadAndRunOrAreRefused) {
  count_memory();
  const std::vector<std::byte> intact = read_file(GetParam());
  const Tensor input = read_input(GetParam().parent_path());
  const Outcome normal = load_and_run(intact, input);
  ASSERT_TRUE(normal.has_run);
  const Outcome full = load_and_run(intact, largest_input(intact));
  ASSERT_TRUE(full.has_run);
  const std::size_t need = full.heap_bytes + full.memory.planned_bytes;
  const char* number = std::getenv("TESSERA_MUTANTS");
  const int num_mutants = number != nullptr ? std::atoi(number) : kDefaultMutants;
  Mutator mutator(static_cast<std::uint32_t>(intact.size()));
  int num_run = 0;
  double slowest = 0;
  std::size_t most_bytes = 0;
  for (int i = 0; i < num_mutants; ++i) {
    const std::vector<std::byte> bytes = mutator.mutate(intact);
    const double start = processor_seconds();
    const Outcome outcome = load_and_run(bytes, input);
    num_run += outcome.has_run ? 1 : 0;
    const double seconds = processor_seconds() - start;
    slowest = std::max(slowest, seconds);
    const std::size_t num_bytes = outcome.heap_bytes + outcome.memory.committed_bytes;
    most_bytes = std::max(most_bytes, num_bytes);
    EXPECT_LE(num_bytes, kMaxMemoryFactor * need + kMemorySlack) << "mutant " << i;
    EXPECT_LT(seconds, kMaxSeconds) << "mutant " << i;
  }
  std::printf("%d mutants, %d of them ran, slowest %.3f s, most memory %.2f of the need\n",
              num_mutants, num_run, slowest,
              static_cast<double>(most_bytes) / static_cast<double>(need));
}

std::vector<fs::path> programs() {
  std::vector<fs::path> found;
  for (const fs::path& root :
       {fs::path(TESSERA_TEST_DATA) / "fixtures", fs::path(TESSERA_FIXTURES)}) {
    if (root.empty() || !fs::exists(root)) continue;
    for (const auto& entry : fs::recursive_directory_iterator(root)) {
      const bool has_input = fs::exists(entry.path().parent_path() / "in0.npy");
      if (entry.path().extension() == ".pte" && has_input) found.push_back(entry.path());
    }
  }
  std::ranges::sort(found);
  return found;
}

INSTANTIATE_TEST_SUITE_P(Fixtures, MutatedPrograms, ::testing::ValuesIn(programs()),
                         [](const auto& info) {
                           std::string name = info.param.parent_path().filename().string() + "_" +
                                              info.param.stem().string() + "_" +
                                              std::to_string(info.index);
                           return name;
                         });

}  // namespace
}  // namespace tessera
