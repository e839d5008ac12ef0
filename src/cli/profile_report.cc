// SPDX-License-Identifier: MIT
#include "cli/profile_report.h"

#include <algorithm>
#include <print>
#include <string>

namespace tessera::cli {
namespace {

struct OperatorSum {
  std::string name;
  std::size_t count = 0;  ///< records of that name
  double milliseconds = 0;
};

/// Sums over all runs, most expensive first.
std::vector<OperatorSum> by_operator(const std::vector<ProfileRecord>& records) {
  std::vector<OperatorSum> sums;
  for (const ProfileRecord& record : records) {
    auto sum = std::ranges::find(sums, record.operator_name, &OperatorSum::name);
    if (sum == sums.end()) sum = sums.insert(sum, {.name = record.operator_name});
    ++sum->count;
    sum->milliseconds += record.microseconds / 1000;
  }
  std::ranges::stable_sort(sums, std::ranges::greater(), &OperatorSum::milliseconds);
  return sums;
}

}  // namespace

void print_profile(const std::vector<ProfileRecord>& records, std::size_t num_runs) {
  if (records.empty()) {
    std::println("profile: no instruction has run");
    return;
  }
  double total = 0;
  for (const ProfileRecord& record : records) total += record.microseconds / 1000;
  const auto time_and_share = [total, num_runs](double milliseconds) {
    return std::format("{:10.3f} {:6.1f}%", milliseconds / static_cast<double>(num_runs),
                       total > 0 ? 100 * milliseconds / total : 0);
  };
  std::println("profile: {:.3f} ms a run in the instructions, mean of {}",
               total / static_cast<double>(num_runs), num_runs);
  std::println("{:>10} {:>7} {:>6}  {}", "ms", "share", "count", "operator");
  for (const OperatorSum& sum : by_operator(records)) {
    std::println("{} {:6}  {}", time_and_share(sum.milliseconds), sum.count, sum.name);
  }
  std::println("{:>10} {:>7}  {}", "ms", "share", "instruction");
  const std::string* call = nullptr;  // whose operators are being listed
  for (const ProfileRecord& record : records) {
    const bool is_whole = record.instruction.contains(record.operator_name);
    if (!is_whole && (call == nullptr || *call != record.instruction)) {
      std::println("{:>10} {:>7}  {}:", "", "", record.instruction);
    }
    call = is_whole ? nullptr : &record.instruction;
    std::println("{}  {}", time_and_share(record.microseconds / 1000),
                 is_whole ? record.instruction : "  " + record.operator_name);
  }
}

nlohmann::ordered_json profile_json(const std::vector<ProfileRecord>& records) {
  auto list = nlohmann::ordered_json::array();
  for (const ProfileRecord& record : records) {
    list.push_back({{"instruction", record.instruction},
                    {"operator", record.operator_name},
                    {"runs", record.runs},
                    {"microseconds", record.microseconds}});
  }
  return list;
}

}  // namespace tessera::cli
