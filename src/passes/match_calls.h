// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string_view>

#include "ir/graph.h"

/// Patterns of calls with numbers, however they are written.
namespace tessera::passes {

/// The call that makes the value, if it is one of this operator.
const ir::Node* producer(const ir::Graph& graph, ir::ValueId id, std::string_view name);
ir::ValueId operand(const ir::Node& node, std::size_t position);

/// x of x + number.
std::optional<ir::ValueId> summand(const ir::Graph& graph, ir::ValueId id, double number);
/// x of x * number or x / (1 / number).
std::optional<ir::ValueId> factor(const ir::Graph& graph, ir::ValueId id, double number);
/// x of min(max(x + 3, 0), 6).
std::optional<ir::ValueId> relu6_of_x_plus_3(const ir::Graph& graph, ir::ValueId id);

}  // namespace tessera::passes
