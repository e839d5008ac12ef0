// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "compare/operations.h"

namespace tessera::compare {

/// An operation with what follows it alone and belongs to it: batch norm, activation, conversions.
struct Layer {
  std::string name, kind;            ///< of the operation
  std::vector<std::int64_t> weight;  ///< of the operation
  std::vector<std::int64_t> sizes;   ///< sizes_key of its result, at the upper bound
  std::size_t value = 0;             ///< the last one that can be measured

  bool has_weights() const { return !weight.empty(); }
};

/// In the order of the operations. What only moves or converts numbers is no layer, and neither is
/// what cannot be measured.
std::vector<Layer> find_layers(const OperationList& list);

using LayerPair = std::pair<std::size_t, std::size_t>;

/// Pairs of layers that compute the same, in order in both lists: as many with weights of the same
/// sizes as there can be, and then as many others of the same kind and sizes. Nothing if the lists
/// are too long to compare (more than 2^25 pairs of layers that differ).
std::vector<LayerPair> match_layers(std::span<const Layer> first, std::span<const Layer> second);

}  // namespace tessera::compare
