// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "base/try.h"
#include "ir/dim_polynomial.h"

namespace tessera::ir {

/// Goes through an expression from the inside out. `Operations` makes values of type T, or fails:
/// constant(int64), symbol(name), add(a, b), multiply(a, b), and for the other atoms
/// combine(kind, a, b).
template <class T, class Operations>
Result<T> fold(const Dim& dim, Operations& operations) {
  if (dim.is_constant()) return operations.constant(dim.constant());
  std::optional<T> sum;
  for (const Term& term : DimAccess::terms(dim)) {
    std::optional<T> product;
    const auto multiply = [&](T factor) -> Result<void> {
      product = product ? TRY(operations.multiply(*product, factor)) : factor;
      return {};
    };
    for (const AtomPtr& atom : term.factors) {
      if (atom->kind == AtomKind::kSymbol) {
        TRY(multiply(TRY(operations.symbol(atom->name))));
        continue;
      }
      if (atom->kind == AtomKind::kTooLarge) {
        return fail(ErrorCode::kNotSupported, "a size is an expression of more than {} terms",
                    DimAccess::kMaxSize);
      }
      const T left = TRY((fold<T, Operations>(atom->left, operations)));
      const T right = TRY((fold<T, Operations>(atom->right, operations)));
      TRY(multiply(TRY(operations.combine(atom->kind, left, right))));
    }
    if (!product || term.coefficient != 1) {
      TRY(multiply(TRY(operations.constant(term.coefficient))));
    }
    sum = sum ? TRY(operations.add(*sum, *product)) : *product;
  }
  return *sum;
}

}  // namespace tessera::ir
