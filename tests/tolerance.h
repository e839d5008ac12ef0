// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "tessera/tensor.h"

/// How far a float result may be from a reference that another program computed. One place for all
/// tests.
namespace tessera::testing {

/// Of the reference's largest magnitude: sums in another order, fused or not.
inline constexpr double kFixtureRelativeTolerance = 1e-4;
/// Steps of the last 8-bit value between two XNNPACKs that requantize alike but for ties.
inline constexpr double kStaticInt8Steps = 2;
/// The same for mv3_small, whose random weights and 213 nodes blow up ties: 8 steps seen. Computed
/// with exact sums, each of our nodes is the nearest step to what its inputs give (0.5001 at most),
/// and yet the exact network is 7 steps from ExecuTorch's and 8 from ours: these two first part in
/// one of 150,528 values of the input, halfway between two steps.
inline constexpr double kMobileNetV3Int8Steps = 8;
/// Where activations are quantized dynamically, of the reference's largest magnitude: one step of a
/// hidden activation, 1/255 of its range.
inline constexpr double kDynamicInt8RelativeTolerance = 1.0 / 255;

/// Where the reference quantizes a tensor by its range and XNNPACK each row by its own: a step of
/// each of two hidden activations and of the input.
inline constexpr double kDynamicRowsRelativeTolerance = 3.0 / 255;

/// The largest difference over the largest magnitude of `expected` (at least 1e-30); infinite if
/// types, sizes or the places of NaN differ. Both are f32.
inline double relative_error(const Tensor& actual, const Tensor& expected) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (actual.dtype() != DType::kF32 || expected.dtype() != DType::kF32 ||
      !(actual.shape() == expected.shape())) {
    return kInfinity;
  }
  double largest = 1e-30, difference = 0;
  const auto a = actual.elements<float>(), e = expected.elements<float>();
  for (std::size_t i = 0; i < e.size(); ++i) {
    if (std::isnan(a[i]) != std::isnan(e[i])) return kInfinity;
    if (std::isnan(e[i]) || a[i] == e[i]) continue;
    largest = std::max(largest, std::abs(static_cast<double>(e[i])));
    difference = std::max(difference, std::abs(static_cast<double>(a[i]) - e[i]));
  }
  for (const float value : e) {
    if (std::isfinite(value)) largest = std::max(largest, std::abs(static_cast<double>(value)));
  }
  return difference / largest;
}

}  // namespace tessera::testing
