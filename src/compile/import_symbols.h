// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "formats/pt2.h"
#include "ir/dim.h"
#include "tessera/compile.h"

namespace tessera {

struct InputDims {
  std::string name;
  ir::Dims dims;
};

/// The range of every symbol in the inputs' sizes: the exported ones, narrowed (or, where there is
/// no bound, given) by the overrides. Fails if a symbol stays without an upper bound.
Result<ir::SymbolRanges> resolve_ranges(
    std::span<const InputDims> inputs,
    const std::map<std::string, pt2::Range, std::less<>>& exported_ranges,
    std::span<const DimOverride> overrides);

}  // namespace tessera
