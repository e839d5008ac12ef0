// SPDX-License-Identifier: MIT
#pragma once

#include "base/content_hash.h"
#include "tessera/result.h"

namespace tessera::xnnpack {

/// Initializes XNNPACK for the process; cheap when it is.
Result<void> initialize();

/// Stands for what decides how XNNPACK packs one and the same weights: the build of XNNPACK, and
/// the processor as XNNPACK sees it (instruction sets, microarchitecture, and whether the system
/// lets the process use AMX). Files of packed weights are for one platform.
ContentHash packing_platform();

}  // namespace tessera::xnnpack
