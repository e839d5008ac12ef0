// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "base/try.h"
#include "operators/call.h"
#include "operators/run_delegate.h"
#include "operators/tolerance.h"
#include "ops/registry.h"
#include "passes/passes.h"
#include "quantize/affine_params.h"
#include "quantize/weight_constants.h"
#include "xnnpack/int8_plan.h"
#include "xnnpack/quantized_operands.h"

/// A call between quantize and dequantize calls gives in int8 what the kernels give, up to one step
/// of the result's integers.
namespace tessera::testing {
namespace {

using ir::Dim;
using ir::QuantKind;
using ir::ValueId;
using quantize::AffineParams;

quantize::ValueRange range_of(const Tensor& tensor) {
  const auto elements = tensor.elements<float>();
  const auto [low, high] = std::ranges::minmax_element(elements);
  return {*low, *high};
}

/// Puts quantize and dequantize behind the value; its readers so far read what is left of it.
Result<ValueId> rounded(ir::Graph& graph, ValueId value, const AffineParams& params,
                        std::optional<ir::NodeId> before) {
  const auto arguments = [&](ValueId operand) -> std::vector<ir::Argument> {
    return {operand, static_cast<double>(params.scale), Dim(params.zero_point), Dim(-128), Dim(127),
            Dim(1)};
  };
  const ValueId integers =
      TRY(graph.add_call(*ops::find_operator("quantized_decomposed::quantize_per_tensor"),
                         arguments(value), {}, before));
  std::vector<ir::Argument> back = arguments(integers);
  back.emplace_back(std::monostate());
  return graph.add_call(*ops::find_operator("quantized_decomposed::dequantize_per_tensor"),
                        std::move(back), {}, before);
}

/// The one call of the graph, quantized around; `scale` becomes that of its result.
Result<void> quantize_around(ir::Graph& graph, const Call& call, const Tensor& result,
                             float& scale) {
  const ir::NodeId id = graph.nodes().front();
  const ir::QuantRule& rule = call.op->quantize;
  quantize::ValueRange all = range_of(result);
  for (const Tensor& tensor : call.tensors) {
    all = {std::min(all.min, range_of(tensor).min), std::max(all.max, range_of(tensor).max)};
  }
  const bool shares = rule.kind == QuantKind::kMove;
  if (rule.weight >= 0) {
    ir::Argument& weight = graph.node(id).arguments[static_cast<std::size_t>(rule.weight)];
    weight = TRY(quantize::integer_weight(graph, std::get<ValueId>(weight),
                                          xnnpack::weight_axis(graph.node(id)), id));
  }
  for (const ValueId operand : xnnpack::activations(graph.node(id))) {
    const bool is_constant = graph.value(operand).kind == ir::ValueKind::kConstant;
    // Inputs are known to lie within [-2, 2].
    const AffineParams params = quantize::affine_params(shares ? all : quantize::ValueRange{-2, 2});
    const ValueId real = is_constant ? TRY(quantize::integer_constant(graph, operand, id))
                                     : TRY(rounded(graph, operand, params, id));
    ir::replace_operand(graph.node(id), operand, real);
  }
  const AffineParams params = quantize::affine_params(shares ? all : range_of(result));
  scale = params.scale;
  graph.set_outputs({TRY(rounded(graph, graph.node(id).results[0], params, std::nullopt))});
  return {};
}

bool is_checked(const ir::Graph& graph) {
  const ir::Node& node = graph.node(graph.nodes().front());
  const ir::NodeTypes types(graph, node);
  const auto arguments = types.arguments();
  return !node.op->xnnpack.check({graph, node, arguments, types.results()});
}

bool runs_in_int8(const ir::Graph& graph, const ir::Operator& op) {
  const xnnpack::Int8Plan plan(graph);
  return std::ranges::any_of(graph.nodes(), [&](ir::NodeId id) {
    return graph.node(id).op == &op && plan.runs_in_int8(graph.node(id));
  });
}

/// What the kernels make of a graph some of whose calls have none.
Result<std::vector<Tensor>> evaluate_decomposed(ir::Graph graph, std::span<const Tensor> inputs) {
  TRY(passes::decompose(graph));
  return evaluate(graph, inputs);
}

/// Whether the call ran in int8.
bool compare(const Call& call) {
  std::vector<bool> is_constant(call.tensors.size(), call.op->quantize.weight >= 0);
  const auto input = static_cast<std::size_t>(call.op->quantize.input);
  const auto positions = tensor_positions(call);
  for (std::size_t i = 0; i < positions.size(); ++i) {
    if (positions[i].argument == input) is_constant[i] = false;
  }
  auto graph = make_graph(call, is_constant, 1);
  EXPECT_TRUE(graph.has_value()) << call.description();
  if (!graph || !is_checked(*graph)) return false;
  std::vector<Tensor> inputs;
  for (std::size_t i = 0; i < is_constant.size(); ++i) {
    if (!is_constant[i]) inputs.push_back(call.tensors[i]);
  }
  const auto exact = evaluate_decomposed(*graph, inputs);
  EXPECT_TRUE(exact.has_value()) << call.description();
  float scale = 0;
  const auto done = quantize_around(*graph, call, (*exact)[0], scale);
  EXPECT_TRUE(done.has_value()) << call.description() << done.error().message;
  if (!done || !runs_in_int8(*graph, *call.op)) return false;
  const auto expected = evaluate_decomposed(*graph, inputs);
  const auto found = run_delegate(*graph, inputs);
  EXPECT_TRUE(expected.has_value()) << call.description() << expected.error().message;
  EXPECT_TRUE(found.has_value()) << call.description() << found.error().message;
  if (!expected || !found) return false;
  const Tolerance one_step{1.001 * static_cast<double>(scale), 0};
  EXPECT_EQ(difference(*found, (*expected)[0], one_step), "") << call.description();
  return true;
}

TEST(Quantized, GivesWhatTheKernelsGive) {
  std::map<std::string, int> num_runs;
  for (const Call& call : all_calls()) {
    const auto is_f32 = [](const Tensor& tensor) { return tensor.dtype() == DType::kF32; };
    const auto has_elements = [](const Tensor& tensor) { return tensor.num_elements() > 0; };
    if (!xnnpack::has_int8_form(call.op->quantize.kind) ||
        !std::ranges::all_of(call.tensors, is_f32) ||
        !std::ranges::all_of(call.tensors, has_elements)) {
      continue;
    }
    num_runs[call.name()] += compare(call) ? 1 : 0;
  }
  EXPECT_GT(num_runs.size(), 15);
  for (const auto& [name, count] : num_runs) EXPECT_GT(count, 0) << name << ": no sample ran";
}

}  // namespace
}  // namespace tessera::testing
