// SPDX-License-Identifier: MIT
#include "quantize/equalize.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "base/try.h"
#include "quantize/annotation.h"
#include "quantize/interpreter.h"

namespace tessera::quantize {
namespace {

using ir::Graph;
using ir::Node;
using ir::NodeId;
using ir::ValueId;

/// No channel is scaled by more than this against the others: what was small may be noise.
constexpr double kMostScaling = 64;

struct Pair {
  NodeId first, second;
  ValueId between;              ///< what the second layer reads
  std::vector<double> largest;  ///< absolute value of `between`, by channel
};

bool is_call(const Node& node, std::string_view name) {
  return node.op != nullptr && ir::schema_of(*node.op).full_name() == name;
}

/// max(x, 0), however it is called.
bool is_relu(const Node& node) {
  if (is_call(node, "aten::relu")) return true;
  if (!is_call(node, "aten::clamp")) return false;
  const ir::Argument& low = node.arguments[1];
  const bool is_zero = low == ir::Argument(0.0) || low == ir::Argument(ir::Dim(0));
  return is_zero && std::holds_alternative<std::monostate>(node.arguments[2]);
}

/// A convolution with constants whose channels can be scaled one by one.
bool is_layer(const Graph& graph, const Node& node) {
  if (!is_call(node, "aten::convolution") || std::get<bool>(node.arguments[6])) return false;
  for (const std::size_t position : {1, 2}) {
    const auto* id = std::get_if<ValueId>(&node.arguments[position]);
    if (id == nullptr && position == 2) continue;
    const ir::Value& value = graph.value(*id);
    if (value.kind != ir::ValueKind::kConstant || value.type.dtype != DType::kF32) return false;
  }
  return true;
}

std::int64_t groups(const Node& node) { return std::get<ir::Dim>(node.arguments[8]).constant(); }
const Tensor& weight_of(const Graph& graph, const Node& node) {
  return graph.value(std::get<ValueId>(node.arguments[1])).data;
}
bool is_depthwise(const Graph& graph, const Node& node) {
  const Tensor& weight = weight_of(graph, node);
  return weight.size(1) == 1 && groups(node) == weight.size(0);
}

/// The one node that reads the value, if nobody else sees it.
std::optional<NodeId> only_reader(const Graph& graph, ValueId value) {
  const auto users = graph.users(value);
  if (users.size() != 1 || graph.is_output(value)) return std::nullopt;
  return users[0];
}

std::vector<Pair> find_pairs(const Graph& graph) {
  std::vector<Pair> pairs;
  for (const NodeId id : graph.nodes()) {
    const Node& node = graph.node(id);
    if (!is_layer(graph, node)) continue;
    ValueId between = node.results[0];
    auto reader = only_reader(graph, between);
    while (reader && is_relu(graph.node(*reader))) {
      between = graph.node(*reader).results[0];
      reader = only_reader(graph, between);
    }
    if (!reader || !is_layer(graph, graph.node(*reader))) continue;
    const Node& second = graph.node(*reader);
    if (groups(second) != 1 && !is_depthwise(graph, second)) continue;
    pairs.push_back({.first = id, .second = *reader, .between = between, .largest = {}});
  }
  return pairs;
}

void raise_largest(const Tensor& tensor, std::vector<double>& largest) {
  const std::int64_t channels = tensor.size(1);
  largest.resize(static_cast<std::size_t>(channels));
  const std::int64_t inner =
      tensor.num_elements() / std::max<std::int64_t>(1, channels * tensor.size(0));
  const float* element = tensor.data<float>();
  for (std::int64_t n = 0; n < tensor.size(0); ++n) {
    for (double& most : largest) {
      for (std::int64_t i = 0; i < inner; ++i) {
        most = std::max(most, static_cast<double>(std::abs(*element++)));
      }
    }
  }
}

Result<void> measure(const Graph& graph, const Samples& samples, std::vector<Pair>& pairs) {
  std::vector<Interpreter> interpreters;
  for (std::size_t i = 0; i < samples.num_workers(); ++i) interpreters.emplace_back(graph);
  std::vector<std::vector<Pair>> by_worker(samples.num_workers(), pairs);
  TRY(samples.for_each(
      [&](std::size_t w, std::size_t, std::span<const Tensor> inputs) -> Result<void> {
        TRY(interpreters[w].run(inputs, [&](const Interpreter::Step& step) -> Result<void> {
          for (Pair& pair : by_worker[w]) {
            if (graph.node(step.node).results[0] != pair.between) continue;
            raise_largest(step.results[0], pair.largest);
          }
          return {};
        }));
        return {};
      }));
  for (const auto& worker : by_worker) {
    for (std::size_t i = 0; i < pairs.size(); ++i) {
      pairs[i].largest.resize(std::max(pairs[i].largest.size(), worker[i].largest.size()));
      for (std::size_t c = 0; c < worker[i].largest.size(); ++c) {
        pairs[i].largest[c] = std::max(pairs[i].largest[c], worker[i].largest[c]);
      }
    }
  }
  return {};
}

/// Largest absolute weight of the second layer for each of its input channels.
std::vector<double> input_weights(const Tensor& weight) {
  const std::int64_t inputs = weight.size(1);
  const std::int64_t area =
      weight.num_elements() / std::max<std::int64_t>(1, weight.size(0) * inputs);
  std::vector<double> largest(static_cast<std::size_t>(inputs));
  const float* element = weight.data<float>();
  for (std::int64_t out = 0; out < weight.size(0); ++out) {
    for (double& most : largest) {
      for (std::int64_t i = 0; i < area; ++i) {
        most = std::max(most, static_cast<double>(std::abs(*element++)));
      }
    }
  }
  return largest;
}

/// What each channel is divided by in the first layer; around 1 on (geometric) average.
std::vector<double> divisors(const Graph& graph, const Pair& pair) {
  const Node& second = graph.node(pair.second);
  std::vector<double> result = pair.largest;
  // A depthwise layer has a scale for every channel anyway.
  if (!is_depthwise(graph, second)) {
    const std::vector<double> weights = input_weights(weight_of(graph, second));
    for (std::size_t c = 0; c < result.size(); ++c) {
      result[c] = weights[c] > 0 ? std::sqrt(result[c] / weights[c]) : 0;
    }
  }
  const double most = result.empty() ? 0 : *std::ranges::max_element(result);
  for (double& divisor : result) {
    divisor = divisor > 0 && std::isfinite(divisor) ? std::max(divisor, most / kMostScaling) : most;
  }
  double logarithms = 0;
  for (const double divisor : result) logarithms += std::log(divisor);
  const double mean =
      std::exp(logarithms / static_cast<double>(std::max<std::size_t>(1, result.size())));
  for (double& divisor : result) divisor = most > 0 ? divisor / mean : 1;
  return result;
}

/// Multiplies slices along a dimension in a copy of the constant at this position.
Result<void> scale_constant(Graph& graph, NodeId node, std::size_t position, std::size_t dim,
                            const std::vector<double>& factors) {
  const auto* id = std::get_if<ValueId>(&graph.node(node).arguments[position]);
  if (id == nullptr) return {};
  const ir::Value& value = graph.value(*id);
  Tensor scaled = TRY(Tensor::empty(DType::kF32, value.data.shape()));
  std::int64_t inner = 1;
  for (std::size_t i = dim + 1; i < scaled.rank(); ++i) inner *= scaled.size(i);
  for (std::int64_t i = 0; i < scaled.num_elements(); ++i) {
    const auto channel = static_cast<std::size_t>(i / inner % scaled.size(dim));
    scaled.data<float>()[i] =
        static_cast<float>(static_cast<double>(value.data.data<float>()[i]) * factors[channel]);
  }
  const std::string name = value.name, qualified_name = value.fully_qualified_name;
  graph.node(node).arguments[position] =
      graph.add_constant(name, std::move(scaled), qualified_name);
  return {};
}

Result<void> apply(Graph& graph, const Pair& pair) {
  const std::vector<double> factors = divisors(graph, pair);
  std::vector<double> inverse = factors;
  for (double& factor : inverse) factor = 1 / factor;
  TRY(scale_constant(graph, pair.first, 1, 0, inverse));
  TRY(scale_constant(graph, pair.first, 2, 0, inverse));
  const bool is_wide = !is_depthwise(graph, graph.node(pair.second));
  return scale_constant(graph, pair.second, 1, is_wide ? 1 : 0, factors);
}

}  // namespace

Result<bool> equalize(Graph& graph, const Samples& samples) {
  std::vector<Pair> pairs = find_pairs(graph);
  if (pairs.empty()) return false;
  TRY(measure(graph, samples, pairs));
  for (const Pair& pair : pairs) TRY(apply(graph, pair));
  graph.erase_dead();
  return true;
}

}  // namespace tessera::quantize
