// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include "ir/operator.h"

/// Shape rules that permute_copy and the operators that decompose into it have in common.
namespace tessera::ops {

/// The list of dimensions as positions from the front, each once.
Result<std::vector<std::size_t>> permutation_argument(const ir::TypeArguments& arguments,
                                                      std::size_t position, std::size_t rank);

/// Dimension i of the result is dimension `permutation[i]` of `type`.
ir::TensorType permuted(const ir::TensorType& type, const std::vector<std::size_t>& permutation);

}  // namespace tessera::ops
