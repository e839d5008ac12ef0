// SPDX-License-Identifier: MIT
#pragma once

#include <nlohmann/json.hpp>
#include <vector>

#include "tessera/program.h"

namespace tessera::cli {

/// Prints where the time of `num_runs` runs of the method went: by operator, most expensive first,
/// then by instruction in order. All times are of one run in the mean.
void print_profile(const std::vector<ProfileRecord>& records, std::size_t num_runs);

/// The same by instruction: [{"instruction", "operator", "runs", "microseconds"}], sums over all
/// runs of the method; `runs` is how often the instruction ran.
nlohmann::ordered_json profile_json(const std::vector<ProfileRecord>& records);

}  // namespace tessera::cli
