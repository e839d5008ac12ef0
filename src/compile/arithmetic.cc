// SPDX-License-Identifier: MIT
#include "compile/arithmetic.h"

#include <algorithm>
#include <string_view>

#include "compile/plan_memory.h"

namespace tessera::compiler {
namespace {

/// The operand whose last size is summed over, of operators that multiply matrices.
constexpr std::pair<std::string_view, std::size_t> kProducts[] = {
    {"aten::linear", 0}, {"aten::mm", 0}, {"aten::bmm", 0}, {"aten::addmm", 1}};

}  // namespace

double arithmetic_of(const ir::Graph& graph, const ir::Node& node) {
  const auto shape_of = [&](ir::ValueId id) {
    return upper_bound(graph.value(id).type, graph.symbols).value_or(Shape{0});
  };
  const auto operand = [&](std::size_t position) {
    return shape_of(std::get<ir::ValueId>(node.arguments[position]));
  };
  const auto elements = [](const Shape& shape) {
    double product = 1;
    for (const std::int64_t size : shape) product *= static_cast<double>(size);
    return product;
  };
  double result = 0;
  for (const ir::ValueId id : node.results) result += elements(shape_of(id));
  const std::string name = ir::schema_of(*node.op).full_name();
  if (name == "aten::convolution") {
    const Shape weight = operand(1);
    const double per_element =
        elements(weight) / static_cast<double>(std::max<std::int64_t>(weight[0], 1));
    const bool is_transposed = std::get<bool>(node.arguments[6]);
    return per_element * (is_transposed ? elements(operand(0)) : result);
  }
  for (const auto& [product, position] : kProducts) {
    if (name != product) continue;
    const Shape left = operand(position);
    return result * static_cast<double>(left[left.rank() - 1]);
  }
  return result;
}

}  // namespace tessera::compiler
