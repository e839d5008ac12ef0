// SPDX-License-Identifier: MIT
#include "ops/strided_copy.h"

#include "ops/dispatch.h"

namespace tessera::ops {

namespace {

template <class Word>
void copy_words(ir::KernelContext& context, const Word* in, const Shape& strides, Tensor& out) {
  const Shape& shape = out.shape();
  const std::size_t inner = shape.rank() - 1;
  const std::int64_t row_size = shape[inner], step = strides[inner];
  Word* data = reinterpret_cast<Word*>(out.bytes());
  const auto copy_row = [&](std::int64_t row) {
    std::int64_t offset = 0;
    std::int64_t rest = row;
    for (std::size_t dim = inner; dim-- > 0; rest /= shape[dim]) {
      offset += rest % shape[dim] * strides[dim];
    }
    for (std::int64_t i = 0; i < row_size; ++i) data[row * row_size + i] = in[offset + i * step];
  };
  const auto num_rows = static_cast<std::size_t>(out.num_elements() / row_size);
  const std::size_t grain = kElementsPerThread / static_cast<std::size_t>(row_size) + 1;
  context.parallel_for(num_rows, grain, [&](std::size_t begin, std::size_t end) {
    for (std::size_t row = begin; row < end; ++row) copy_row(static_cast<std::int64_t>(row));
  });
}

}  // namespace

void strided_copy(ir::KernelContext& context, const Tensor& in, const Shape& strides, Tensor& out) {
  if (out.num_elements() == 0) return;
  Shape shape = out.shape();
  Shape steps = strides;
  if (shape.rank() == 0) {
    shape.push_back(1);
    steps.push_back(1);
  }
  Tensor rows = out;
  rows.set_shape(shape);
  const auto copy = [&]<class Word>(Word) {
    copy_words(context, reinterpret_cast<const Word*>(in.bytes()), steps, rows);
  };
  switch (size_of(in.dtype())) {
    case 1:
      return copy(std::uint8_t{});
    case 2:
      return copy(std::uint16_t{});
    case 4:
      return copy(std::uint32_t{});
    default:
      return copy(std::uint64_t{});
  }
}

Shape contiguous_strides(const Shape& shape) {
  Shape strides = shape;
  std::int64_t stride = 1;
  for (std::size_t dim = shape.rank(); dim-- > 0; stride *= shape[dim]) strides[dim] = stride;
  return strides;
}

}  // namespace tessera::ops
