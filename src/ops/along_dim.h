// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstdint>

#include "ir/kernel_context.h"
#include "ops/dispatch.h"
#include "tessera/tensor.h"

namespace tessera::ops {

/// A contiguous tensor as [outer, size, inner], `size` being that of one dimension. Rank 0 counts
/// as one element.
struct AlongDim {
  std::int64_t outer = 1, size = 1, inner = 1;

  AlongDim(const Shape& shape, std::size_t dim) {
    for (std::size_t i = 0; i < shape.rank(); ++i) {
      (i < dim ? outer : i == dim ? size : inner) *= shape[i];
    }
  }
  std::int64_t offset(std::int64_t i, std::int64_t column) const {
    return i * size * inner + column;
  }
};

/// Columns that operators along a dimension work on at once.
inline constexpr std::int64_t kColumnBlock = 32;

/// Calls body(outer, column, number of columns) for all blocks of columns.
template <class Body>
void for_each_column_block(ir::KernelContext& context, const AlongDim& along, const Body& body) {
  const std::int64_t num_blocks = (along.inner + kColumnBlock - 1) / kColumnBlock;
  const auto block_size =
      static_cast<std::size_t>(std::min(along.inner, kColumnBlock) * (along.size + 1));
  context.parallel_for(
      static_cast<std::size_t>(along.outer * num_blocks), kElementsPerThread / (block_size + 1) + 1,
      [&](std::size_t begin, std::size_t end) {
        for (auto i = static_cast<std::int64_t>(begin); i < static_cast<std::int64_t>(end); ++i) {
          const std::int64_t column = i % num_blocks * kColumnBlock;
          body(i / num_blocks, column, std::min(kColumnBlock, along.inner - column));
        }
      });
}

/// Dimension `dim` of a region becomes whole.
inline Region whole_along(Region region, std::int64_t dim, std::int64_t size) {
  const auto rank = static_cast<std::int64_t>(region.rank());
  if (rank > 0) region[static_cast<std::size_t>(dim < 0 ? dim + rank : dim)] = {0, size};
  return region;
}

/// The dimension that an accepted argument names; rank 0 has dimensions 0 and -1.
inline std::size_t dim_of(std::int64_t dim, std::size_t rank) {
  return static_cast<std::size_t>(
      dim < 0 ? dim + std::max<std::int64_t>(static_cast<std::int64_t>(rank), 1) : dim);
}

}  // namespace tessera::ops
