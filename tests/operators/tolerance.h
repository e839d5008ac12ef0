// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>

#include "tessera/tensor.h"

/// How far results may be apart. All of the operator tests' tolerances are here.
namespace tessera::testing {

struct Tolerance {
  double absolute = 0;
  double relative = 0;  ///< of the expected value
};

/// Kernel against PyTorch: both sum in their own order and have their own exp, tanh, ...
inline Tolerance kernel_tolerance(DType dtype) {
  if (dtype == DType::kF32) return {4e-6, 4e-6};
  if (dtype == DType::kF64) return {1e-13, 1e-13};
  if (dtype == DType::kF16) return {2e-3, 2e-3};       // two units in the last place of 11 bits
  if (dtype == DType::kBF16) return {1.6e-2, 1.6e-2};  // of 8 bits
  return {};
}

/// XNNPACK against the kernel: XNNPACK fuses multiplication and addition, and its exp, tanh and the
/// like are polynomials.
inline Tolerance xnnpack_tolerance(DType dtype) {
  return dtype == DType::kF16 ? Tolerance{4e-3, 4e-3} : Tolerance{1e-5, 1e-5};
}

/// NaN is close to NaN only, an infinity to itself only.
inline bool is_close(double found, double expected, Tolerance tolerance) {
  if (std::isnan(expected) || std::isnan(found)) return std::isnan(expected) == std::isnan(found);
  if (found == expected) return true;
  return std::abs(found - expected) <= tolerance.absolute + tolerance.relative * std::abs(expected);
}

}  // namespace tessera::testing
