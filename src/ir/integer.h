// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

/// Integer arithmetic that is defined for every operand.
namespace tessera::ir {

inline std::int64_t saturating_add(std::int64_t a, std::int64_t b) {
  std::int64_t sum = 0;
  if (!__builtin_add_overflow(a, b, &sum)) return sum;
  return a < 0 ? INT64_MIN : INT64_MAX;
}

inline std::int64_t saturating_multiply(std::int64_t a, std::int64_t b) {
  std::int64_t product = 0;
  if (!__builtin_mul_overflow(a, b, &product)) return product;
  return (a < 0) == (b < 0) ? INT64_MAX : INT64_MIN;
}

inline std::int64_t saturating_negate(std::int64_t a) { return a == INT64_MIN ? INT64_MAX : -a; }

/// Rounded toward minus infinity; `b` is not 0.
inline std::int64_t floor_quotient(std::int64_t a, std::int64_t b) {
  if (b == -1) return saturating_negate(a);
  return a / b - (a % b != 0 && (a < 0) != (b < 0) ? 1 : 0);
}

/// With the sign of `b`, which is not 0.
inline std::int64_t floor_remainder(std::int64_t a, std::int64_t b) {
  if (b == -1) return 0;
  const std::int64_t remainder = a % b;
  return remainder != 0 && (remainder < 0) != (b < 0) ? remainder + b : remainder;
}

}  // namespace tessera::ir
