// SPDX-License-Identifier: MIT
#include "runtime/profile.h"

#include <algorithm>
#include <chrono>

#include "base/try.h"
#include "xnnpack/profile.h"

namespace tessera::runtime {

Result<void> Profile::run(Step& step, ir::KernelContext& context) {
  const auto start = std::chrono::steady_clock::now();
  TRY(step.run(context));
  const auto time = std::chrono::steady_clock::now() - start;

  Sum& sum = sums_[&step];
  sum.microseconds += std::chrono::duration<double, std::micro>(time).count();
  ++sum.runs;
  const auto* call = std::get_if<DelegateInstruction>(&step.body);
  if (call == nullptr) return {};
  xnnpack::add_times(sum.operators, TRY(call->operator_times()));
  return {};
}

std::vector<ProfileRecord> Profile::records(std::span<const std::vector<Step>> chains) const {
  std::vector<ProfileRecord> records;
  for (const std::vector<Step>& steps : chains) {
    for (const Step& step : steps) {
      const auto found = sums_.find(&step);
      if (found == sums_.end()) continue;
      const Sum& sum = found->second;
      double rest = sum.microseconds;
      for (const xnnpack::OperatorTime& time : sum.operators) {
        records.push_back({step.name, time.name, time.microseconds, sum.runs});
        rest -= time.microseconds;
      }
      const bool is_call = std::holds_alternative<DelegateInstruction>(step.body);
      const std::string name =
          is_call ? step.operator_name + ", outside of its operators" : step.operator_name;
      records.push_back({step.name, name, std::max(0.0, rest), sum.runs});
    }
  }
  return records;
}

}  // namespace tessera::runtime
