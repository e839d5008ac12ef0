// SPDX-License-Identifier: MIT
#include "tensor/reorder.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace tessera {
namespace {

/// Square blocks of this many elements stay in the first-level cache while they are transposed.
constexpr std::int64_t kBlock = 32;

/// One plane: `to` runs fastest along its rows, `from` along its columns.
struct Plane {
  std::int64_t rows = 1, columns = 1;
  std::int64_t to_step = 1;    ///< elements of `to` from row to row
  std::int64_t from_step = 1;  ///< elements of `from` from column to column
};

template <class Word>
void transpose(const Word* from, Word* to, const Plane& plane) {
  for (std::int64_t row = 0; row < plane.rows; row += kBlock) {
    const std::int64_t row_end = std::min(row + kBlock, plane.rows);
    for (std::int64_t column = 0; column < plane.columns; column += kBlock) {
      const std::int64_t column_end = std::min(column + kBlock, plane.columns);
      for (std::int64_t r = row; r < row_end; ++r) {
        for (std::int64_t c = column; c < column_end; ++c) {
          to[r * plane.to_step + c] = from[c * plane.from_step + r];
        }
      }
    }
  }
}

/// The innermost dimensions of both form planes; the others are walked one by one.
template <class Word>
void reorder_words(const Tensor& from, Tensor& to) {
  const Shape& sizes = to.shape();
  const Shape from_strides = from.dim_order().strides(sizes);
  const Shape to_strides = to.dim_order().strides(sizes);
  const std::size_t column_dim = to.dim_order()[sizes.rank() - 1];
  const std::size_t row_dim = from.dim_order()[sizes.rank() - 1];
  const bool is_plane = row_dim != column_dim;
  const Plane plane{is_plane ? sizes[row_dim] : 1, sizes[column_dim],
                    is_plane ? to_strides[row_dim] : 0, from_strides[column_dim]};
  Shape index = sizes;
  std::fill_n(&index[0], index.rank(), 0);
  for (;;) {
    std::int64_t from_offset = 0, to_offset = 0;
    for (std::size_t dim = 0; dim < sizes.rank(); ++dim) {
      from_offset += index[dim] * from_strides[dim];
      to_offset += index[dim] * to_strides[dim];
    }
    transpose(reinterpret_cast<const Word*>(from.bytes()) + from_offset,
              reinterpret_cast<Word*>(to.bytes()) + to_offset, plane);
    std::size_t dim = sizes.rank();
    while (dim-- > 0) {
      if (dim == column_dim || dim == row_dim) continue;
      if (++index[dim] < sizes[dim]) break;
      index[dim] = 0;
    }
    if (dim >= sizes.rank()) return;  // wrapped around: every index has been
  }
}

}  // namespace

void reorder(const Tensor& from, Tensor& to) {
  CHECK(from.dtype() == to.dtype() && from.shape() == to.shape(), "{} to {}", from.type_string(),
        to.type_string());
  if (from.num_elements() == 0 || (from.bytes() == to.bytes())) return;
  if (from.dim_order() == to.dim_order()) {
    std::memmove(to.bytes(), from.bytes(), from.num_bytes());
    return;
  }
  switch (size_of(from.dtype())) {
    case 1:
      return reorder_words<std::uint8_t>(from, to);
    case 2:
      return reorder_words<std::uint16_t>(from, to);
    case 4:
      return reorder_words<std::uint32_t>(from, to);
    default:
      return reorder_words<std::uint64_t>(from, to);
  }
}

}  // namespace tessera
