// SPDX-License-Identifier: MIT
#include "benchmarks/tables/machine.h"

#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <format>
#include <fstream>
#include <string_view>
#include <utility>

#include "base/thread_pool.h"
#include "benchmarks/tables/command.h"

namespace tessera::benchmarks {
namespace {

/// What stands behind the first line that begins with `key` and a separator.
std::string field(const char* file, std::string_view key, char separator) {
  std::ifstream text(file);
  for (std::string line; std::getline(text, line);) {
    if (!line.starts_with(key)) continue;
    const std::size_t begin = line.find(separator);
    if (begin == std::string::npos) continue;
    std::string value = line.substr(begin + 1);
    std::erase(value, '"');
    return value.substr(std::min(value.find_first_not_of(' '), value.size()));
  }
  return "";
}

std::string processor() {
  std::string text = field("/proc/cpuinfo", "model name", ':');
  if (text.empty()) text = "processor without a name";
  text += std::format(", {} processors", ThreadPool::num_processors());
  const std::string flags = " " + field("/proc/cpuinfo", "flags", ':') + " ";
  constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kKnown = {
      {{" avx2 ", "AVX2"},
       {" avx512f ", "AVX-512"},
       {" avx512_vnni ", "VNNI"},
       {" amx_int8 ", "AMX"}}};
  for (const auto& [flag, name] : kKnown) {
    if (flags.contains(flag)) text += std::format(", {}", name);
  }
  return text;
}

}  // namespace

std::string machine() {
  const double bytes =
      static_cast<double>(::sysconf(_SC_PHYS_PAGES)) * static_cast<double>(::sysconf(_SC_PAGESIZE));
  return std::format("{}; {:.0f} GiB of memory; {}", processor(), bytes / (1 << 30),
                     field("/etc/os-release", "PRETTY_NAME", '='));
}

std::string commit() {
  const std::string git =
      std::format("git -c safe.directory='*' -C {} ", quoted(TESSERA_SOURCE_DIR));
  const auto name = run_command(git + "rev-parse --short HEAD");
  if (!name) return "unknown";
  const auto changes = run_command(git + "status --porcelain --untracked-files=no");
  const bool is_changed = changes && !changes->empty();
  return name->substr(0, name->find('\n')) + (is_changed ? " with changes" : "");
}

double load_average() {
  double load = 0;
  return ::getloadavg(&load, 1) == 1 ? load : 0;
}

std::string today() {
  const auto now = std::chrono::floor<std::chrono::days>(std::chrono::system_clock::now());
  return std::format("{:%Y-%m-%d}", now);
}

}  // namespace tessera::benchmarks
