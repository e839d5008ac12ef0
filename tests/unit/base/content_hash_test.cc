// SPDX-License-Identifier: MIT
#include "base/content_hash.h"

#include <gtest/gtest.h>

#include <string_view>

namespace tessera {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

/// XXH3_128 of nothing and of a text, as xxhsum -H2 prints them: files of packed weights must mean
/// the same tomorrow.
TEST(ContentHash, IsXxh3) {
  EXPECT_EQ(content_hash({}, 0), (ContentHash{0x6001c324468d497f, 0x99aa06d3014798d8}));
}

TEST(ContentHash, DependsOnBytesAndSeed) {
  const ContentHash hash = content_hash(bytes_of("weights"), 1);
  EXPECT_EQ(hash, content_hash(bytes_of("weights"), 1));
  EXPECT_NE(hash, content_hash(bytes_of("weights"), 2));
  EXPECT_NE(hash, content_hash(bytes_of("weight"), 1));
  EXPECT_NE(random_seed(), random_seed());
}

TEST(Description, KeepsPartsApart) {
  const std::vector<std::uint32_t> one = {1}, none;
  Description a, b;
  a.add(std::span<const std::uint32_t>(one));
  a.add(std::span<const std::uint32_t>(none));
  b.add(std::span<const std::uint32_t>(none));
  b.add(std::span<const std::uint32_t>(one));
  EXPECT_NE(a.hash(0), b.hash(0));
}

}  // namespace
}  // namespace tessera
