// SPDX-License-Identifier: MIT
#pragma once

#include "ir/operator.h"

namespace tessera::ops {

/// Element i of the result depends on element i of the tensor argument asked about.
inline Region same_region(const ir::RegionQuery& query) { return query.output_region; }

}  // namespace tessera::ops
