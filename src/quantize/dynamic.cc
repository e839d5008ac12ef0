// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>

#include "base/try.h"
#include "ops/arithmetic.h"
#include "ops/registry.h"
#include "quantize/annotation.h"
#include "quantize/noise.h"
#include "quantize/quantize.h"
#include "quantize/weight_constants.h"
#include "tessera/half.h"
#include "xnnpack/quantized_operands.h"

namespace tessera::quantize {
namespace {

using ir::Dim;
using ir::Graph;
using ir::Node;
using ir::NodeId;
using ir::ValueId;

constexpr std::int64_t kInt8 = 1, kFloat32 = 6;  // at::ScalarType
constexpr std::int64_t kGroupSize = 32;          // the smallest that XNNPACK has

/// A linear layer or matrix product with a constant weight.
bool is_linear(const Graph& graph, const Node& node) {
  if (!xnnpack::is_weighted(node) || node.op->quantize.transposed_flag >= 0) return false;
  const ir::Value& weight = graph.value(
      std::get<ValueId>(node.arguments[static_cast<std::size_t>(node.op->quantize.weight)]));
  return weight.kind == ir::ValueKind::kConstant && weight.type.dtype == DType::kF32;
}

Result<std::vector<ValueId>> call(Graph& graph, std::string_view name,
                                  std::vector<ir::Argument> arguments, NodeId before) {
  const ir::Origin origin = graph.node(before).origin;
  const NodeId made =
      TRY(graph.add_node(*ops::find_operator(name), std::move(arguments), origin, before));
  return graph.node(made).results;
}

/// The rows of the value as their own range leaves them.
Result<ValueId> quantized_rows(Graph& graph, ValueId value, NodeId before) {
  const auto params = TRY(call(graph, "quantized_decomposed::choose_qparams_per_token_asymmetric",
                               {value, Dim(kInt8)}, before));
  const auto integers =
      TRY(call(graph, "quantized_decomposed::quantize_per_token",
               {value, params[0], params[1], Dim(-128), Dim(127), Dim(kInt8)}, before));
  const auto real = TRY(call(
      graph, "quantized_decomposed::dequantize_per_token",
      {integers[0], params[0], params[1], Dim(-128), Dim(127), Dim(kInt8), Dim(kFloat32)}, before));
  return real[0];
}

/// Integers from -8 to 7 with one scale, a bfloat16, for each group of inputs.
Result<ValueId> grouped_weight(Graph& graph, ValueId weight, NodeId before) {
  constexpr float kHalfRange = 7.5f;  // of -8 to 7, as torchao's symmetric mapping has it
  const ir::Value& record = graph.value(weight);
  const Tensor& data = record.data;
  const std::int64_t num_groups = data.num_elements() / kGroupSize;
  Tensor integers = TRY(Tensor::empty(DType::kI8, data.shape()));
  std::vector<float> scales;
  for (std::int64_t group = 0; group < num_groups; ++group) {
    const float* from = data.data<float>() + group * kGroupSize;
    float largest = 0;
    for (std::int64_t i = 0; i < kGroupSize; ++i) largest = std::max(largest, std::abs(from[i]));
    const float exact = largest > 0 ? largest / kHalfRange : 1.0f;
    const float scale = static_cast<float>(static_cast<BFloat16>(exact));
    scales.push_back(scale);
    for (std::int64_t i = 0; i < kGroupSize; ++i) {
      integers.data<std::int8_t>()[group * kGroupSize + i] =
          static_cast<std::int8_t>(std::clamp(std::nearbyint(from[i] / scale), -8.0f, 7.0f));
    }
  }
  const Shape scale_shape{data.size(0), data.size(1) / kGroupSize};
  const std::string name = record.name, qualified_name = record.fully_qualified_name;
  const ValueId constant = graph.add_constant(name, std::move(integers), qualified_name);
  const ValueId scale_values = graph.add_constant(
      name + "_scales", Tensor::of<float>(scale_shape, scales), qualified_name + ".scales");
  const auto real = TRY(call(graph, "torchao::dequantize_affine",
                             {constant, ir::Dims{Dim(1), Dim(kGroupSize)}, scale_values,
                              std::monostate(), Dim(kInt8), Dim(-8), Dim(7), Dim(kFloat32)},
                             before));
  return real[0];
}

Result<void> quantize_layer(Graph& graph, NodeId id, const QuantizeOptions& options) {
  const ir::QuantRule& rule = graph.node(id).op->quantize;
  const auto input = static_cast<std::size_t>(rule.input);
  const auto weight = static_cast<std::size_t>(rule.weight);
  const auto value = std::get<ValueId>(graph.node(id).arguments[input]);
  const auto weight_value = std::get<ValueId>(graph.node(id).arguments[weight]);
  const Tensor& data = graph.value(weight_value).data;
  const bool is_grouped = options.scheme == Scheme::kInt4Grouped && rule.weight_axis == 0 &&
                          data.size(1) % kGroupSize == 0;
  const ValueId rows = TRY(quantized_rows(graph, value, id));
  const ValueId real = is_grouped
                           ? TRY(grouped_weight(graph, weight_value, id))
                           : TRY(integer_weight(graph, weight_value,
                                                static_cast<std::size_t>(rule.weight_axis), id));
  graph.node(id).arguments[input] = rows;
  graph.node(id).arguments[weight] = real;
  return {};
}

}  // namespace

Result<QuantizationReport> quantize_dynamic(Graph& graph, const QuantizeOptions& options) {
  const Graph exact = graph;
  QuantizationReport report{.is_random = options.calibration.is_random};
  for (const NodeId id : exact.nodes()) {
    const Node& node = exact.node(id);
    if (!xnnpack::is_weighted(node)) continue;
    const bool is_quantized = is_linear(exact, node);
    report.layers.push_back(
        {.name = ir::describe(exact, node),
         .is_quantized = is_quantized,
         .reason =
             is_quantized ? "" : "only linear layers are quantized by their range in each run",
         .arithmetic = ops::arithmetic_of(exact, node)});
    if (is_quantized) TRY(quantize_layer(graph, id, options));
  }
  graph.erase_dead();
  if (options.calibration.num_samples > 0) {
    const Samples samples = TRY(Samples::make(exact, options));
    report.num_samples = samples.num_samples();
    const ExactOutputs expected = TRY(ExactOutputs::make(exact, samples));
    report.output_sqnr_db = TRY(expected.noise_of(graph, samples)).decibels();
  }
  return report;
}

}  // namespace tessera::quantize
