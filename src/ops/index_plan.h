// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include "ir/operator.h"

/// What index (reading) and index_put (writing) have in common: which elements of a tensor a list
/// of index tensors names. A tensor of integers stands for one dimension, one of bool for as many
/// as it has, none for a dimension as it is.
namespace tessera::ops {

/// Sizes of what is indexed, with the upper bound where a tensor of bool decides.
Result<ir::Dims> indexed_sizes(const ir::TensorType& self,
                               std::span<const ir::TensorType* const> indices);

/// The named elements in the order of the result: for each of `num_outer`, `offsets` and
/// `middle`, a run of `run` elements that lie behind each other.
struct IndexPlan {
  Shape result;
  std::int64_t num_outer = 1, outer_stride = 0;  ///< dimensions in front of the indexed ones
  std::vector<std::int64_t> offsets;             ///< of what the index tensors name
  std::vector<std::int64_t>
      middle;  ///< of dimensions between the indexed ones; {0} if there are none
  std::int64_t run = 1;

  /// Calls copy(position in the result, position in the tensor) for each run of one outer index.
  template <class Copy>
  void for_each_run(std::int64_t outer, const Copy& copy) const {
    auto at = outer * static_cast<std::int64_t>(offsets.size() * middle.size()) * run;
    for (const std::int64_t offset : offsets) {
      for (const std::int64_t between : middle) {
        copy(at, outer * outer_stride + offset + between);
        at += run;
      }
    }
  }
};

/// Reads the index tensors. Fails at an index outside of its dimension and where the numbers of
/// elements that tensors of bool choose do not fit the others.
Result<IndexPlan> plan_indexing(const Tensor& self, std::span<Tensor* const> indices);

}  // namespace tessera::ops
