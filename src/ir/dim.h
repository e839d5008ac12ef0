// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tessera/result.h"

namespace tessera::ir {

/// Inclusive range of the values that a symbol or an expression can take.
struct DimRange {
  static constexpr std::int64_t kUnbounded = INT64_MAX;
  std::int64_t min = 0;
  std::int64_t max = kUnbounded;
  friend bool operator==(const DimRange&, const DimRange&) = default;
};

/// Ranges of a graph's symbols by name, as torch.export's range_constraints give them.
using SymbolRanges = std::map<std::string, DimRange>;
/// Values of symbols by name.
using SymbolValues = std::map<std::string, std::int64_t>;

/// One size of a tensor, or an integer computed from sizes: a constant (no allocation) or an
/// expression over named symbols. Immutable; copies share.
///
/// Expressions are kept canonical: a polynomial with integer coefficients over atoms, where an atom
/// is a symbol, floor_div, mod, max or min of polynomials. Equal polynomials compare equal, so
/// (4*s - 2) // 2 + 1 is 2*s. Coefficients and constants that leave 64 bits stay at the limit.
/// An expression of thousands of terms is no longer kept: its range and value are errors.
class Dim {
 public:
  Dim(std::int64_t constant = 0) : constant_(constant) {}  // NOLINT: an integer is a Dim
  static Dim symbol(std::string name);
  /// Parses what to_string prints: integers, names, + - * // % ( ) max(a,b) min(a,b), with the
  /// precedences of Python.
  static Result<Dim> parse(std::string_view text);

  bool is_constant() const { return polynomial_ == nullptr; }
  /// The value of a constant; aborts for an expression.
  std::int64_t constant() const;
  /// "h", "4*s18", "(h + 1)//2"
  std::string to_string() const;
  /// Names of the symbols in it, sorted.
  std::vector<std::string> symbols() const;

  friend Dim operator+(const Dim& a, const Dim& b);
  friend Dim operator-(const Dim& a, const Dim& b);
  friend Dim operator*(const Dim& a, const Dim& b);
  /// Quotient rounded toward minus infinity. Divisors are taken as not zero: (h*w)//h is w.
  friend Dim floor_div(const Dim& a, const Dim& b);
  /// Remainder with the sign of the divisor (Python's %).
  friend Dim mod(const Dim& a, const Dim& b);
  friend Dim max(const Dim& a, const Dim& b);
  friend Dim min(const Dim& a, const Dim& b);
  friend bool operator==(const Dim& a, const Dim& b);

  /// The smallest and largest value over the symbols' ranges (interval arithmetic: never too
  /// narrow). Fails for a symbol without a range.
  Result<DimRange> range(const SymbolRanges& ranges) const;
  /// The value for these symbols. Fails for a symbol without a value, a division by zero or a
  /// value above 64 bits.
  Result<std::int64_t> evaluate(const SymbolValues& values) const;
  /// The same expression with some symbols replaced by expressions.
  Dim substitute(const std::map<std::string, Dim>& replacements) const;

  struct Polynomial;  ///< in dim_polynomial.h

 private:
  explicit Dim(std::shared_ptr<const Polynomial> polynomial);
  friend struct DimAccess;

  std::int64_t constant_ = 0;
  std::shared_ptr<const Polynomial> polynomial_;
};

/// ceil(a / b) for a positive constant b.
inline Dim ceil_div(const Dim& a, std::int64_t b) { return floor_div(a + Dim(b - 1), Dim(b)); }

using Dims = std::vector<Dim>;

}  // namespace tessera::ir
