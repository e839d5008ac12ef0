// SPDX-License-Identifier: MIT
#include <algorithm>
#include <numeric>
#include <optional>

#include "ir/dim_polynomial.h"
#include "ir/integer.h"

namespace tessera::ir {
namespace {

// If `dim` is one atom of this kind plus a constant: the atom.
const Atom* sole_atom(const Dim& dim, AtomKind kind) {
  if (dim.is_constant()) return nullptr;
  const auto& terms = DimAccess::terms(dim);
  const bool has_one_atom = terms[0].coefficient == 1 && terms[0].factors.size() == 1 &&
                            (terms.size() == 1 || terms[1].factors.empty());
  return has_one_atom && terms[0].factors[0]->kind == kind ? terms[0].factors[0].get() : nullptr;
}

std::int64_t constant_term(const Dim& dim) {
  if (dim.is_constant()) return dim.constant();
  const Term& last = DimAccess::terms(dim).back();
  return last.factors.empty() ? last.coefficient : 0;
}

// a = divisor * quotient + remainder with all coefficients of the remainder in [0, divisor).
struct Split {
  Dim quotient, remainder;
};
Split split(const Dim& a, std::int64_t divisor) {
  std::vector<Term> quotient, remainder;
  for (const Term& term : DimAccess::copy_terms(a)) {
    quotient.push_back({floor_quotient(term.coefficient, divisor), term.factors});
    remainder.push_back({floor_remainder(term.coefficient, divisor), term.factors});
  }
  return {DimAccess::from_terms(std::move(quotient)), DimAccess::from_terms(std::move(remainder))};
}

// Greatest common divisor of `start` and the coefficients.
std::int64_t common_divisor(const Dim& a, std::int64_t start, bool with_constant_term) {
  for (const Term& term : DimAccess::copy_terms(a)) {
    if (with_constant_term || !term.factors.empty()) start = std::gcd(start, term.coefficient);
  }
  return start;
}

Dim divide(const Dim& a, std::int64_t divisor) {
  auto [quotient, remainder] = split(a, divisor);
  if (remainder.is_constant()) return quotient;
  // floor((g*X + c) / (g*k)) = floor((X + floor(c/g)) / k)
  const std::int64_t common = common_divisor(remainder, divisor, false);
  remainder = split(remainder, common).quotient;
  divisor /= common;
  // floor((floor(A/m) + c) / k) = floor((A + c*m) / (k*m))
  const Atom* inner = sole_atom(remainder, AtomKind::kFloorDiv);
  std::int64_t product = 0;
  if (inner != nullptr && inner->right.is_constant() && inner->right.constant() > 0 &&
      !__builtin_mul_overflow(inner->right.constant(), divisor, &product)) {
    return quotient + divide(inner->left + Dim(constant_term(remainder)) * inner->right, product);
  }
  return quotient + DimAccess::from_atom({AtomKind::kFloorDiv, {}, remainder, Dim(divisor)});
}

Dim remainder_of(const Dim& a, std::int64_t divisor) {
  Dim remainder = split(a, divisor).remainder;
  if (remainder.is_constant()) return remainder;
  const std::int64_t common = common_divisor(remainder, divisor, true);
  remainder = split(remainder, common).quotient;
  divisor /= common;
  // (A mod m) mod k is A mod k if k divides m.
  const Atom* inner = sole_atom(remainder, AtomKind::kMod);
  if (inner != nullptr && inner->right.is_constant() && inner->right.constant() > 0 &&
      inner->right.constant() % divisor == 0) {
    return Dim(common) * remainder_of(inner->left + Dim(constant_term(remainder)), divisor);
  }
  return Dim(common) * DimAccess::from_atom({AtomKind::kMod, {}, remainder, Dim(divisor)});
}

// a / b for terms, if b divides a.
std::optional<Term> exact_quotient(const Term& a, const Term& b) {
  if (floor_remainder(a.coefficient, b.coefficient) != 0) return std::nullopt;
  Term quotient{floor_quotient(a.coefficient, b.coefficient), a.factors};
  for (const AtomPtr& factor : b.factors) {
    const auto found = std::ranges::find_if(
        quotient.factors, [&](const AtomPtr& atom) { return compare(*atom, *factor) == 0; });
    if (found == quotient.factors.end()) return std::nullopt;
    quotient.factors.erase(found);
  }
  return quotient;
}

// Long division by leading terms, for what views of tensors need: (h*w + w) // (h + 1) is w.
std::optional<Dim> exact_quotient(const Dim& a, const Dim& b) {
  const Term leading = DimAccess::copy_terms(b).front();
  Dim rest = a, quotient;
  for (int step = 0; rest != Dim(0); ++step) {
    constexpr int kMaxSteps = 64;
    const auto term = exact_quotient(DimAccess::copy_terms(rest).front(), leading);
    if (!term || step == kMaxSteps) return std::nullopt;
    const Dim part = DimAccess::from_terms({*term});
    quotient = quotient + part;
    rest = rest - part * b;
  }
  return quotient;
}

// The two operands in an order that does not depend on how they were written.
Dim extreme(AtomKind kind, const Dim& a, const Dim& b) {
  const Dim difference = a - b;
  if (difference.is_constant())
    return (difference.constant() > 0) == (kind == AtomKind::kMax) ? a : b;
  return compare(a, b) < 0 ? DimAccess::from_atom({kind, {}, a, b})
                           : DimAccess::from_atom({kind, {}, b, a});
}

}  // namespace

Dim floor_div(const Dim& a, const Dim& b) {
  if (a.is_constant() && b.is_constant() && b.constant() != 0) {
    return floor_quotient(a.constant(), b.constant());
  }
  if (!b.is_constant()) {
    const auto quotient = exact_quotient(a, b);
    return quotient ? *quotient : DimAccess::from_atom({AtomKind::kFloorDiv, {}, a, b});
  }
  if (b.constant() > 0) return divide(a, b.constant());
  if (b.constant() < 0) return divide(a * Dim(-1), saturating_negate(b.constant()));
  return DimAccess::from_atom({AtomKind::kFloorDiv, {}, a, b});
}

Dim mod(const Dim& a, const Dim& b) {
  if (a.is_constant() && b.is_constant() && b.constant() != 0) {
    return floor_remainder(a.constant(), b.constant());
  }
  if (!b.is_constant()) {
    return exact_quotient(a, b) ? Dim(0) : DimAccess::from_atom({AtomKind::kMod, {}, a, b});
  }
  if (b.constant() > 0) return remainder_of(a, b.constant());
  if (b.constant() < 0) {
    return remainder_of(a * Dim(-1), saturating_negate(b.constant())) * Dim(-1);
  }
  return DimAccess::from_atom({AtomKind::kMod, {}, a, b});
}

Dim max(const Dim& a, const Dim& b) { return extreme(AtomKind::kMax, a, b); }
Dim min(const Dim& a, const Dim& b) { return extreme(AtomKind::kMin, a, b); }

}  // namespace tessera::ir
