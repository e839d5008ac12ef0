// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <unordered_map>
#include <vector>

#include "runtime/instruction.h"
#include "tessera/program.h"

namespace tessera::runtime {

/// Times of a method's steps, summed over runs. Time to size results is not counted.
class Profile {
 public:
  /// Runs the step and adds its time. Steps are told apart by address.
  Result<void> run(Step& step, ir::KernelContext& context);

  /// Of the steps that have run, in the order of `chains`.
  std::vector<ProfileRecord> records(std::span<const std::vector<Step>> chains) const;
  void clear() { sums_.clear(); }

 private:
  struct Sum {
    double microseconds = 0;
    std::size_t runs = 0;
    std::vector<xnnpack::OperatorTime> operators;  ///< of a delegate call
  };
  std::unordered_map<const Step*, Sum> sums_;
};

}  // namespace tessera::runtime
