// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "tessera/shape.h"

namespace tessera {

/// In which order the dimensions of a dense tensor lie in memory, outermost first; ExecuTorch's
/// dim_order. 0, 1, 2, 3 is contiguous (NCHW), 0, 2, 3, 1 channels last (NHWC in memory, while
/// sizes are still given as N, C, H, W).
class DimOrder {
 public:
  /// Contiguous, for any rank.
  DimOrder() = default;
  /// A permutation of 0 .. rank-1: readers of files check that it is one.
  explicit DimOrder(std::span<const std::uint8_t> order);
  /// torch.channels_last and its 3-D and 5-D kin: 0, 2, ..., rank-1, 1. Contiguous below rank 3.
  static DimOrder channels_last(std::size_t rank);

  bool is_contiguous() const { return rank_ == 0; }
  /// The dimension at this position in memory.
  std::size_t operator[](std::size_t position) const {
    return is_contiguous() ? position : order_[position];
  }

  /// Sizes in memory order.
  Shape physical(const Shape& sizes) const;
  /// The inverse: sizes from those in memory order.
  Shape logical(const Shape& physical) const;
  /// Elements from one index to the next along each dimension.
  Shape strides(const Shape& sizes) const;

  friend bool operator==(const DimOrder&, const DimOrder&) = default;

 private:
  std::array<std::uint8_t, Shape::kMaxRank> order_{};
  std::uint8_t rank_ = 0;  ///< 0: contiguous
};

}  // namespace tessera
