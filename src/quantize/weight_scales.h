// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "tessera/tensor.h"

/// Weights as integers from -limit to limit around zero: value = scale * integer.
namespace tessera::quantize {

/// -128 is not used, so that negated weights are weights (XNNPACK's kernels ask for it).
inline constexpr int kWeightLimit = 127;
/// No weight's scale is smaller: a bias in units of input scale times weight scale has to fit into
/// 32 bits. Whoever quantizes biases has to look after those that still do not.
inline constexpr float kSmallestWeightScale = 0x1p-20f;

/// The axis that has a scale for each index; nothing: one scale for all.
using ScaleAxis = std::optional<std::size_t>;

/// The scales at which the largest element of each channel becomes `limit`. `weight` is f32 and
/// contiguous. A channel of zeros gets the largest scale of the others. Elements that are not
/// finite do not count.
std::vector<float> symmetric_scales(const Tensor& weight, ScaleAxis axis, int limit = kWeightLimit);

/// The scales at which the squared error of each channel is the least: smaller than those of
/// symmetric_scales where a few large elements would cost the others their precision. Slower.
std::vector<float> least_error_scales(const Tensor& weight, ScaleAxis axis,
                                      int limit = kWeightLimit);

/// i8 of the weight's sizes: elements divided by their scale, rounded to even, NaN to 0.
Result<Tensor> quantize_weight(const Tensor& weight, ScaleAxis axis, std::span<const float> scales,
                               int limit = kWeightLimit);

/// The numbers that these integers stand for.
Result<Tensor> dequantize_weight(const Tensor& quantized, ScaleAxis axis,
                                 std::span<const float> scales);

}  // namespace tessera::quantize
