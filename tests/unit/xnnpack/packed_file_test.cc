// SPDX-License-Identifier: MIT
#include "xnnpack/packed_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <vector>

#include "payload_maker.h"
#include "run_delegate.h"

namespace tessera::xnnpack {
namespace {

namespace fs = std::filesystem;
using Bytes = std::vector<std::byte>;

class PackedFiles : public ::testing::Test {
 protected:
  PackedFiles() : folder_(fs::temp_directory_path() / std::format("tessera-pack-{}", ::getpid())) {
    fs::create_directory(folder_);
  }
  ~PackedFiles() override { fs::remove_all(folder_); }

  struct Loaded {
    DelegateMemory memory;
    std::vector<float> output;
  };

  /// Loads a delegate with the file, runs and destroys it, so that only the file remembers.
  Loaded load() const { return load(sample_convolution()); }
  Loaded load(PayloadMaker maker) const {
    const auto file = PackedFile::open(path_);
    const auto delegate = maker.create(nullptr, {.packed_file = file});
    EXPECT_TRUE(delegate) << delegate.error().to_string();
    if (!delegate) return {};
    const auto saved = file->save();
    EXPECT_TRUE(saved) << saved.error().to_string();
    const auto image = Tensor::of<float>({1, 2, 6, 5}, sample_elements(60, /*seed=*/7));
    const auto output = run_delegate(**delegate, {image});
    const auto elements = output.at(0).elements<float>();
    return {(*delegate)->memory(), {elements.begin(), elements.end()}};
  }

  Bytes bytes() const {
    const auto file = FileBytes::map(path_).value();
    return {file->bytes().begin(), file->bytes().end()};
  }
  void write(const Bytes& content) const { ASSERT_TRUE(write_file_atomically(path_, content)); }

  const fs::path folder_, path_ = folder_ / "weights";
};

TEST_F(PackedFiles, ServeTheNextLoad) {
  const Loaded cold = load();
  EXPECT_EQ(cold.memory.mapped_weight_bytes, 0u);
  const Bytes written = bytes();
  const Loaded warm = load();
  EXPECT_GT(warm.memory.packed_weight_bytes, 0u);
  EXPECT_EQ(warm.memory.mapped_weight_bytes, warm.memory.packed_weight_bytes);
  EXPECT_EQ(warm.output, cold.output);
  EXPECT_EQ(bytes(), written);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()), 1);
}

TEST_F(PackedFiles, KeepTheWeightsOfSeveralPrograms) {
  auto other = sample_convolution();
  other.named_data["constant1"][0] ^= std::byte{1};
  load();
  const Loaded first = load(other);
  EXPECT_EQ(first.memory.mapped_weight_bytes, 0u);
  EXPECT_GT(load(other).memory.mapped_weight_bytes, 0u);
  EXPECT_GT(load().memory.mapped_weight_bytes, 0u);
}

/// What another process added between this one's opening and saving stays.
TEST_F(PackedFiles, KeepWhatOthersAddMeanwhile) {
  load();
  const auto file = PackedFile::open(path_);
  auto mine = sample_convolution(), others = sample_convolution();
  mine.named_data["constant1"][0] ^= std::byte{1};
  others.named_data["constant1"][0] ^= std::byte{2};
  {
    const auto delegate = mine.create(nullptr, {.packed_file = file});
    ASSERT_TRUE(delegate);
    load(others);
    ASSERT_TRUE(file->save());
  }
  EXPECT_GT(load(mine).memory.mapped_weight_bytes, 0u);
  EXPECT_GT(load(others).memory.mapped_weight_bytes, 0u);
}

TEST_F(PackedFiles, AreIgnoredAndReplacedIfDamaged) {
  const Loaded cold = load();
  const Bytes good = bytes();
  std::vector<Bytes> damaged(3, good);
  damaged[0].resize(good.size() - 1);
  damaged[1].clear();
  damaged[2].push_back(std::byte{0});
  // Every byte of the header and of the last entry of the index.
  for (std::size_t i = 0; i < good.size(); ++i) {
    if (i >= 64 && i + 40 < good.size()) continue;
    damaged.push_back(good);
    damaged.back()[i] ^= std::byte{0x41};
  }
  for (const Bytes& content : damaged) {
    write(content);
    const Loaded found = load();
    EXPECT_EQ(found.output, cold.output);
    EXPECT_NE(bytes(), content);
    EXPECT_EQ(load().memory.mapped_weight_bytes, cold.memory.packed_weight_bytes);
  }
}

TEST_F(PackedFiles, AreIgnoredIfTheyAreAnyOtherFile) {
  for (const std::size_t size : {1uz, 63uz, 64uz, 4096uz, 100'000uz}) {
    write(Bytes(size, std::byte{0xff}));
    EXPECT_EQ(load().memory.mapped_weight_bytes, 0u);
    EXPECT_GT(load().memory.mapped_weight_bytes, 0u);
  }
}

TEST_F(PackedFiles, SayWhyTheyCannotBeWritten) {
  const auto file = PackedFile::open(folder_ / "no" / "weights");
  auto maker = sample_convolution();
  const auto delegate = maker.create(nullptr, {.packed_file = file});
  ASSERT_TRUE(delegate);
  const auto saved = file->save();
  ASSERT_FALSE(saved);
  EXPECT_EQ(saved.error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace tessera::xnnpack
