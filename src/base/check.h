// SPDX-License-Identifier: MIT
#pragma once

#include <format>
#include <source_location>
#include <string>

namespace tessera {

/// Prints location and text and aborts: Tessera itself is wrong. Never for input.
[[noreturn]] void check_failed(const char* condition, const std::string& text,
                               std::source_location location = std::source_location::current());

}  // namespace tessera

/// `CHECK(index < size)` or `CHECK(index < size, "index {} of {}", index, size)`.
#define CHECK(condition, ...)                                                                 \
  do {                                                                                        \
    if (!(condition)) [[unlikely]]                                                            \
      ::tessera::check_failed(#condition, std::string(__VA_OPT__(std::format(__VA_ARGS__)))); \
  } while (false)
