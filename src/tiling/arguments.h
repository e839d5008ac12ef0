// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include "ir/operator.h"
#include "tiling/flow.h"

namespace tessera::tiling {

/// A kernel call's arguments in schema order as `infer` takes them. They point into `sizes`.
Result<std::vector<ir::TypeArguments::Argument>> resolve_arguments(const pte::ExecutionPlan& plan,
                                                                   const KernelStep& step,
                                                                   const FlowSizes& sizes);

}  // namespace tessera::tiling
