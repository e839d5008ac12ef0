// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "tessera/result.h"

namespace tessera::runtime {

/// Bytes [begin, end) of an arena.
struct ByteRange {
  std::size_t begin = 0, end = 0;
  friend bool operator==(const ByteRange&, const ByteRange&) = default;
};

inline bool overlap(const ByteRange& a, const ByteRange& b) {
  return a.begin < b.end && b.begin < a.end;
}

/// Planned memory of a method: address space for the upper bound of all sizes, of which only the
/// pages that are touched cost memory. Zero until written. Not synchronised.
class Arena {
 public:
  /// Reserves `num_bytes` with kTensorPaddingBytes readable bytes behind them.
  static Result<Arena> reserve(std::size_t num_bytes);
  Arena(Arena&& other) noexcept;
  Arena& operator=(Arena&&) = delete;
  ~Arena();

  std::byte* data() const { return data_; }
  std::size_t size() const { return num_bytes_; }

  /// Declares which ranges the current sizes use. Pages that were in use and are no longer go back
  /// to the system; their contents become zero.
  void use(std::span<const ByteRange> ranges);
  /// Bytes of the pages in use.
  std::size_t committed_bytes() const;

 private:
  Arena(std::byte* data, std::size_t num_bytes, std::size_t num_reserved)
      : data_(data), num_bytes_(num_bytes), num_reserved_(num_reserved) {}

  std::byte* data_ = nullptr;
  std::size_t num_bytes_ = 0;
  std::size_t num_reserved_ = 0;
  std::vector<ByteRange> in_use_;  ///< sorted, disjoint, whole pages
};

}  // namespace tessera::runtime
