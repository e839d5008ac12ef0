// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include "ir/kernel_context.h"

namespace tessera::ops {

/// Sizes of a 2-D convolution over NCHW with OIHW weights.
struct ConvolutionGeometry {
  std::int64_t batch = 1, groups = 1;
  std::int64_t input_channels = 1, output_channels = 1;  ///< per group
  std::int64_t input_height = 1, input_width = 1;
  std::int64_t output_height = 1, output_width = 1;
  std::int64_t kernel_height = 1, kernel_width = 1;
  std::int64_t stride_height = 1, stride_width = 1;
  std::int64_t padding_height = 0, padding_width = 0;
  std::int64_t dilation_height = 1, dilation_width = 1;
};

/// Direct convolution. Every output element is the bias plus the products in the order input
/// channel, kernel row, kernel column, wherever it lies and however many threads there are. `bias`
/// may be null.
template <class T>
void convolve(ir::KernelContext& context, const ConvolutionGeometry& geometry, const T* input,
              const T* weight, const T* bias, T* output);

}  // namespace tessera::ops
