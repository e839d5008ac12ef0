// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include "ir/kernel_context.h"
#include "ops/window_phase.h"

namespace tessera::ops {

/// Sizes of a 2-D convolution over NCHW with OIHW weights, or IOHW ones if transposed.
struct ConvolutionGeometry {
  std::int64_t batch = 1, groups = 1;
  std::int64_t input_channels = 1, output_channels = 1;  ///< per group
  WindowAxis height, width;
  bool is_transposed = false;
};

/// Direct convolution of elements of T: float, double, Half, BFloat16 or an integer type. Every
/// output element is the bias plus the products (zeros for padding) in the order input channel,
/// kernel row, kernel column, wherever it lies and however many threads there are; 16-bit floating
/// point numbers are summed up in float, integers wrap around. `bias` may be null.
template <class T>
void convolve(ir::KernelContext& context, const ConvolutionGeometry& geometry, const T* input,
              const T* weight, const T* bias, T* output);

/// out[i] = a[i] x b[i] for `batch` matrices of rows x inner and inner x columns: the products in
/// the order of the inner dimension.
template <class T>
void multiply_matrices(ir::KernelContext& context, std::int64_t batch, std::int64_t rows,
                       std::int64_t inner, std::int64_t columns, const T* a, const T* b, T* out) {
  const ConvolutionGeometry geometry{.groups = batch,
                                     .input_channels = inner,
                                     .output_channels = rows,
                                     .width = {.input = columns, .output = columns}};
  convolve<T>(context, geometry, b, a, nullptr, out);
}

}  // namespace tessera::ops
