// SPDX-License-Identifier: MIT
#include <algorithm>

#include "base/try.h"
#include "ops/convert.h"
#include "ops/registry.h"
#include "quantize/noise.h"
#include "quantize/quantize.h"

namespace tessera::quantize {
namespace {

using ir::Dim;
using ir::Graph;
using ir::ValueId;

constexpr std::int64_t kHalf = 5, kFloat = 6;  // at::ScalarType

Result<ValueId> converted(Graph& graph, ValueId value, std::int64_t dtype,
                          std::optional<ir::NodeId> before) {
  const ir::Operator& op = *ops::find_operator("dim_order_ops::_to_dim_order_copy");
  std::vector<ir::Argument> arguments = {value};
  for (std::size_t i = 1; i < ir::schema_of(op).arguments.size(); ++i) {
    arguments.push_back(TRY(ir::default_argument(ir::schema_of(op).arguments[i])));
  }
  arguments[1] = Dim(dtype);
  return graph.add_call(op, std::move(arguments), {}, before);
}

Result<void> convert_inputs(Graph& graph) {
  const std::vector<ir::NodeId> nodes = graph.nodes();
  if (nodes.empty()) return {};
  for (const ValueId input : graph.inputs()) {
    if (graph.value(input).type.dtype != DType::kF32) continue;
    const ValueId half = TRY(converted(graph, input, kHalf, nodes.front()));
    graph.replace_all_uses(input, half);
    graph.node(graph.value(half).producer).arguments[0] = input;
  }
  return {};
}

Result<void> convert_constants(Graph& graph) {
  for (const ValueId id : graph.values()) {
    ir::Value& value = graph.value(id);
    if (value.kind != ir::ValueKind::kConstant || value.type.dtype != DType::kF32) continue;
    Tensor half = TRY(Tensor::empty(DType::kF16, value.data.shape()));
    ops::convert_elements(DType::kF32, value.data.bytes(), DType::kF16, half.bytes(),
                          static_cast<std::size_t>(half.num_elements()));
    value.data = std::move(half);
    value.type.dtype = DType::kF16;
  }
  return {};
}

Result<void> convert_outputs(Graph& graph, const std::vector<DType>& dtypes) {
  std::vector<ValueId> outputs = graph.outputs();
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (dtypes[i] != DType::kF32 || graph.value(outputs[i]).type.dtype != DType::kF16) continue;
    outputs[i] = TRY(converted(graph, outputs[i], kFloat, std::nullopt));
  }
  graph.set_outputs(std::move(outputs));
  return {};
}

}  // namespace

Result<QuantizationReport> quantize_to_half(Graph& graph, const QuantizeOptions& options) {
  const Graph exact = graph;
  std::vector<DType> dtypes;
  for (const ValueId output : graph.outputs()) dtypes.push_back(graph.value(output).type.dtype);
  TRY(convert_inputs(graph));
  TRY(convert_constants(graph));
  TRY(graph.infer_all());
  TRY(convert_outputs(graph, dtypes));
  QuantizationReport report{.is_random = options.calibration.is_random};
  if (options.calibration.num_samples > 0) {
    const Samples samples = TRY(Samples::make(exact, options));
    report.num_samples = samples.num_samples();
    const ExactOutputs expected = TRY(ExactOutputs::make(exact, samples));
    report.output_sqnr_db = TRY(expected.noise_of(graph, samples)).decibels();
  }
  return report;
}

}  // namespace tessera::quantize
