// SPDX-License-Identifier: MIT
#pragma once

#include <span>
#include <string>
#include <vector>

#include "tessera/tensor.h"

namespace tessera::xnnpack {

/// Time of one operator of a delegate.
struct OperatorTime {
  std::string name;
  double microseconds = 0;
};

/// What runs a delegate's payload. Tensors and shapes are those of the external values in memory
/// order, inputs and outputs by external id. One thread at a time.
class Engine {
 public:
  virtual ~Engine() = default;

  /// Sizes of the outputs for these inputs. Costs nothing if they are those of the last call.
  virtual Result<std::span<const Shape>> reshape(std::span<const Shape> inputs) = 0;
  /// Runs with tensors of the shapes of the last reshape.
  virtual Result<void> run(std::span<const Tensor* const> inputs,
                           std::span<Tensor* const> outputs) = 0;
  virtual bool keeps_profile() const = 0;
  /// Of the last run, in the order in which they run; only if it keeps a profile.
  virtual Result<std::vector<OperatorTime>> operator_times() const = 0;
};

}  // namespace tessera::xnnpack
