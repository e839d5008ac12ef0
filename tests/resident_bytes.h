// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <fstream>
#include <ios>
#include <sstream>
#include <string>

namespace tessera::testing {

/// Bytes of memory that the mapping around `address` takes now (Rss in /proc/self/smaps).
inline std::size_t resident_bytes_of_mapping(const void* address) {
  constexpr std::size_t kKibibyte = 1024;
  const auto wanted = reinterpret_cast<std::uintptr_t>(address);
  std::ifstream smaps("/proc/self/smaps");
  bool is_wanted = false;
  for (std::string line; std::getline(smaps, line);) {
    std::istringstream words(line);
    std::uintptr_t begin = 0, end = 0;
    char dash = 0;
    if (words >> std::hex >> begin >> dash >> end && dash == '-') {
      is_wanted = begin <= wanted && wanted < end;
    } else if (is_wanted && line.starts_with("Rss:")) {
      return std::stoull(line.substr(4)) * kKibibyte;
    }
  }
  return 0;
}

/// Reads one byte of every page, so that they are resident.
inline void touch_pages(const std::byte* data, std::size_t size) {
  volatile std::byte sink{};
  for (std::size_t i = 0; i < size; i += 4096) sink = data[i];
  (void)sink;
}

}  // namespace tessera::testing
