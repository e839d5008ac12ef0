// SPDX-License-Identifier: MIT
#pragma once

#include <span>
#include <vector>

#include "xnnpack/node_records.h"

namespace tessera::xnnpack {

/// Reads a delegate's blob (identifier XN00 or XN01, with or without the XH00 header) and checks it
/// whole: FlatBuffers verifier, ids unique and defined before use, operand counts, at most 6 dims,
/// externals consistent, size products, constants inside the blob. The payload's inline constants
/// view `blob`, which must outlive it.
Result<Payload> read_payload(std::span<const std::byte> blob);

/// Writes XN01 behind an XH00 header, with constants by key only, as ExecuTorch 1.4 does.
std::vector<std::byte> write_payload(const Payload& payload);

}  // namespace tessera::xnnpack
