// SPDX-License-Identifier: MIT
#pragma once

#include "ir/kernel_context.h"
#include "tessera/tensor.h"

/// Kernels that only move elements are one copy between two views of memory: permute, slice, split,
/// expand, flip, stack, ... All of them take any dtype and share their work between threads.
namespace tessera::ops {

/// Where elements lie: one step along dimension d is `strides[d]` elements, which may be 0 or
/// negative.
template <class Byte>
struct StridedView {
  Byte* first = nullptr;  ///< the element at index 0 of every dimension
  Shape strides;
};

/// Copies all elements of a box of these sizes. Elements of `out` must differ from each other and
/// from those of `in`.
void strided_copy(ir::KernelContext& context, std::size_t element_size, const Shape& sizes,
                  const StridedView<const std::byte>& in, const StridedView<std::byte>& out);

/// Fills `out` so that one step along its dimension d is `strides[d]` elements of `in`, beginning
/// with element `offset` of `in`.
void strided_copy(ir::KernelContext& context, const Tensor& in, const Shape& strides, Tensor& out,
                  std::int64_t offset = 0);

/// Copies all elements, as they lie in memory.
void copy_elements(ir::KernelContext& context, const Tensor& in, Tensor& out);

/// Elements from one index to the next along each dimension of a contiguous tensor.
Shape contiguous_strides(const Shape& shape);

}  // namespace tessera::ops
