// SPDX-License-Identifier: MIT
#include <array>

#include "passes/passes.h"

namespace tessera::passes {
namespace {

constexpr Pass kDecompose = {"decompose", decompose};
constexpr Pass kDecomposeForXnnpack = {"decompose_for_xnnpack", decompose_for_xnnpack};
constexpr Pass kFoldConstants = {"fold_constants", fold_constants};
constexpr Pass kFoldGroups = {"fold_grouped_weights", fold_grouped_weights};
constexpr Pass kFoldBatchNorm = {"fold_batch_norm", fold_batch_norm};
constexpr Pass kRecognize = {"recognize_activations", recognize_activations};
constexpr Pass kFoldHardSigmoid = {"fold_hard_sigmoid", fold_hard_sigmoid};
constexpr Pass kFoldPadding = {"fold_padding", fold_padding};
constexpr Pass kRemoveNoOps = {"remove_no_ops", remove_no_ops};
constexpr Pass kMerge = {"merge_common_subexpressions", merge_common_subexpressions};
constexpr Pass kEliminate = {"eliminate_dead_code", eliminate_dead_code};

constexpr std::array kAll = {kDecompose,       kFoldGroups,    kDecomposeForXnnpack,
                             kRecognize,       kFoldConstants, kFoldBatchNorm,
                             kFoldHardSigmoid, kFoldPadding,   kRemoveNoOps,
                             kMerge,           kEliminate};

// fold_constants comes before fold_batch_norm because a decomposed linear layer transposes its
// weight in the graph, and only a constant can be folded into.
constexpr std::array kStandard = {kDecompose,   kFoldGroups,  kFoldConstants, kFoldBatchNorm,
                                  kFoldPadding, kRemoveNoOps, kMerge,         kEliminate};
// Activations are recognized when no view or copy is left between their parts.
constexpr std::array kXnnpack = {kDecomposeForXnnpack, kFoldConstants,   kFoldBatchNorm,
                                 kFoldPadding,         kRemoveNoOps,     kMerge,
                                 kRecognize,           kFoldHardSigmoid, kEliminate};
constexpr std::array kRemainder = {Pass{"decompose_remainder", decompose},
                                   Pass{"fold_grouped_weights", fold_grouped_weights},
                                   Pass{"fold_remaining_constants", fold_constants},
                                   Pass{"remove_remaining_no_ops", remove_no_ops}};

}  // namespace

std::span<const Pass> all_passes() { return kAll; }
std::span<const Pass> standard_pipeline() { return kStandard; }
std::span<const Pass> xnnpack_pipeline() { return kXnnpack; }
std::span<const Pass> remainder_pipeline() { return kRemainder; }

}  // namespace tessera::passes
