// SPDX-License-Identifier: MIT
#pragma once

#include <span>

#include "ir/operator.h"

namespace tessera::ops {

#define FAMILY(name) std::span<const ir::Operator> name##_operators();
#include "ops/all_operators.def"
#undef FAMILY

}  // namespace tessera::ops
