// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <limits>
#include <span>

#include "quantize/histogram.h"
#include "quantize/range_search.h"
#include "quantize/value_range.h"
#include "tessera/calibrate.h"

namespace tessera::quantize {

/// Watches the elements of one tensor over all samples and says which range to quantize. The result
/// does not depend on the order of what it saw, nor on how that was split between observers that
/// are merged: all it keeps are extrema and counts. NaN and infinities are counted and otherwise
/// ignored. Not synchronised.
class RangeObserver {
 public:
  /// `num_levels`: of the integers to come, 256 for 8 bits. Only the observers that minimize an
  /// error ask.
  explicit RangeObserver(Observer kind, int num_levels = 256)
      : kind_(kind), num_levels_(num_levels) {}

  void observe(std::span<const float> elements);
  /// Adds what another observer of the same kind saw.
  void merge(const RangeObserver& other);

  /// The range to quantize, within what was seen; {0, 0} if that was nothing.
  ValueRange range() const;
  /// The smallest and largest finite element seen; {0, 0} if there was none.
  ValueRange extrema() const;

  Observer kind() const { return kind_; }
  /// Lets another kind of observer have seen the same. Not from or to kMinMax, which counts
  /// nothing.
  void choose(Observer kind);
  std::uint64_t num_elements() const { return num_elements_; }  ///< finite ones
  std::uint64_t num_non_finite() const { return num_non_finite_; }

 private:
  void add_extrema(const EqualElements& lowest, const EqualElements& highest);

  Observer kind_;
  int num_levels_;
  EqualElements lowest_{std::numeric_limits<float>::infinity(), 0};
  EqualElements highest_{-std::numeric_limits<float>::infinity(), 0};
  std::uint64_t num_elements_ = 0;
  std::uint64_t num_zeros_ = 0;
  std::uint64_t num_non_finite_ = 0;
  Histogram histogram_;  ///< empty for kMinMax
};

}  // namespace tessera::quantize
