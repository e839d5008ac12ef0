// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "cli/cold_start.h"
#include "tessera/program.h"

namespace tessera::cli {

/// What was measured of one program.
struct BenchResult {
  std::string program, method;
  std::vector<std::string> inputs;  ///< "f32[1, 3, 64, 64]: random numbers"
  ColdStart cold_start;
  std::vector<double> run_ms;  ///< of the measured runs, in order
  MethodMemory memory;         ///< after them
  std::vector<ProfileRecord> profile;
};

struct BenchReport {
  std::size_t num_threads = 1, num_warmup_runs = 0, num_runs = 0;
  bool has_profile = false;
  std::vector<BenchResult> results;  ///< the first is what the others are compared with

  /// A table for people.
  void print() const;
  /// Writes all numbers, single runs too. The file is whole or not there.
  Result<void> write_json(const std::filesystem::path& path) const;
};

}  // namespace tessera::cli
