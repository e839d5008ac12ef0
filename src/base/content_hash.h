// SPDX-License-Identifier: MIT
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <vector>

namespace tessera {

/// 128 bits that stand for contents (XXH3). Not cryptographic: whoever knows the seed can make two
/// contents with one hash, so a seed that must not be known comes from random_seed().
struct ContentHash {
  std::uint64_t low = 0, high = 0;
  friend auto operator<=>(const ContentHash&, const ContentHash&) = default;
};

ContentHash content_hash(std::span<const std::byte> bytes, std::uint64_t seed);
std::uint64_t random_seed();

/// Collects the parts of a description, whose hash then stands for all of them. Parts of varying
/// length need their length in front.
class Description {
 public:
  template <class T>
    requires std::is_arithmetic_v<T> || std::is_enum_v<T>
  void add(T number) {
    add_bytes(std::as_bytes(std::span(&number, 1)));
  }
  void add(const ContentHash& hash) {
    add(hash.low);
    add(hash.high);
  }
  template <class T>
  void add(std::span<const T> numbers) {
    add(numbers.size());
    add_bytes(std::as_bytes(numbers));
  }
  ContentHash hash(std::uint64_t seed) const { return content_hash(bytes_, seed); }

 private:
  void add_bytes(std::span<const std::byte> bytes) {
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  }

  std::vector<std::byte> bytes_;
};

}  // namespace tessera
