// SPDX-License-Identifier: MIT
#include <algorithm>
#include <set>

#include "base/check.h"
#include "base/try.h"
#include "ir/dim_polynomial.h"
#include "ir/integer.h"

namespace tessera::ir {
namespace {

std::unexpected<Error> too_large() {
  return fail(ErrorCode::kNotSupported, "a size is an expression of more than {} terms",
              DimAccess::kMaxSize);
}

// INT64_MIN and INT64_MAX stand for unbounded ends.
DimRange add(const DimRange& a, const DimRange& b) {
  const auto end = [](std::int64_t x, std::int64_t y, std::int64_t unbounded) {
    return x == unbounded || y == unbounded ? unbounded : saturating_add(x, y);
  };
  return {end(a.min, b.min, INT64_MIN), end(a.max, b.max, INT64_MAX)};
}

DimRange hull(std::initializer_list<std::int64_t> ends) { return {std::min(ends), std::max(ends)}; }

bool is_unbounded(std::int64_t end) { return end == INT64_MIN || end == INT64_MAX; }

DimRange multiply(const DimRange& a, const DimRange& b) {
  const auto end = [](std::int64_t x, std::int64_t y) {
    if (x == 0 || y == 0) return std::int64_t{0};
    if (is_unbounded(x) || is_unbounded(y)) return (x < 0) == (y < 0) ? INT64_MAX : INT64_MIN;
    return saturating_multiply(x, y);
  };
  return hull({end(a.min, b.min), end(a.min, b.max), end(a.max, b.min), end(a.max, b.max)});
}

DimRange negate(const DimRange& a) {
  const auto end = [](std::int64_t x) { return x == INT64_MAX ? INT64_MIN : saturating_negate(x); };
  return {end(a.max), end(a.min)};
}

std::int64_t bounded_quotient(std::int64_t a, std::int64_t divisor) {
  return is_unbounded(a) ? a : floor_quotient(a, divisor);
}

DimRange divide(const DimRange& a, const DimRange& b) {
  if (b.max < 0) return divide(negate(a), negate(b));
  if (b.min <= 0) {  // |a // b| <= |a| for every divisor but 0
    const auto magnitude = [](std::int64_t x) { return x < 0 ? saturating_negate(x) : x; };
    const std::int64_t size = std::max(magnitude(a.min), magnitude(a.max));
    return {size == INT64_MAX ? INT64_MIN : -size, size};
  }
  return hull({bounded_quotient(a.min, b.min), bounded_quotient(a.min, b.max),
               bounded_quotient(a.max, b.min), bounded_quotient(a.max, b.max)});
}

DimRange remainder_of(const DimRange& a, const DimRange& b) {
  if (b.max < 0) return negate(remainder_of(negate(a), negate(b)));
  if (b.min > 0 && a.min >= 0 && a.max < b.min) return a;
  const std::int64_t largest = b.max == INT64_MAX ? INT64_MAX : b.max - 1;
  if (b.min > 0) return {0, a.min >= 0 ? std::min(a.max, largest) : largest};
  return {std::min<std::int64_t>(b.min == INT64_MIN ? INT64_MIN : b.min + 1, 0),
          std::max<std::int64_t>(largest, 0)};
}

Result<DimRange> range_of(const Atom& atom, const SymbolRanges& ranges) {
  if (atom.kind == AtomKind::kSymbol) {
    const auto found = ranges.find(atom.name);
    if (found != ranges.end()) return found->second;
    return fail(ErrorCode::kInvalidArgument, "the symbol {} has no range", atom.name);
  }
  if (atom.kind == AtomKind::kTooLarge) return too_large();
  const DimRange left = TRY(atom.left.range(ranges));
  const DimRange right = TRY(atom.right.range(ranges));
  switch (atom.kind) {
    case AtomKind::kFloorDiv:
      return divide(left, right);
    case AtomKind::kMod:
      return remainder_of(left, right);
    case AtomKind::kMax:
      return DimRange{std::max(left.min, right.min), std::max(left.max, right.max)};
    case AtomKind::kMin:
      return DimRange{std::min(left.min, right.min), std::min(left.max, right.max)};
    case AtomKind::kSymbol:
    case AtomKind::kTooLarge:
      break;
  }
  return left;
}

Result<std::int64_t> value_of(const Atom& atom, const SymbolValues& values) {
  if (atom.kind == AtomKind::kSymbol) {
    const auto found = values.find(atom.name);
    if (found != values.end()) return found->second;
    return fail(ErrorCode::kInvalidArgument, "the symbol {} has no value", atom.name);
  }
  if (atom.kind == AtomKind::kTooLarge) return too_large();
  const std::int64_t left = TRY(atom.left.evaluate(values));
  const std::int64_t right = TRY(atom.right.evaluate(values));
  const bool divides = atom.kind == AtomKind::kFloorDiv || atom.kind == AtomKind::kMod;
  if (divides && right == 0) {
    return fail(ErrorCode::kInvalidArgument, "{} is 0 and divides {}", atom.right.to_string(),
                atom.left.to_string());
  }
  switch (atom.kind) {
    case AtomKind::kFloorDiv:
      return floor_quotient(left, right);
    case AtomKind::kMod:
      return floor_remainder(left, right);
    case AtomKind::kMax:
      return std::max(left, right);
    case AtomKind::kMin:
      return std::min(left, right);
    case AtomKind::kSymbol:
    case AtomKind::kTooLarge:
      break;
  }
  return left;
}

void collect_symbols(const Dim& dim, std::set<std::string>& names) {
  if (dim.is_constant()) return;
  for (const Term& term : DimAccess::terms(dim)) {
    for (const AtomPtr& atom : term.factors) {
      if (atom->kind == AtomKind::kSymbol) names.insert(atom->name);
      collect_symbols(atom->left, names);
      collect_symbols(atom->right, names);
    }
  }
}

Dim substitute_in(const Atom& atom, const std::map<std::string, Dim>& replacements) {
  if (atom.kind == AtomKind::kSymbol) {
    const auto found = replacements.find(atom.name);
    return found != replacements.end() ? found->second : Dim::symbol(atom.name);
  }
  const Dim left = atom.left.substitute(replacements);
  const Dim right = atom.right.substitute(replacements);
  switch (atom.kind) {
    case AtomKind::kFloorDiv:
      return floor_div(left, right);
    case AtomKind::kMod:
      return mod(left, right);
    case AtomKind::kMax:
      return max(left, right);
    case AtomKind::kMin:
      return min(left, right);
    case AtomKind::kSymbol:
    case AtomKind::kTooLarge:
      break;
  }
  return DimAccess::too_large();
}

}  // namespace

Result<DimRange> Dim::range(const SymbolRanges& ranges) const {
  if (is_constant()) return DimRange{constant_, constant_};
  DimRange sum{0, 0};
  for (const Term& term : polynomial_->terms) {
    DimRange product{term.coefficient, term.coefficient};
    for (const AtomPtr& atom : term.factors) {
      product = multiply(product, TRY(range_of(*atom, ranges)));
    }
    sum = add(sum, product);
  }
  return sum;
}

Result<std::int64_t> Dim::evaluate(const SymbolValues& values) const {
  if (is_constant()) return constant_;
  std::int64_t sum = 0;
  for (const Term& term : polynomial_->terms) {
    std::int64_t product = term.coefficient;
    bool overflows = false;
    for (const AtomPtr& atom : term.factors) {
      overflows |= __builtin_mul_overflow(product, TRY(value_of(*atom, values)), &product);
    }
    if (overflows || __builtin_add_overflow(sum, product, &sum)) {
      return fail(ErrorCode::kInvalidArgument, "the value of {} is above 64 bits", to_string());
    }
  }
  return sum;
}

std::vector<std::string> Dim::symbols() const {
  std::set<std::string> names;
  collect_symbols(*this, names);
  return {names.begin(), names.end()};
}

Dim Dim::substitute(const std::map<std::string, Dim>& replacements) const {
  if (is_constant()) return *this;
  Dim sum;
  for (const Term& term : polynomial_->terms) {
    Dim product(term.coefficient);
    for (const AtomPtr& atom : term.factors) product = product * substitute_in(*atom, replacements);
    sum = sum + product;
  }
  return sum;
}

}  // namespace tessera::ir
