// SPDX-License-Identifier: MIT
#include "ops/arithmetic.h"

#include <algorithm>
#include <functional>
#include <numeric>
#include <string_view>
#include <vector>

namespace tessera::ops {
namespace {

/// The operand whose last size is summed over, of operators that multiply matrices.
constexpr std::pair<std::string_view, std::size_t> kProducts[] = {
    {"aten::linear", 0}, {"aten::mm", 0}, {"aten::bmm", 0}, {"aten::addmm", 1}};

}  // namespace

double arithmetic_of(const ir::Graph& graph, const ir::Node& node) {
  const auto shape_of = [&](ir::ValueId id) {
    std::vector<double> sizes;
    for (const ir::Dim& dim : graph.value(id).type.dims) {
      const auto range = dim.range(graph.symbols);
      const bool is_bounded = range && range->max != ir::DimRange::kUnbounded;
      sizes.push_back(is_bounded ? static_cast<double>(range->max) : 0);
    }
    return sizes;
  };
  const auto operand = [&](std::size_t position) {
    return shape_of(std::get<ir::ValueId>(node.arguments[position]));
  };
  const auto elements = [](const std::vector<double>& sizes) {
    return std::accumulate(sizes.begin(), sizes.end(), 1.0, std::multiplies());
  };
  double result = 0;
  for (const ir::ValueId id : node.results) result += elements(shape_of(id));
  const std::string name = ir::schema_of(*node.op).full_name();
  if (name == "aten::convolution") {
    const std::vector<double> weight = operand(1);
    const double per_element = elements(weight) / std::max(weight[0], 1.0);
    const bool is_transposed = std::get<bool>(node.arguments[6]);
    return per_element * (is_transposed ? elements(operand(0)) : result);
  }
  for (const auto& [product, position] : kProducts) {
    if (name != product) continue;
    return result * operand(position).back();
  }
  return result;
}

}  // namespace tessera::ops
