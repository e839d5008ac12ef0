// SPDX-License-Identifier: MIT
#pragma once

#include "ir/dim.h"

namespace tessera::ops {

/// Sizes of a view: `size` with its -1, if there is one, computed. Fails unless the number of
/// elements stays the same.
Result<ir::Dims> view_size(const ir::Dims& from, const ir::Dims& size);

}  // namespace tessera::ops
