// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <utility>

namespace tessera {

/// One size of an input: a number, or a range out of which every run may choose.
struct InputSize {
  InputSize(std::int64_t fixed) : min(fixed), max(fixed) {}  // NOLINT: a number is a size
  /// Sizes of one name are equal in every run: {1, 3, InputSize("n", 64, 512), InputSize("n", ...)}
  /// is a square. `min` and `max` are inclusive and, like all sizes between, multiples of
  /// `multiple_of`.
  InputSize(std::string symbol, std::int64_t smallest, std::int64_t largest, std::int64_t step = 1)
      : name(std::move(symbol)), min(smallest), max(largest), multiple_of(step) {}

  bool is_fixed() const { return min == max; }

  std::string name;  ///< empty: fixed
  std::int64_t min = 0, max = 0;
  std::int64_t multiple_of = 1;
};

}  // namespace tessera
