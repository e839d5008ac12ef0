// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

/// The innermost loop of convolutions and matrix products.
namespace tessera::ops {

/// sums[row][column] = starts[row] + the products factors[row * factor_stride + k] *
/// inputs[offsets[k] + column] for k = 0, 1, .. depth - 1, added in this order. The order, and that
/// nothing is fused, makes the bits of a sum the same for every tile that it may be part of.
template <class T>
struct ProductTile {
  const T* factors = nullptr;
  std::int64_t factor_stride = 0;
  const T* inputs = nullptr;
  const std::int64_t* offsets = nullptr;
  std::int64_t depth = 0;
  const T* starts = nullptr;  ///< null: zeros
  T* sums = nullptr;
  std::int64_t sum_stride = 0;
};

/// Tile functions for an instruction set. A tile has `columns` columns, half of them if narrow,
/// and 1, 2, 4, .. max_rows rows; a long tile has one row of long_columns.
template <class T>
struct ProductTiles {
  using Function = void (*)(const ProductTile<T>&);
  static constexpr std::size_t kNumHeights = 4;

  std::int64_t max_rows = 0, columns = 0, long_columns = 0;
  Function full[kNumHeights] = {};    ///< [i] has 2^i rows
  Function narrow[kNumHeights] = {};  ///< likewise
  Function long_row = nullptr;
};

/// Bounds of all tiles, on every processor.
inline constexpr std::int64_t kMaxTileRows = 8;
inline constexpr std::int64_t kMaxTileColumns = 128;

/// For float, double and std::uint64_t (integers of all types, which wrap around): those that this
/// processor can run, the fastest first.
template <class T>
std::span<const ProductTiles<T>> supported_product_tiles();

/// The fastest.
template <class T>
const ProductTiles<T>& product_tiles() {
  return supported_product_tiles<T>().front();
}

}  // namespace tessera::ops
