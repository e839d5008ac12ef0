// SPDX-License-Identifier: MIT
#include "ir/dim.h"

#include <algorithm>

#include "base/check.h"
#include "ir/dim_polynomial.h"
#include "ir/integer.h"

namespace tessera::ir {
namespace {

Term multiply(const Term& a, const Term& b) {
  Term product{saturating_multiply(a.coefficient, b.coefficient), {}};
  product.factors.reserve(a.factors.size() + b.factors.size());
  std::ranges::merge(a.factors, b.factors, std::back_inserter(product.factors),
                     [](const AtomPtr& x, const AtomPtr& y) { return compare(*x, *y) < 0; });
  return product;
}

std::size_t num_terms(const Dim& dim) {
  return dim.is_constant() ? 1 : DimAccess::terms(dim).size();
}

std::size_t size_of(const AtomPtr& atom) {
  return 1 + DimAccess::size(atom->left) + DimAccess::size(atom->right);
}

}  // namespace

std::strong_ordering compare(const Atom& a, const Atom& b) {
  if (&a == &b) return std::strong_ordering::equal;
  if (a.kind != b.kind) return a.kind <=> b.kind;
  if (a.kind == AtomKind::kSymbol) return a.name <=> b.name;
  const auto order = compare(a.left, b.left);
  return order != 0 ? order : compare(a.right, b.right);
}

std::strong_ordering compare_factors(const std::vector<AtomPtr>& a, const std::vector<AtomPtr>& b) {
  if (a.size() != b.size()) return b.size() <=> a.size();
  for (std::size_t i = 0; i < a.size(); ++i) {
    const auto order = compare(*a[i], *b[i]);
    if (order != 0) return order;
  }
  return std::strong_ordering::equal;
}

std::strong_ordering compare(const Dim& a, const Dim& b) {
  if (a.is_constant() || b.is_constant()) {
    if (!a.is_constant()) return std::strong_ordering::greater;
    if (!b.is_constant()) return std::strong_ordering::less;
    return a.constant() <=> b.constant();
  }
  const auto &x = DimAccess::terms(a), &y = DimAccess::terms(b);
  if (&x == &y) return std::strong_ordering::equal;
  for (std::size_t i = 0; i < std::min(x.size(), y.size()); ++i) {
    auto order = compare_factors(x[i].factors, y[i].factors);
    if (order == 0) order = x[i].coefficient <=> y[i].coefficient;
    if (order != 0) return order;
  }
  return x.size() <=> y.size();
}

std::vector<Term> DimAccess::copy_terms(const Dim& dim) {
  if (!dim.is_constant()) return terms(dim);
  if (dim.constant() == 0) return {};
  return {Term{dim.constant(), {}}};
}

Dim DimAccess::from_terms(std::vector<Term> terms) {
  const auto has_too_large = [](const Term& term) {
    return std::ranges::any_of(
        term.factors, [](const AtomPtr& atom) { return atom->kind == AtomKind::kTooLarge; });
  };
  if (std::ranges::any_of(terms, has_too_large)) return too_large();
  std::ranges::stable_sort(terms, [](const Term& a, const Term& b) {
    return compare_factors(a.factors, b.factors) < 0;
  });
  std::vector<Term> merged;
  for (Term& term : terms) {
    if (!merged.empty() && compare_factors(merged.back().factors, term.factors) == 0) {
      merged.back().coefficient = saturating_add(merged.back().coefficient, term.coefficient);
    } else {
      merged.push_back(std::move(term));
    }
  }
  std::erase_if(merged, [](const Term& term) { return term.coefficient == 0; });
  if (merged.empty()) return Dim(0);
  if (merged.front().factors.empty()) return Dim(merged.front().coefficient);
  std::size_t size = merged.size();
  for (const Term& term : merged) {
    for (const AtomPtr& atom : term.factors) size += size_of(atom);
  }
  if (size > kMaxSize) return too_large();
  return Dim(std::make_shared<const Dim::Polynomial>(Dim::Polynomial{std::move(merged), size}));
}

Dim DimAccess::from_atom(Atom atom) {
  if (is_too_large(atom.left) || is_too_large(atom.right)) return too_large();
  return from_terms({Term{1, {std::make_shared<const Atom>(std::move(atom))}}});
}

Dim DimAccess::too_large() {
  static const auto polynomial = std::make_shared<const Dim::Polynomial>(Dim::Polynomial{
      {Term{1, {std::make_shared<const Atom>(Atom{AtomKind::kTooLarge, {}, {}, {}})}}}, 1});
  return Dim(polynomial);
}

bool DimAccess::is_too_large(const Dim& dim) {
  return !dim.is_constant() && terms(dim).front().factors.front()->kind == AtomKind::kTooLarge;
}

Dim::Dim(std::shared_ptr<const Polynomial> polynomial) : polynomial_(std::move(polynomial)) {}

Dim Dim::symbol(std::string name) {
  return DimAccess::from_atom({AtomKind::kSymbol, std::move(name), {}, {}});
}

std::int64_t Dim::constant() const {
  CHECK(is_constant(), "{} is no constant", to_string());
  return constant_;
}

Dim operator+(const Dim& a, const Dim& b) {
  if (a.is_constant() && b.is_constant()) return saturating_add(a.constant_, b.constant_);
  std::vector<Term> terms = DimAccess::copy_terms(a);
  std::ranges::move(DimAccess::copy_terms(b), std::back_inserter(terms));
  return DimAccess::from_terms(std::move(terms));
}

Dim operator-(const Dim& a, const Dim& b) {
  if (a.is_constant() && b.is_constant()) {
    std::int64_t difference = 0;
    if (!__builtin_sub_overflow(a.constant_, b.constant_, &difference)) return difference;
    return a.constant_ < 0 ? INT64_MIN : INT64_MAX;
  }
  return a + b * Dim(-1);
}

Dim operator*(const Dim& a, const Dim& b) {
  if (a.is_constant() && b.is_constant()) return saturating_multiply(a.constant_, b.constant_);
  // Size of the product before equal terms merge.
  const std::size_t size_limit = 16 * DimAccess::kMaxSize;
  if (num_terms(a) * DimAccess::size(b) + num_terms(b) * DimAccess::size(a) > size_limit) {
    return DimAccess::too_large();
  }
  std::vector<Term> terms;
  for (const Term& x : DimAccess::copy_terms(a)) {
    for (const Term& y : DimAccess::copy_terms(b)) terms.push_back(multiply(x, y));
  }
  return DimAccess::from_terms(std::move(terms));
}

bool operator==(const Dim& a, const Dim& b) { return compare(a, b) == 0; }

}  // namespace tessera::ir
