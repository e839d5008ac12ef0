// SPDX-License-Identifier: MIT
#include "cli/process_memory.h"

#include <sys/resource.h>
#include <unistd.h>

#include <fstream>

namespace tessera::cli {

std::size_t resident_bytes() {
  // The second number of /proc/self/statm counts pages; see proc_pid_statm(5).
  std::size_t total = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> total >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

std::size_t peak_resident_bytes() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::size_t>(usage.ru_maxrss) * 1024;
}

}  // namespace tessera::cli
