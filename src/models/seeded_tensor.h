// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string_view>

#include "tessera/graph_builder.h"

namespace tessera {

/// An f32 tensor whose elements are spread evenly over the range and follow from seed and name.
Result<Tensor> seeded_tensor(std::uint64_t seed, std::string_view name, const Shape& shape,
                             SeededRange range);

}  // namespace tessera
