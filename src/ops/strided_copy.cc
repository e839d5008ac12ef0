// SPDX-License-Identifier: MIT
#include "ops/strided_copy.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "ops/move_dispatch.h"

namespace tessera::ops {

namespace {

/// A dimension of the box with its steps in both views.
struct Axis {
  std::int64_t size = 1, in = 0, out = 0;
};

/// The box's dimensions without those of size 1, and neighbours that lie behind each other in both
/// views as one: the fewer there are, the longer are the runs.
class Axes {
 public:
  Axes(const Shape& sizes, const Shape& in, const Shape& out) {
    for (std::size_t dim = 0; dim < sizes.rank(); ++dim) {
      if (sizes[dim] == 1) continue;
      const Axis axis{sizes[dim], in[dim], out[dim]};
      Axis* last = count_ == 0 ? nullptr : &axes_[count_ - 1];
      if (last != nullptr && last->in == axis.in * axis.size && last->out == axis.out * axis.size) {
        *last = {last->size * axis.size, axis.in, axis.out};
      } else {
        axes_[count_++] = axis;
      }
    }
    if (count_ == 0) axes_[count_++] = {1, 1, 1};
  }

  Axis& inner() { return axes_[count_ - 1]; }
  /// Takes out an axis in front of the inner one whose elements lie behind each other in the input,
  /// while those of the inner one do not: the box is a transposition. A size of 1 if there is none.
  Axis take_transposed() {
    const Axis inner = axes_[count_ - 1];
    if (inner.in == 1 || inner.in == 0) return {};
    for (std::size_t i = 0; i + 1 < count_; ++i) {
      if (axes_[i].in != 1) continue;
      const Axis taken = axes_[i];
      std::copy(axes_.begin() + static_cast<std::ptrdiff_t>(i) + 1,
                axes_.begin() + static_cast<std::ptrdiff_t>(count_),
                axes_.begin() + static_cast<std::ptrdiff_t>(i));
      --count_;
      return taken;
    }
    return {};
  }
  /// Number of index combinations of all dimensions but the inner one.
  std::int64_t num_rows() const {
    std::int64_t rows = 1;
    for (std::size_t i = 0; i + 1 < count_; ++i) rows *= axes_[i].size;
    return rows;
  }
  /// Where row number `row` begins in both views.
  std::pair<std::int64_t, std::int64_t> offsets(std::int64_t row) const {
    std::int64_t in = 0, out = 0;
    for (std::size_t i = count_ - 1; i-- > 0; row /= axes_[i].size) {
      const std::int64_t index = row % axes_[i].size;
      in += index * axes_[i].in;
      out += index * axes_[i].out;
    }
    return {in, out};
  }

 private:
  std::array<Axis, Shape::kMaxRank> axes_;
  std::size_t count_ = 0;
};

template <class Word>
void copy_run(const Word* in, Word* out, std::int64_t count, std::int64_t in_step,
              std::int64_t out_step) {
  if (in_step == 1 && out_step == 1) {
    std::memcpy(out, in, static_cast<std::size_t>(count) * sizeof(Word));
  } else if (in_step == 0 && out_step == 1) {
    std::fill_n(out, count, *in);
  } else if (out_step == 1) {
    for (std::int64_t i = 0; i < count; ++i) out[i] = in[i * in_step];
  } else {
    for (std::int64_t i = 0; i < count; ++i) out[i * out_step] = in[i * in_step];
  }
}

/// Runs of the inner dimension, cut in pieces so that one long run has work for all threads.
template <class Word>
void copy_runs(ir::KernelContext& context, Axes& axes, const Word* in, Word* out) {
  const Axis inner = axes.inner();
  const std::int64_t piece = std::min<std::int64_t>(inner.size, kElementsPerThread);
  const std::int64_t num_pieces = (inner.size + piece - 1) / piece;
  const auto count = static_cast<std::size_t>(axes.num_rows() * num_pieces);
  const std::size_t grain = kElementsPerThread / static_cast<std::size_t>(piece);
  context.parallel_for(count, grain, [&](std::size_t begin, std::size_t end) {
    for (auto task = static_cast<std::int64_t>(begin); task < static_cast<std::int64_t>(end);
         ++task) {
      const auto [from, to] = axes.offsets(task / num_pieces);
      const std::int64_t first = task % num_pieces * piece;
      copy_run(in + from + first * inner.in, out + to + first * inner.out,
               std::min(piece, inner.size - first), inner.in, inner.out);
    }
  });
}

/// Blocks of this many rows and columns stay in the first-level cache while both views walk through
/// them in their own order.
constexpr std::int64_t kBlock = 32;

template <class Word>
void transpose_block(const Word* in, Word* out, const Axis& rows, const Axis& columns,
                     std::int64_t num_rows, std::int64_t num_columns) {
  for (std::int64_t row = 0; row < num_rows; ++row) {
    Word* to = out + row * rows.out;
    const Word* from = in + row;
    if (columns.out == 1) {
      for (std::int64_t i = 0; i < num_columns; ++i) to[i] = from[i * columns.in];
    } else {
      for (std::int64_t i = 0; i < num_columns; ++i) to[i * columns.out] = from[i * columns.in];
    }
  }
}

template <class Word>
void transpose(ir::KernelContext& context, Axes& axes, const Axis& rows, const Word* in,
               Word* out) {
  const Axis columns = axes.inner();
  const std::int64_t row_blocks = (rows.size + kBlock - 1) / kBlock;
  const std::int64_t column_blocks = (columns.size + kBlock - 1) / kBlock;
  const auto count = static_cast<std::size_t>(axes.num_rows() * row_blocks * column_blocks);
  const auto block_size =
      static_cast<std::size_t>(std::min(rows.size, kBlock) * std::min(columns.size, kBlock));
  const std::size_t grain = kElementsPerThread / block_size + 1;
  context.parallel_for(count, grain, [&](std::size_t begin, std::size_t end) {
    for (auto task = static_cast<std::int64_t>(begin); task < static_cast<std::int64_t>(end);
         ++task) {
      const std::int64_t column = task % column_blocks * kBlock;
      const std::int64_t row = task / column_blocks % row_blocks * kBlock;
      const auto [from, to] = axes.offsets(task / column_blocks / row_blocks);
      transpose_block(in + from + row + column * columns.in,
                      out + to + row * rows.out + column * columns.out, rows, columns,
                      std::min(kBlock, rows.size - row), std::min(kBlock, columns.size - column));
    }
  });
}

}  // namespace

void strided_copy(ir::KernelContext& context, std::size_t element_size, const Shape& sizes,
                  const StridedView<const std::byte>& in, const StridedView<std::byte>& out) {
  if (sizes.num_elements() == 0) return;
  dispatch_size(element_size, [&]<class Word>() {
    Axes axes(sizes, in.strides, out.strides);
    const auto* from = reinterpret_cast<const Word*>(in.first);
    auto* to = reinterpret_cast<Word*>(out.first);
    if (const Axis rows = axes.take_transposed(); rows.size > 1) {
      transpose(context, axes, rows, from, to);
    } else {
      copy_runs(context, axes, from, to);
    }
  });
}

void strided_copy(ir::KernelContext& context, const Tensor& in, const Shape& strides, Tensor& out,
                  std::int64_t offset) {
  if (out.num_elements() == 0) return;
  const std::size_t size = size_of(in.dtype());
  strided_copy(context, size, out.shape(),
               {in.bytes() + offset * static_cast<std::int64_t>(size), strides},
               {out.bytes(), contiguous_strides(out.shape())});
}

void copy_elements(ir::KernelContext& context, const Tensor& in, Tensor& out) {
  if (in.bytes() == out.bytes()) return;
  strided_copy(context, size_of(in.dtype()), Shape{in.num_elements()}, {in.bytes(), Shape{1}},
               {out.bytes(), Shape{1}});
}

Shape contiguous_strides(const Shape& shape) {
  Shape strides = shape;
  std::int64_t stride = 1;
  for (std::size_t dim = shape.rank(); dim-- > 0; stride *= shape[dim]) strides[dim] = stride;
  return strides;
}

}  // namespace tessera::ops
