// SPDX-License-Identifier: MIT
#pragma once

#include <span>
#include <vector>

#include "runtime/bands.h"
#include "tessera/tensor.h"
#include "xnnpack/engine.h"

namespace tessera::runtime {

/// Runs a delegate band by band; see BandPlan. Shapes are in memory order.
class BandRunner {
 public:
  /// Reshapes the delegate to a band and takes memory for one.
  static Result<BandRunner> create(BandPlan plan, xnnpack::Engine& engine,
                                   std::span<const Tensor* const> inputs, const Tensor& output);

  std::span<const Shape> input_shapes() const { return plan_.input_shapes; }

  /// `inputs` and `output` are the whole tensors, of `shapes` (inputs) and `output_shape`.
  Result<void> run(xnnpack::Engine& engine, std::span<const Tensor* const> inputs,
                   std::span<const Shape> shapes, Tensor& output, const Shape& output_shape);
  /// Summed over the bands of the last run; empty unless the delegate keeps a profile.
  const std::vector<xnnpack::OperatorTime>& operator_times() const { return operator_times_; }

 private:
  BandPlan plan_;
  std::vector<Tensor> inputs_;  ///< of the band that runs: views, or copies of its rows
  std::vector<bool> is_copied_;
  std::vector<const Tensor*> input_pointers_;
  Tensor output_;
  std::vector<xnnpack::OperatorTime> operator_times_;
};

}  // namespace tessera::runtime
