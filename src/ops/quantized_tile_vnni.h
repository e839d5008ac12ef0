// SPDX-License-Identifier: MIT
#pragma once

#include "ops/quantized_tile.h"

namespace tessera::ops {

#if defined(__x86_64__)
/// For processors with has_vnni().
QuantizedTileFunctions vnni_quantized_tile_functions();
#endif

}  // namespace tessera::ops
