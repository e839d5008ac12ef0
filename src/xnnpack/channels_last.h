// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>

#include "xnnpack/node_records.h"

namespace tessera::xnnpack {

/// The payload with the channels of one external value last in memory: its sizes are N, H, W, C,
/// and the transposes between it and the nodes, which work on channels-last memory anyway, are
/// gone. Nothing if the value has another rank or meets any node that is not such a transpose.
std::optional<Payload> with_channels_last(const Payload& payload, std::uint32_t external_id);

}  // namespace tessera::xnnpack
