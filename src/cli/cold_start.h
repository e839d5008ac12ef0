// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <functional>

#include "tessera/result.h"

namespace tessera::cli {

/// What a process took that did one thing and ended.
struct ColdStart {
  double load_ms = 0, first_run_ms = 0;
  std::size_t idle_bytes = 0;  ///< resident before it began: the program `tessera` itself
  std::size_t peak_bytes = 0;  ///< the most resident memory it had
};

/// Calls `measure` in a forked process, which fills in the times; memory is measured here. So no
/// program is charged for what another one left behind, and each pays for its own start. To be
/// called while this process has one thread. `name` is for messages.
Result<ColdStart> measure_cold_start(const std::string& name,
                                     const std::function<Result<void>(ColdStart&)>& measure);

}  // namespace tessera::cli
