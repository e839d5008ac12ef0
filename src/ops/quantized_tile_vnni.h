// SPDX-License-Identifier: MIT
#pragma once

#include "ops/quantized_tile.h"

namespace tessera::ops {

#if defined(__x86_64__)
/// For processors with avx512f, avx512bw, avx512vl and avx512vnni.
QuantizedTileFunctions vnni_quantized_tile_functions();
#endif

}  // namespace tessera::ops
