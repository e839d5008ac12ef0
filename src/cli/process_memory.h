// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

namespace tessera::cli {

/// Resident memory of this process in bytes, with the pages of mapped files and libraries that it
/// has touched: now, and the most there has been (ru_maxrss, see getrusage(2)).
std::size_t resident_bytes();
std::size_t peak_resident_bytes();

}  // namespace tessera::cli
