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
/// The same where what follows is quantized again and again beside squeeze-excite blocks in f32
/// (mv3_small): a tie in one of them moves all channels of the block.
inline constexpr double kStaticInt8StepsWithExcitation = 8;
/// Where activations are quantized dynamically, of the reference's largest magnitude: one step of a
/// hidden activation, 1/255 of its range.
inline constexpr double kDynamicInt8RelativeTolerance = 1.0 / 255;

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
