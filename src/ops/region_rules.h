// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include "tensor/region.h"

/// Which interval of an input an interval of an output needs, along one dimension, in coordinates
/// of the whole tensors. Shared by operators' input_region and by the planner of delegated nodes.
/// None of them clips: an interval that sticks out reaches into padding.
namespace tessera::ops {

/// Convolution and pooling windows.
struct Window {
  std::int64_t kernel = 1, stride = 1, dilation = 1, padding_before = 0;
};
Interval window_region(Interval output, const Window& window);

/// Transposed convolution.
Interval transposed_window_region(Interval output, const Window& window);

/// Bilinear interpolation; `scale` is input size / output size (or 1 / scale factor) for
/// align_corners false, (input - 1) / (output - 1) for true.
Interval bilinear_region(Interval output, double scale, bool align_corners,
                         std::int64_t input_size);

/// Output box of an elementwise operator with broadcasting -> box of an input of these sizes.
Region broadcast_region(const Region& output, const Shape& input);

}  // namespace tessera::ops
