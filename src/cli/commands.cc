// SPDX-License-Identifier: MIT
#include "cli/commands.h"

#include <cstdio>
#include <print>

namespace tessera::cli {

void finish(const Result<void>& result) {
  if (result) return;
  std::fflush(stdout);
  std::println(stderr, "tessera: error: {}", result.error().message);
  throw CLI::RuntimeError(1);
}

}  // namespace tessera::cli
