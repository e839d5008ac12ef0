// SPDX-License-Identifier: MIT
#pragma once

// A source file of operators defines `std::span<const ir::Operator> NAME_operators()` and has its
// line in all_operators.def, from which registry.cc declares it: a new file compiles just itself
// and the registry anew.

#include <span>

#include "ir/operator.h"
