// SPDX-License-Identifier: MIT
#pragma once

#include <xnnpack.h>

#include <vector>

#include "tessera/result.h"
#include "xnnpack/delegate.h"

namespace tessera::xnnpack {

/// Times of the last invocation of a runtime that was created with XNN_FLAG_BASIC_PROFILING.
Result<std::vector<OperatorTime>> operator_times_of(xnn_runtime* runtime);

/// Adds the times of a run to a sum; starts anew if the operators are others (a delegate whose
/// layout has changed).
void add_times(std::vector<OperatorTime>& sum, const std::vector<OperatorTime>& times);

}  // namespace tessera::xnnpack
