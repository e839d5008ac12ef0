// SPDX-License-Identifier: MIT
#pragma once

#include <span>
#include <string_view>

#include "ir/graph.h"

/// Passes over a graph. Each keeps the function that the graph computes (up to the rounding of
/// folded weights, where it says so), leaves a graph that ir::verify accepts, and may be run again
/// without changing anything.
namespace tessera::passes {

/// Replaces operators outside core ATen (conv2d, linear, batch_norm, flatten, ...) by their
/// `decompose`. After it every operator has a kernel and an out-variant, or the error names the one
/// that has not.
Result<void> decompose(ir::Graph& graph);

/// The same, but calls that XNNPACK can run as they are (linear, hardswish) stay.
Result<void> decompose_for_xnnpack(ir::Graph& graph);

/// Removes calls that copy or change nothing: clone, dropout in inference, views to the same sizes,
/// expand to the same sizes, concatenation of one tensor.
Result<void> remove_no_ops(ir::Graph& graph);

/// Folds inference batch normalisation into the weights and bias of the convolution or linear layer
/// before it. Changes rounding.
Result<void> fold_batch_norm(ir::Graph& graph);

/// Makes one call of what a model writes out: x * relu6(x + 3) / 6 is hardswish, and
/// x / 2 * (1 + erf(x / sqrt(2))) is gelu. Changes rounding.
Result<void> recognize_activations(ir::Graph& graph);

/// Makes relu6(layer + 3) / 6 a layer with smaller weights, kept between 0 and 1. Changes rounding.
Result<void> fold_hard_sigmoid(ir::Graph& graph);

/// Lets a convolution pad with the zeros that a call before it puts around its input.
Result<void> fold_padding(ir::Graph& graph);

/// Computes calls whose arguments are all constants, but for weights that are stored as 8 bits.
Result<void> fold_constants(ir::Graph& graph);

/// Computes weights that are dequantized in groups, which no kernel of ExecuTorch does.
Result<void> fold_grouped_weights(ir::Graph& graph);

/// Merges calls of the same operator with the same arguments, and constants of the same bytes.
Result<void> merge_common_subexpressions(ir::Graph& graph);

/// Removes what no output needs.
Result<void> eliminate_dead_code(ir::Graph& graph);

struct Pass {
  std::string_view name;
  Result<void> (*run)(ir::Graph& graph);
};

/// All passes.
std::span<const Pass> all_passes();
/// The passes in the order in which compile runs them before the graph is partitioned.
std::span<const Pass> standard_pipeline();
std::span<const Pass> xnnpack_pipeline();
/// Those for what the partitioner left over.
std::span<const Pass> remainder_pipeline();

}  // namespace tessera::passes
