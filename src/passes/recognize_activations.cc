// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <optional>
#include <string_view>

#include "base/try.h"
#include "ops/registry.h"
#include "passes/passes.h"

namespace tessera::passes {
namespace {

using ir::Graph;
using ir::Node;
using ir::ValueId;

// The call that makes the value, if it is one of this operator.
const Node* producer(const Graph& graph, ValueId id, std::string_view name) {
  const ir::Value& value = graph.value(id);
  if (value.kind != ir::ValueKind::kResult) return nullptr;
  const Node& node = graph.node(value.producer);
  return node.op != nullptr && ir::schema_of(*node.op).full_name() == name ? &node : nullptr;
}

ValueId operand(const Node& node, std::size_t position) {
  return std::get<ValueId>(node.arguments[position]);
}

// Whether the value is this number, whatever its dtype makes of it.
bool is_number(const Graph& graph, ValueId id, double number) {
  const ir::Value& value = graph.value(id);
  if (value.kind != ir::ValueKind::kConstant || value.data.num_elements() != 1) return false;
  if (value.type.dtype == DType::kF32) {
    return value.data.elements<float>()[0] == static_cast<float>(number);
  }
  return value.type.dtype == DType::kF64 && value.data.elements<double>()[0] == number;
}

bool is_argument(const ir::Argument& argument, double number) {
  if (const auto* real = std::get_if<double>(&argument)) return *real == number;
  const auto* dim = std::get_if<ir::Dim>(&argument);
  return dim != nullptr && dim->is_constant() && static_cast<double>(dim->constant()) == number;
}

// What is not the number, of a commutative call with one.
std::optional<ValueId> beside_number(const Graph& graph, const Node& node, double number) {
  for (const auto& [one, other] : {std::pair(0, 1), std::pair(1, 0)}) {
    const auto a = operand(node, static_cast<std::size_t>(one));
    const auto b = operand(node, static_cast<std::size_t>(other));
    if (is_number(graph, a, number)) return b;
  }
  return std::nullopt;
}

// x of x + number.
std::optional<ValueId> summand(const Graph& graph, ValueId id, double number) {
  const Node* add = producer(graph, id, "aten::add.Tensor");
  if (add == nullptr || !is_argument(add->arguments[2], 1)) return std::nullopt;
  return beside_number(graph, *add, number);
}

// x of x * number or x / (1 / number).
std::optional<ValueId> factor(const Graph& graph, ValueId id, double number) {
  if (const Node* mul = producer(graph, id, "aten::mul.Tensor")) {
    return beside_number(graph, *mul, number);
  }
  const Node* div = producer(graph, id, "aten::div.Tensor");
  if (div == nullptr || !is_number(graph, operand(*div, 1), 1 / number)) return std::nullopt;
  return operand(*div, 0);
}

// x of min(max(x + 3, 0), 6).
std::optional<ValueId> relu6_of_x_plus_3(const Graph& graph, ValueId id) {
  for (const std::string_view name : {"aten::hardtanh", "aten::clamp"}) {
    const Node* clamp = producer(graph, id, name);
    if (clamp == nullptr || !is_argument(clamp->arguments[1], 0)) continue;
    if (is_argument(clamp->arguments[2], 6)) return summand(graph, operand(*clamp, 0), 3);
  }
  return std::nullopt;
}

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
