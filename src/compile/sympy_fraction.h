// SPDX-License-Identifier: MIT
#pragma once

#include <span>
#include <string_view>

#include "ir/dim.h"

namespace tessera {

/// numerator / denominator, with a positive denominator; not reduced.
struct SympyFraction {
  ir::Dim numerator;
  std::int64_t denominator = 1;
};

/// The whole number; rounded down if it is none.
ir::Dim floor_of(const SympyFraction& a);

Result<SympyFraction> add(const SympyFraction& a, const SympyFraction& b);
Result<SympyFraction> multiply(const SympyFraction& a, const SympyFraction& b);
/// Exact; the divisor must be a positive constant.
Result<SympyFraction> divide(const SympyFraction& a, const SympyFraction& b);
/// The exponent must be a small constant.
Result<SympyFraction> power(const SympyFraction& base, const SympyFraction& exponent);
Result<SympyFraction> floor_divide(const SympyFraction& a, const SympyFraction& b);
Result<SympyFraction> modulo(const SympyFraction& a, const SympyFraction& b);

/// A function of sympy or torch's own by name: Add, FloorDiv, Max, ...
Result<SympyFraction> call_sympy_function(std::string_view name,
                                          std::span<const SympyFraction> arguments);

}  // namespace tessera
