// SPDX-License-Identifier: MIT
#pragma once

#include "xnnpack/node_records.h"

namespace tessera::xnnpack {

/// Everything about a payload that does not depend on the sizes of its inputs: ids unique and
/// defined before use, operand counts, ranks, quantization parameters, constants large enough,
/// externals without gaps (inputs first). Fails with InvalidProgram; the message names the value or
/// the node.
Result<void> check_payload(const Payload& payload);

/// "node 3 (Conv2d)"
std::string describe(const Payload& payload, std::size_t node_index);

}  // namespace tessera::xnnpack
