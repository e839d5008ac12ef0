// SPDX-License-Identifier: MIT
#include "passes/match_calls.h"

#include <utility>

namespace tessera::passes {

using ir::Graph;
using ir::Node;
using ir::ValueId;

const Node* producer(const Graph& graph, ValueId id, std::string_view name) {
  const ir::Value& value = graph.value(id);
  if (value.kind != ir::ValueKind::kResult) return nullptr;
  const Node& node = graph.node(value.producer);
  return node.op != nullptr && ir::schema_of(*node.op).full_name() == name ? &node : nullptr;
}

ValueId operand(const Node& node, std::size_t position) {
  return std::get<ValueId>(node.arguments[position]);
}

namespace {

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

}  // namespace

std::optional<ValueId> summand(const Graph& graph, ValueId id, double number) {
  const Node* add = producer(graph, id, "aten::add.Tensor");
  if (add == nullptr || !is_argument(add->arguments[2], 1)) return std::nullopt;
  return beside_number(graph, *add, number);
}

std::optional<ValueId> factor(const Graph& graph, ValueId id, double number) {
  if (const Node* mul = producer(graph, id, "aten::mul.Tensor")) {
    return beside_number(graph, *mul, number);
  }
  const Node* div = producer(graph, id, "aten::div.Tensor");
  if (div == nullptr || !is_number(graph, operand(*div, 1), 1 / number)) return std::nullopt;
  return operand(*div, 0);
}

std::optional<ValueId> relu6_of_x_plus_3(const Graph& graph, ValueId id) {
  for (const std::string_view name : {"aten::hardtanh", "aten::clamp"}) {
    const Node* clamp = producer(graph, id, name);
    if (clamp == nullptr || !is_argument(clamp->arguments[1], 0)) continue;
    if (is_argument(clamp->arguments[2], 6)) return summand(graph, operand(*clamp, 0), 3);
  }
  return std::nullopt;
}

}  // namespace tessera::passes
