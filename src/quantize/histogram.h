// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "quantize/value_range.h"

namespace tessera::quantize {

/// How many elements lie where. A bin is [i * width, (i+1) * width) for an integer i; the width is
/// the power of two that makes the bins of everything seen so far between half of kMaxBins and
/// kMaxBins. When the range grows, pairs of bins become one, which moves no element to another
/// place than a new histogram of all elements would: the result does not depend on their order.
class Histogram {
 public:
  /// At least eight bins for each of 256 levels.
  static constexpr std::int64_t kMaxBins = 4096;

  /// Counts finite elements, all of them within `range`.
  void add(std::span<const float> elements, const ValueRange& range);
  void merge(const Histogram& other);

  bool is_empty() const { return counts_.empty(); }
  /// Counts of consecutive bins, from that of the smallest element to that of the largest.
  std::span<const std::uint64_t> counts() const { return counts_; }
  /// Where bin `i` of counts() begins, and the one before it ends.
  double edge(std::size_t i) const;
  /// The index in counts() of the bin that an element seen is in.
  std::size_t bin(float element) const;

 private:
  void cover(const ValueRange& range);
  void coarsen(int exponent);
  void extend(std::int64_t first, std::int64_t last);

  int exponent_ = 0;        ///< log2 of the width
  std::int64_t first_ = 0;  ///< the integer of counts_[0]
  std::vector<std::uint64_t> counts_;
  float min_ = 0, max_ = 0;  ///< what the bins are for
};

}  // namespace tessera::quantize
