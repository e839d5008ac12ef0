// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>

#include "xnnpack/define_nodes.h"

namespace tessera::xnnpack {

/// XNNPACK's ids by the payload's.
using ValueIds = std::unordered_map<std::uint32_t, std::uint32_t>;

/// Defines all values of the payload in `defined.subgraph`.
Result<ValueIds> define_values(const Payload& payload,
                               std::span<const std::span<const std::byte>> constants,
                               DefinedSubgraph& defined);

}  // namespace tessera::xnnpack
