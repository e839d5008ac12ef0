// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "compare/layer_value.h"
#include "compare/traced_method.h"

namespace tessera::compare {

/// Collects the differences of two methods' layers.
class LayerComparer {
 public:
  LayerComparer() = default;  ///< of no layers
  /// Matches the layers. Values of the first method's layers take `value_bytes` at once, or one
  /// layer's if that is more.
  LayerComparer(const TracedMethod& first, const TracedMethod& second, std::size_t value_bytes);

  /// All layers wait for another input.
  void begin_input() { is_done_.assign(pairs_.size(), false); }
  bool has_waiting() const;
  /// Executes both methods on their inputs and compares as many of the layers that wait as there is
  /// memory for. False if none was left that the first method ran.
  Result<bool> run(TracedMethod& first, TracedMethod& second);

  /// Layers and what is known of their number.
  void add_to(CompareReport& report, const TracedMethod& first, const TracedMethod& second) const;

 private:
  struct Pair {
    std::size_t first = 0, second = 0;  ///< layers
    LayerSums sums;
    std::string sizes;  ///< empty: never run
    bool differs_in_sizes = false;
  };

  /// Whether there is memory for the value of a pair that waits. Then it is counted.
  bool reserve(std::size_t pair, std::size_t num_elements);
  Result<void> keep_first(std::size_t pair, LayerValue value);
  Result<void> compare_second(std::size_t pair, LayerValue value);

  std::size_t value_bytes_ = 0;
  std::string why_none_ = "not asked for";
  std::vector<Pair> pairs_;
  std::vector<std::optional<std::size_t>> pair_of_first_, pair_of_second_;  ///< by layer
  std::vector<bool> is_done_;                                               ///< by pair
  std::vector<std::optional<LayerValue>> kept_;  ///< by pair: the first method's values
  std::size_t num_kept_bytes_ = 0;
};

}  // namespace tessera::compare
