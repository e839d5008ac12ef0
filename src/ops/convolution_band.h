// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstdint>
#include <type_traits>
#include <vector>

#include "ops/element_types.h"
#include "ops/product_tile.h"
#include "ops/window_phase.h"

/// How a convolution cuts its outputs into bands whose inputs fit into a cache.
namespace tessera::ops {

/// What products of T are summed up in.
template <class T>
using ProductType = std::conditional_t<kIsFloat<T>, Compute<T>, std::uint64_t>;

/// A box of outputs of one phase.
struct Band {
  std::int64_t row = 0, num_rows = 0;
  std::int64_t column = 0, num_columns = 0;
};

/// Where the inputs of a band lie in scratch memory: for each channel and pair of residues a plane
/// of rows; the inputs that a tap has for consecutive outputs are neighbours. So one offset is
/// enough to say what a tap reads, and outputs are numbered row by row with the rows' distance.
struct BandLayout {
  std::int64_t row_stride = 0;
  std::int64_t plane_stride = 0;
  std::int64_t num_rows = 0, num_columns = 0;  ///< of a full band

  /// Numbers in the scratch memory of a band, and what tiles may read behind it.
  std::int64_t size(const WindowPhase& vertical, const WindowPhase& horizontal,
                    std::int64_t channels) const {
    const auto planes =
        static_cast<std::int64_t>(vertical.residues.size() * horizontal.residues.size());
    return channels * planes * plane_stride + kMaxTileColumns;
  }
};

/// Bands of at most about `budget` numbers.
BandLayout make_band_layout(const WindowPhase& vertical, const WindowPhase& horizontal,
                            std::int64_t channels, std::int64_t budget);

/// Offset of what each tap of each channel reads for output 0, in the order of the products.
std::vector<std::int64_t> tap_offsets(const WindowPhase& vertical, const WindowPhase& horizontal,
                                      std::int64_t channels, const BandLayout& layout);

/// to[i] = from[first + i * step], zero outside of [0, size).
template <class T, class Out>
void copy_padded(const T* from, std::int64_t size, std::int64_t first, std::int64_t step, Out* to,
                 std::int64_t count) {
  const auto positions_below = [&](std::int64_t limit) {
    return std::clamp<std::int64_t>((limit - first + step - 1) / step, 0, count);
  };
  const std::int64_t begin = first >= 0 ? 0 : positions_below(0);
  const std::int64_t end = first >= size ? begin : std::max(begin, positions_below(size));
  std::fill(to, to + begin, Out(0));
  if (step == 1) {
    std::copy(from + first + begin, from + first + end, to + begin);
  } else if (step == 2) {  // known to the compiler, which vectorizes it
    for (std::int64_t i = begin; i < end; ++i) to[i] = static_cast<Out>(from[first + i * 2]);
  } else {
    for (std::int64_t i = begin; i < end; ++i) to[i] = static_cast<Out>(from[first + i * step]);
  }
  std::fill(to + end, to + count, Out(0));
}

/// Copies the inputs of a band; `input` is the first of the channels' planes.
template <class T>
void copy_band(const T* input, const WindowPhase& vertical, const WindowPhase& horizontal,
               std::int64_t channels, const BandLayout& layout, const Band& band,
               ProductType<T>* scratch) {
  using Product = ProductType<T>;
  const std::int64_t num_rows = band.num_rows + vertical.max_shift;
  const std::int64_t num_columns = band.num_columns + horizontal.max_shift;
  for (std::int64_t channel = 0; channel < channels; ++channel) {
    const T* plane = input + channel * vertical.input_size * horizontal.input_size;
    for (const std::int64_t row_residue : vertical.residues) {
      for (const std::int64_t column_residue : horizontal.residues) {
        const std::int64_t first_row =
            vertical.first_input + row_residue + band.row * vertical.input_step;
        const std::int64_t first_column =
            horizontal.first_input + column_residue + band.column * horizontal.input_step;
        for (std::int64_t row = 0; row < num_rows; ++row) {
          const std::int64_t y = first_row + row * vertical.input_step;
          Product* to = scratch + row * layout.row_stride;
          if (y < 0 || y >= vertical.input_size) {
            std::fill(to, to + num_columns, Product(0));
          } else {
            copy_padded(plane + y * horizontal.input_size, horizontal.input_size, first_column,
                        horizontal.input_step, to, num_columns);
          }
        }
        scratch += layout.plane_stride;
      }
    }
  }
}

}  // namespace tessera::ops
