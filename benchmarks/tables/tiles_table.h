// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "benchmarks/tables/programs.h"

namespace tessera::benchmarks {

/// Images whole and in tiles, fp32 and int8, on one thread and in memory.
Result<std::string> tiles_table(Programs& programs);

}  // namespace tessera::benchmarks
