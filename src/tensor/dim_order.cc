// SPDX-License-Identifier: MIT
#include "tessera/dim_order.h"

#include <algorithm>
#include <numeric>

#include "base/check.h"

namespace tessera {

DimOrder::DimOrder(std::span<const std::uint8_t> order) {
  CHECK(order.size() <= Shape::kMaxRank);
  if (std::ranges::is_sorted(order)) return;
  std::ranges::copy(order, order_.begin());
  rank_ = static_cast<std::uint8_t>(order.size());
}

DimOrder DimOrder::channels_last(std::size_t rank) {
  if (rank < 3) return {};
  std::array<std::uint8_t, Shape::kMaxRank> order{};
  std::iota(order.begin() + 1, order.begin() + static_cast<std::ptrdiff_t>(rank) - 1,
            std::uint8_t{2});
  order[rank - 1] = 1;
  return DimOrder(std::span(order).first(rank));
}

Shape DimOrder::physical(const Shape& sizes) const {
  Shape result = sizes;
  for (std::size_t i = 0; i < rank_; ++i) result[i] = sizes[order_[i]];
  return result;
}

Shape DimOrder::logical(const Shape& physical) const {
  Shape result = physical;
  for (std::size_t i = 0; i < rank_; ++i) result[order_[i]] = physical[i];
  return result;
}

Shape DimOrder::strides(const Shape& sizes) const {
  Shape result = sizes;
  std::int64_t stride = 1;
  for (std::size_t position = sizes.rank(); position-- > 0;) {
    const std::size_t dim = (*this)[position];
    result[dim] = stride;
    stride *= sizes[dim];
  }
  return result;
}

}  // namespace tessera
