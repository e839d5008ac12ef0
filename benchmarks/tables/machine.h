// SPDX-License-Identifier: MIT
#pragma once

#include <string>

namespace tessera::benchmarks {

/// "AMD EPYC, 2 processors, AVX-512, VNNI; 8 GiB of memory; Debian GNU/Linux 13"
std::string machine();
/// "4b60a28", with a note if files differ from the commit; "unknown" outside of a checkout.
std::string commit();
/// Processes that ran or waited to, on average over the last minute: what else the machine did.
double load_average();
/// "2026-01-31", UTC.
std::string today();

}  // namespace tessera::benchmarks
