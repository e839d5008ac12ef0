// SPDX-License-Identifier: MIT
#pragma once

#include <utility>

#include "tessera/result.h"

/// Unwraps a Result or returns its error: `auto file = TRY(MappedFile::open(path));`. The only
/// control macro. For a Result<void> it is a statement: `TRY(verify(graph));`.
#define TRY(...)                                                            \
  __extension__({                                                           \
    auto try_result = (__VA_ARGS__);                                        \
    if (!try_result) return std::unexpected(std::move(try_result).error()); \
    *std::move(try_result);                                                 \
  })
