// SPDX-License-Identifier: MIT
#include <algorithm>

#include "base/try.h"
#include "ir/run_node.h"
#include "passes/passes.h"

namespace tessera::passes {
namespace {

// A folded call may make the program larger by this much at most: an expanded constant is better
// expanded when the program runs.
constexpr std::size_t kMaxGrowthBytes = 1024 * 1024;

bool is_symbolic(const ir::Argument& argument) {
  const auto is_expression = [](const ir::Dim& dim) { return !dim.is_constant(); };
  if (const auto* dim = std::get_if<ir::Dim>(&argument)) return is_expression(*dim);
  const auto* dims = std::get_if<ir::Dims>(&argument);
  return dims != nullptr && std::ranges::any_of(*dims, is_expression);
}

// Bytes of a tensor of this type, or nothing if its sizes are symbolic or too large.
std::optional<std::size_t> num_bytes(const ir::TensorType& type) {
  const auto shape = ir::constant_shape(type);
  std::size_t bytes = size_of(type.dtype);
  if (!shape) return std::nullopt;
  for (const std::int64_t size : *shape) {
    if (__builtin_mul_overflow(bytes, static_cast<std::size_t>(size), &bytes)) return std::nullopt;
  }
  return bytes;
}

// Integers that are dequantized stay integers in the file; biases (i32) and what else is no smaller
// that way do not.
bool is_quantized_constant(const ir::Graph& graph, const ir::Node& node) {
  switch (node.op->quantize.kind) {
    case ir::QuantKind::kDequantize:
    case ir::QuantKind::kDequantizePerChannel:
    case ir::QuantKind::kDequantizeGroups:
      return size_of(graph.value(ir::tensor_operands(node)[0]).type.dtype) == 1;
    default:
      return false;
  }
}

bool is_foldable(const ir::Graph& graph, const ir::Node& node) {
  if (node.op == nullptr || node.op->kernel == nullptr) return false;
  if (node.op->is_random) return false;
  if (std::ranges::any_of(node.arguments, is_symbolic)) return false;
  std::size_t operand_bytes = 0;
  for (const ir::ValueId id : ir::tensor_operands(node)) {
    if (graph.value(id).kind != ir::ValueKind::kConstant) return false;
    operand_bytes += graph.value(id).data.num_bytes();
  }
  for (const ir::ValueId id : node.results) {
    // A program's outputs are results of calls.
    const auto bytes = num_bytes(graph.value(id).type);
    if (!bytes || *bytes > operand_bytes + kMaxGrowthBytes || graph.is_output(id)) return false;
  }
  return true;
}

// The results; none if they do not have the sizes that the graph says, which are upper bounds where
// sizes depend on elements.
Result<std::vector<Tensor>> compute(ir::Graph& graph, const ir::Node& node) {
  ir::KernelContext context;
  // The kernel only reads what the pointers lead to: constants are shared with the model's file.
  const auto tensor_of = [&](ir::ValueId id) { return &graph.value(id).data; };
  std::vector<Tensor> outputs = TRY(ir::run_node(node, tensor_of, {}, context));
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (ir::type_of(outputs[i]) != graph.value(node.results[i]).type) return std::vector<Tensor>();
  }
  return outputs;
}

// "permute_copy(classifier.weight)"
std::string name_of_result(const ir::Graph& graph, const ir::Node& node) {
  const std::string& op_name = ir::schema_of(*node.op).name;
  std::string operands;
  for (const ir::ValueId id : ir::tensor_operands(node)) {
    operands += (operands.empty() ? "" : ", ") + graph.value(id).fully_qualified_name;
  }
  return std::format("{}({})", op_name.substr(op_name.rfind(':') + 1), operands);
}

Result<void> fold_calls(ir::Graph& graph, bool (*is_wanted)(const ir::Graph&, const ir::Node&)) {
  for (const ir::NodeId id : graph.nodes()) {
    const ir::Node& node = graph.node(id);
    if (!is_foldable(graph, node) || !is_wanted(graph, node)) continue;
    auto outputs = compute(graph, node);
    if (!outputs) return with_context(std::move(outputs).error(), ir::describe(graph, node));
    if (outputs->empty()) continue;
    const std::vector<ir::ValueId> results = node.results;
    const std::string fully_qualified_name = name_of_result(graph, node);
    std::vector<std::pair<ir::ValueId, std::string>> names;
    for (std::size_t i = 0; i < results.size(); ++i) {
      const std::string& name = graph.value(results[i]).name;
      names.emplace_back(graph.add_constant(name, std::move((*outputs)[i]), fully_qualified_name),
                         name);
      graph.replace_all_uses(results[i], names.back().first);
    }
    graph.erase_node(id);
    for (auto& [constant, name] : names) graph.value(constant).name = std::move(name);
  }
  return {};
}

}  // namespace

Result<void> fold_constants(ir::Graph& graph) {
  return fold_calls(graph, [](const ir::Graph& whole, const ir::Node& node) {
    return !is_quantized_constant(whole, node);
  });
}

Result<void> fold_grouped_weights(ir::Graph& graph) {
  return fold_calls(graph, [](const ir::Graph&, const ir::Node& node) {
    return node.op->quantize.kind == ir::QuantKind::kDequantizeGroups;
  });
}

}  // namespace tessera::passes
