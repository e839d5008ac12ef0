// SPDX-License-Identifier: MIT
#include "quantize/weight_constants.h"

#include <algorithm>
#include <cmath>

#include "base/try.h"
#include "ops/registry.h"
#include "quantize/affine_params.h"
#include "quantize/observer.h"

namespace tessera::quantize {
namespace {

using ir::Dim;
using ir::Graph;
using ir::NodeId;
using ir::ValueId;

constexpr std::int64_t kInt8 = 1;  ///< at::ScalarType::Char

Result<ValueId> dequantized(Graph& graph, ValueId integers, const AffineParams& params, int min,
                            int max, NodeId before) {
  const ir::Operator& op = *ops::find_operator("quantized_decomposed::dequantize_per_tensor");
  return graph.add_call(op,
                        {integers, static_cast<double>(params.scale), Dim(params.zero_point),
                         Dim(min), Dim(max), Dim(kInt8), std::monostate()},
                        graph.node(before).origin, before);
}

}  // namespace

Result<ValueId> integer_weight(Graph& graph, ValueId weight, ScaleAxis axis, NodeId before) {
  const ir::Value& record = graph.value(weight);
  const std::vector<float> scales = symmetric_scales(record.data, axis);
  Tensor integers = TRY(quantize_weight(record.data, axis, scales));
  const std::string name = record.name, qualified_name = record.fully_qualified_name;
  const ValueId constant = graph.add_constant(name, std::move(integers), qualified_name);
  if (!axis) {
    return dequantized(graph, constant, {.scale = scales[0]}, -kWeightLimit, kWeightLimit, before);
  }
  const auto count = static_cast<std::int64_t>(scales.size());
  const ValueId scale_values = graph.add_constant(
      name + "_scales", Tensor::of<float>({count}, scales), qualified_name + ".scales");
  const ir::Operator& op = *ops::find_operator("quantized_decomposed::dequantize_per_channel");
  return graph.add_call(
      op,
      {constant, scale_values, std::monostate(), Dim(static_cast<std::int64_t>(*axis)),
       Dim(-kWeightLimit), Dim(kWeightLimit), Dim(kInt8), std::monostate()},
      graph.node(before).origin, before);
}

Result<ValueId> integer_constant(Graph& graph, ValueId constant, NodeId before) {
  constexpr int kMin = -128, kMax = 127;
  const ir::Value& record = graph.value(constant);
  RangeObserver observer(Observer::kMinMax);
  observer.observe(record.data.elements<float>());
  const AffineParams params = affine_params(observer.range(), kMin, kMax);
  Tensor integers = TRY(Tensor::empty(DType::kI8, record.data.shape()));
  for (std::int64_t i = 0; i < record.data.num_elements(); ++i) {
    const float rounded = std::nearbyint(record.data.data<float>()[i] / params.scale) +
                          static_cast<float>(params.zero_point);
    integers.data<std::int8_t>()[i] = static_cast<std::int8_t>(
        std::clamp(rounded, static_cast<float>(kMin), static_cast<float>(kMax)));
  }
  const std::string name = record.name, qualified_name = record.fully_qualified_name;
  const ValueId made = graph.add_constant(name, std::move(integers), qualified_name);
  return dequantized(graph, made, params, kMin, kMax, before);
}

}  // namespace tessera::quantize
