// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "xnnpack/node_records.h"

/// What kernels and delegates' nodes compute, in one vocabulary: "convolution", "add". An operator
/// that has no other name keeps its own ("cumsum").
namespace tessera::compare {

inline constexpr std::string_view kConvert = "convert";    ///< the same numbers in another type
inline constexpr std::string_view kMovement = "movement";  ///< the same numbers in other places
inline constexpr std::string_view kClamp = "clamp";
inline constexpr std::string_view kBatchNorm = "batch norm";

/// `name` is an operator's in the file, "aten::add.out".
std::string kind_of_kernel(std::string_view name);
std::string kind_of_node(xnnpack::NodeKind kind);

/// Which argument of such a kernel has the weights; nothing for kernels without.
std::optional<std::size_t> weight_argument(std::string_view name);
/// Whether a node's second operand has weights.
bool has_weights(xnnpack::NodeKind kind);

}  // namespace tessera::compare
