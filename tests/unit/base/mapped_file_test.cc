// SPDX-License-Identifier: MIT
#include "base/mapped_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "resident_bytes.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;

class MappedFile : public ::testing::Test {
 protected:
  MappedFile() : folder_(fs::temp_directory_path() / std::format("tessera-base-{}", ::getpid())) {
    fs::create_directory(folder_);
  }
  ~MappedFile() override { fs::remove_all(folder_); }

  std::size_t num_files() const {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(folder_), fs::directory_iterator()));
  }

  const fs::path folder_;
};

TEST_F(MappedFile, GivesTheBytesAndZerosBehindThem) {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  for (const std::size_t size : {std::size_t{1}, page - 1, page, page + 1, 3 * page}) {
    const std::vector<std::byte> bytes(size, std::byte{7});
    ASSERT_TRUE(write_file_atomically(folder_ / "f", bytes).has_value());
    const auto file = FileBytes::map(folder_ / "f").value();
    EXPECT_TRUE(std::ranges::equal(file->bytes(), bytes));
    EXPECT_EQ(file->bytes().data()[size], std::byte{0}) << size;
    EXPECT_EQ(file->bytes().data()[size + page - 1], std::byte{0}) << size;
  }
}

TEST_F(MappedFile, IsEmptyForAnEmptyFile) {
  ASSERT_TRUE(write_file_atomically(folder_ / "f", {}).has_value());
  EXPECT_TRUE(FileBytes::map(folder_ / "f").value()->bytes().empty());
}

TEST_F(MappedFile, SaysWhatIsWrong) {
  EXPECT_EQ(FileBytes::map(folder_ / "none").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(FileBytes::map(folder_).error().code, ErrorCode::kAccessFailed);
}

TEST_F(MappedFile, GivesPagesBackAndBringsThemBack) {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  std::vector<std::byte> bytes(64 * page);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i / 100);
  ASSERT_TRUE(write_file_atomically(folder_ / "f", bytes).has_value());
  const auto file = FileBytes::map(folder_ / "f").value();
  const auto resident = [&] { return testing::resident_bytes_of_mapping(file->bytes().data()); };
  testing::touch_pages(file->bytes().data(), file->bytes().size());
  ASSERT_EQ(resident(), 64 * page);
  // Pages 1 to 9 and 21 to 29; what is not of this file is left alone.
  file->give_back({file->bytes().subspan(20 * page + 1, 10 * page - 1),
                   file->bytes().subspan(5 * page + 16, 5 * page - 16),
                   file->bytes().subspan(page, 4 * page + 8), std::as_bytes(std::span("other"))});
  EXPECT_EQ(resident(), (64 - 18) * page);
  EXPECT_TRUE(std::ranges::equal(file->bytes(), bytes));
  EXPECT_EQ(resident(), 64 * page);
}

TEST_F(MappedFile, LeavesNothingHalfWritten) {
  const std::vector<std::byte> old_bytes(3, std::byte{1}), new_bytes(5, std::byte{2});
  ASSERT_TRUE(write_file_atomically(folder_ / "f", old_bytes).has_value());
  ASSERT_TRUE(write_file_atomically(folder_ / "f", new_bytes).has_value());
  EXPECT_EQ(FileBytes::map(folder_ / "f").value()->bytes().size(), 5u);
  EXPECT_FALSE(write_file_atomically(folder_ / "no/f", new_bytes).has_value());
  fs::create_directory(folder_ / "d");
  EXPECT_FALSE(write_file_atomically(folder_ / "d", new_bytes).has_value());
  EXPECT_EQ(num_files(), 2u);
}

}  // namespace
}  // namespace tessera
