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
  bool allows(std::int64_t size) const {
    return min <= size && size <= max && (size - min) % multiple_of == 0;
  }
  /// The largest allowed size that is at most `wanted`; the smallest if there is none.
  std::int64_t allowed_up_to(std::int64_t wanted) const {
    if (wanted <= min) return min;
    return min + ((wanted < max ? wanted : max) - min) / multiple_of * multiple_of;
  }

  std::string name;  ///< empty: fixed
  std::int64_t min = 0, max = 0;
  std::int64_t multiple_of = 1;
};

}  // namespace tessera
