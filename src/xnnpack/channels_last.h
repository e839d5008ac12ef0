// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "xnnpack/node_records.h"

namespace tessera::xnnpack {

/// Transposes between images as planes (N, C, H, W) and with channels last (N, H, W, C).
inline constexpr std::array<std::uint32_t, 4> kToChannelsLast = {0, 2, 3, 1};
inline constexpr std::array<std::uint32_t, 4> kToChannelsFirst = {0, 3, 1, 2};

/// The payload with the channels of one external value last in memory: its sizes are N, H, W, C,
/// and the transposes between it and the nodes, which work on channels-last memory anyway, are
/// gone. Nothing if the value has another rank or meets any node that is not such a transpose.
std::optional<Payload> with_channels_last(const Payload& payload, std::uint32_t external_id);

}  // namespace tessera::xnnpack
