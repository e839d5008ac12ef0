// SPDX-License-Identifier: MIT
#pragma once

#include "ops/depthwise_tile.h"

namespace tessera::ops {

#if defined(__x86_64__)
/// For processors with has_vnni().
DepthwiseFunctions vnni_depthwise_functions();
#endif

}  // namespace tessera::ops
