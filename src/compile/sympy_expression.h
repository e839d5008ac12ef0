// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

#include "ir/dim.h"

namespace tessera {

/// Parses the integer expressions of torch.export: sympy's srepr ("Mul(Integer(4),
/// Symbol('s18', positive=True, integer=True))") and Python's infix ("4*s18", "(s0//2)"), mixed as
/// they come. Fractions may occur inside, as "s0/2" under floor; a result that is one is taken to
/// be a whole number, as the exporter promises.
Result<ir::Dim> parse_sympy(std::string_view text);

}  // namespace tessera
