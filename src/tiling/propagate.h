// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <vector>

#include "tensor/region.h"
#include "tiling/flow.h"

namespace tessera::tiling {

/// Sizes of every value for an input of this shape, which may lie beyond the program's bounds.
Result<FlowSizes> propagate_sizes(const Flow& flow, const Shape& input);

/// Which box of every value the output box depends on; nothing where it does not. Boxes are
/// clipped: what sticks out of a value is padding of the real border.
std::vector<std::optional<Region>> propagate_regions(const Flow& flow, const FlowSizes& sizes,
                                                     const Region& output);

/// The same over one step: box of what `use` reads for a box of output `output`.
std::optional<Region> step_region(const Flow& flow, const FlowSizes& sizes, const Step& step,
                                  const TensorUse& use, std::size_t output, const Region& wanted);

}  // namespace tessera::tiling
