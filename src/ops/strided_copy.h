// SPDX-License-Identifier: MIT
#pragma once

#include "ir/kernel_context.h"
#include "tessera/tensor.h"

namespace tessera::ops {

/// Fills `out` so that one step along its dimension d is `strides[d]` elements of `in`. Any dtype.
void strided_copy(ir::KernelContext& context, const Tensor& in, const Shape& strides, Tensor& out);

/// Elements from one index to the next along each dimension of a contiguous tensor.
Shape contiguous_strides(const Shape& shape);

}  // namespace tessera::ops
