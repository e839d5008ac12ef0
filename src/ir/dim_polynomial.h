// SPDX-License-Identifier: MIT
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "ir/dim.h"

/// What a Dim that is not a constant is made of. Others than the sources of Dim use dim_fold.h.
namespace tessera::ir {

enum class AtomKind {
  kSymbol,
  kFloorDiv,
  kMod,
  kMax,
  kMin,
  kTooLarge,  ///< stands for an expression beyond DimAccess::kMaxSize
};

struct Atom {
  AtomKind kind = AtomKind::kSymbol;
  std::string name;  ///< of a symbol
  Dim left, right;   ///< operands of the others
};
using AtomPtr = std::shared_ptr<const Atom>;

/// coefficient * factors[0] * factors[1] * ...; a power repeats its factor.
struct Term {
  std::int64_t coefficient = 0;
  std::vector<AtomPtr> factors;  ///< sorted
};

struct Dim::Polynomial {
  std::vector<Term> terms;  ///< sorted: highest degree first, the constant last; none is 0
  std::size_t size = 0;     ///< number of terms and atoms when written out
};

struct DimAccess {
  static const std::vector<Term>& terms(const Dim& dim) { return dim.polynomial_->terms; }
  static std::vector<Term> copy_terms(const Dim& dim);
  /// Sorts, merges equal products and drops zeros.
  static Dim from_terms(std::vector<Term> terms);
  static Dim from_atom(Atom atom);

  /// Sizes of real models stay far below; without a limit a malicious file could double an
  /// expression with every node.
  static constexpr std::size_t kMaxSize = 4096;
  static std::size_t size(const Dim& dim) { return dim.is_constant() ? 1 : dim.polynomial_->size; }
  /// Every computation with a too large Dim gives a too large one.
  static Dim too_large();
  static bool is_too_large(const Dim& dim);
};

/// Total orders without meaning but for the same result on every machine.
std::strong_ordering compare(const Dim& a, const Dim& b);
std::strong_ordering compare(const Atom& a, const Atom& b);
std::strong_ordering compare_factors(const std::vector<AtomPtr>& a, const std::vector<AtomPtr>& b);

}  // namespace tessera::ir
