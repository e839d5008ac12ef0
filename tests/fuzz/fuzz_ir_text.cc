// SPDX-License-Identifier: MIT
// The text form: programs bring a signature in it.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "ir/text.h"
#include "ops/registry.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto signature = tessera::ir::parse_signature(text)) {
    // What is printed is read back to the same text.
    const std::string printed = tessera::ir::print(*signature);
    const auto again = tessera::ir::parse_signature(printed);
    if (!again || tessera::ir::print(*again) != printed) __builtin_trap();
  }
  (void)tessera::ir::parse_sample(text);
  (void)tessera::ir::parse_graph(text, tessera::ops::find_operator);
  return 0;
}
