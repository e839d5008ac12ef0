// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "ir/graph.h"
#include "tessera/calibrate.h"

namespace tessera::quantize {

/// Runs something on all samples of the calibration data, several at a time.
class Samples {
 public:
  /// The graph says what its inputs are.
  static Result<Samples> make(const ir::Graph& graph, const QuantizeOptions& options);

  /// What is done with a sample; `worker` is below num_workers().
  using Work = std::function<Result<void>(std::size_t worker, std::size_t sample,
                                          std::span<const Tensor> inputs)>;
  /// Calls `work` for every sample below `limit`, on as many threads as there are workers. The
  /// error of the first sample that has one.
  Result<void> for_each(const Work& work, std::size_t limit = SIZE_MAX) const;

  std::size_t num_samples() const { return options_->calibration.num_samples; }
  std::size_t num_workers() const { return num_workers_; }

 private:
  Samples(std::vector<ModelInput> inputs, const QuantizeOptions& options);

  std::vector<ModelInput> inputs_;
  const QuantizeOptions* options_;
  std::size_t num_workers_;
};

}  // namespace tessera::quantize
