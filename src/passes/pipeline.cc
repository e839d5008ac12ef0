// SPDX-License-Identifier: MIT
#include <array>

#include "passes/passes.h"

namespace tessera::passes {
namespace {

// fold_constants comes before fold_batch_norm because a decomposed linear layer transposes its
// weight in the graph, and only a constant can be folded into.
constexpr std::array kPipeline = {
    Pass{"decompose", decompose},
    Pass{"fold_constants", fold_constants},
    Pass{"fold_batch_norm", fold_batch_norm},
    Pass{"remove_no_ops", remove_no_ops},
    Pass{"merge_common_subexpressions", merge_common_subexpressions},
    Pass{"eliminate_dead_code", eliminate_dead_code},
};

}  // namespace

std::span<const Pass> standard_pipeline() { return kPipeline; }

}  // namespace tessera::passes
