// SPDX-License-Identifier: MIT
#include <cmath>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/try.h"
#include "ops/registry.h"
#include "passes/match_calls.h"
#include "passes/passes.h"

namespace tessera::passes {
namespace {

using ir::Graph;
using ir::Node;
using ir::ValueId;

// x * relu6(x + 3) / 6, with the division anywhere.
std::optional<ValueId> match_hardswish(const Graph& graph, ValueId id) {
  const auto product_of = [&](ValueId product, bool is_divided) -> std::optional<ValueId> {
    const Node* mul = producer(graph, product, "aten::mul.Tensor");
    if (mul == nullptr) return std::nullopt;
    for (const auto& [x, gate] : {std::pair(operand(*mul, 0), operand(*mul, 1)),
                                  std::pair(operand(*mul, 1), operand(*mul, 0))}) {
      const auto kept = is_divided ? std::optional(gate) : factor(graph, gate, 1.0 / 6);
      if (kept && relu6_of_x_plus_3(graph, *kept) == x) return x;
    }
    return std::nullopt;
  };
  if (const auto x = product_of(id, false)) return x;
  const auto product = factor(graph, id, 1.0 / 6);
  return product ? product_of(*product, true) : std::nullopt;
}

// 0.5 * x * (1 + erf(x / sqrt(2))), with the 0.5 anywhere.
std::optional<ValueId> match_gelu(const Graph& graph, ValueId id) {
  const auto gated = [&](ValueId product, bool is_halved) -> std::optional<ValueId> {
    const Node* mul = producer(graph, product, "aten::mul.Tensor");
    if (mul == nullptr) return std::nullopt;
    for (const auto& [half, gate] : {std::pair(operand(*mul, 0), operand(*mul, 1)),
                                     std::pair(operand(*mul, 1), operand(*mul, 0))}) {
      const auto x = is_halved ? std::optional(half) : factor(graph, half, 0.5);
      const auto sum = summand(graph, gate, 1);
      const Node* erf = x && sum ? producer(graph, *sum, "aten::erf") : nullptr;
      if (erf != nullptr && factor(graph, operand(*erf, 0), std::sqrt(0.5)) == x) return x;
    }
    return std::nullopt;
  };
  if (const auto x = gated(id, false)) return x;
  const auto product = factor(graph, id, 0.5);
  return product ? gated(*product, true) : std::nullopt;
}

}  // namespace

Result<void> recognize_activations(Graph& graph) {
  for (const ir::NodeId id : graph.nodes()) {
    if (!graph.is_alive(id)) continue;
    const Node& node = graph.node(id);
    if (node.op == nullptr || node.results.size() != 1) continue;
    const ValueId result = node.results[0];
    std::vector<ir::Argument> arguments;
    std::string_view name;
    if (const auto x = match_hardswish(graph, result)) {
      name = "aten::hardswish";
      arguments = {*x};
    } else if (const auto y = match_gelu(graph, result)) {
      name = "aten::gelu";
      arguments = {*y, std::string("none")};
    } else {
      continue;
    }
    const ValueId made =
        TRY(graph.add_call(*ops::find_operator(name), std::move(arguments), node.origin, id));
    if (graph.value(made).type != graph.value(result).type) continue;  // x was broadcast
    graph.replace_all_uses(result, made);
  }
  graph.erase_dead();
  return {};
}

}  // namespace tessera::passes
