// SPDX-License-Identifier: MIT
#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace tessera {

void check_failed(const char* condition, const std::string& text, std::source_location location) {
  std::fprintf(stderr, "%s:%u: this is a bug in Tessera: %s does not hold%s%s\n",
               location.file_name(), static_cast<unsigned>(location.line()), condition,
               text.empty() ? "" : ": ", text.c_str());
  std::abort();
}

}  // namespace tessera
