// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "benchmarks/tables/programs.h"

namespace tessera::benchmarks {

/// MobileNets on all backends and their peers: load, first run and steady times on one thread and
/// on all.
Result<std::string> mobile_table(Programs& programs);

/// int8 against fp32 on one thread, with what int8 does to the output.
Result<std::string> int8_table(Programs& programs);

}  // namespace tessera::benchmarks
