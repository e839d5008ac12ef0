// SPDX-License-Identifier: MIT
#include "runtime/arena.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

namespace tessera::runtime {
namespace {

const auto kPage = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));

std::size_t num_resident_pages(const Arena& arena) {
  std::vector<unsigned char> pages(arena.size() / kPage);
  EXPECT_EQ(::mincore(arena.data(), arena.size(), pages.data()), 0);
  return static_cast<std::size_t>(
      std::ranges::count_if(pages, [](unsigned char page) { return (page & 1) != 0; }));
}

TEST(Arena, ReservesMuchAndCommitsWhatIsTouched) {
  const Arena arena = Arena::reserve(std::size_t{1} << 38).value();
  arena.data()[0] = std::byte{1};
  arena.data()[arena.size() - 1] = std::byte{1};
  EXPECT_EQ(arena.committed_bytes(), 0u);
}

TEST(Arena, RefusesWhatNoAddressSpaceHolds) {
  const auto arena = Arena::reserve(SIZE_MAX);
  ASSERT_FALSE(arena.has_value());
  EXPECT_EQ(arena.error().code, ErrorCode::kMemoryAllocationFailed);
}

TEST(Arena, CountsPagesOfTheUnionOnce) {
  Arena arena = Arena::reserve(64 * kPage).value();
  arena.use(
      std::vector<ByteRange>{{0, 10}, {5, kPage}, {kPage - 1, kPage + 1}, {8 * kPage, 8 * kPage}});
  EXPECT_EQ(arena.committed_bytes(), 2 * kPage);
}

TEST(Arena, GivesBackOnlyWhatIsNoLongerInUse) {
  Arena arena = Arena::reserve(64 * kPage).value();
  arena.use(std::vector<ByteRange>{{0, 64 * kPage}});
  std::memset(arena.data(), 7, arena.size());
  EXPECT_EQ(num_resident_pages(arena), 64u);

  arena.use(std::vector<ByteRange>{{10 * kPage, 12 * kPage}, {40 * kPage + 1, 40 * kPage + 2}});
  EXPECT_EQ(num_resident_pages(arena), 3u);
  EXPECT_EQ(arena.committed_bytes(), 3 * kPage);
  EXPECT_EQ(arena.data()[10 * kPage], std::byte{7});
  EXPECT_EQ(arena.data()[40 * kPage], std::byte{7});
  EXPECT_EQ(arena.data()[9 * kPage], std::byte{0});
  EXPECT_EQ(arena.data()[63 * kPage], std::byte{0});
}

}  // namespace
}  // namespace tessera::runtime
