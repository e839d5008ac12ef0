// SPDX-License-Identifier: MIT
#include "quantize/interpreter.h"

#include <algorithm>
#include <set>

#include "base/try.h"
#include "ir/run_node.h"
#include "passes/passes.h"

namespace tessera::quantize {

using ir::Graph;
using ir::Node;
using ir::NodeId;
using ir::ValueId;

/// A node as a graph of its own: inputs are its tensor operands, outputs its results.
struct Interpreter::Decomposed {
  Graph graph;
  std::unique_ptr<Interpreter> interpreter;
};

Interpreter::Interpreter(const Graph& graph) : graph_(graph), nodes_(graph.nodes()) {
  std::map<ValueId, std::size_t> last;
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    for (const ValueId result : graph.node(nodes_[i]).results) last[result] = i;
    for (const ValueId operand : ir::tensor_operands(graph.node(nodes_[i]))) last[operand] = i;
  }
  last_reads_.resize(nodes_.size());
  for (const auto& [value, node] : last) {
    if (!graph.is_output(value)) last_reads_[node].push_back(value);
  }
}

Interpreter::~Interpreter() = default;
Interpreter::Interpreter(Interpreter&&) noexcept = default;

Result<const Interpreter::Decomposed*> Interpreter::decomposed(NodeId id) {
  auto& known = decomposed_[id];
  if (known != nullptr) return known.get();
  const Node& node = graph_.node(id);
  auto made = std::make_unique<Decomposed>();
  made->graph.symbols = graph_.symbols;
  std::map<ValueId, ValueId> inputs;
  const auto input_of = [&](ValueId& operand) {
    if (operand == ir::kNoTensor) return;
    if (!inputs.contains(operand)) {
      const ir::Value& value = graph_.value(operand);
      inputs[operand] = made->graph.add_input(value.name, value.type);
    }
    operand = inputs.at(operand);
  };
  std::vector<ir::Argument> arguments = node.arguments;
  for (ir::Argument& argument : arguments) {
    if (auto* one = std::get_if<ValueId>(&argument)) input_of(*one);
    if (auto* list = std::get_if<std::vector<ValueId>>(&argument)) {
      std::ranges::for_each(*list, input_of);
    }
  }
  const NodeId copy = TRY(made->graph.add_node(*node.op, std::move(arguments), node.origin));
  made->graph.set_outputs(made->graph.node(copy).results);
  TRY(passes::decompose(made->graph));
  made->interpreter = std::make_unique<Interpreter>(made->graph);
  known = std::move(made);
  return known.get();
}

Result<std::vector<Tensor>> Interpreter::run_node(
    NodeId id, const std::function<Tensor*(ValueId)>& tensor_of) {
  const Node& node = graph_.node(id);
  if (node.op->kernel != nullptr) return ir::run_node(node, tensor_of, symbols_, context_);
  const Decomposed& parts = *TRY(decomposed(id));
  std::vector<Tensor> inputs;
  std::set<ValueId> seen;
  for (const ValueId operand : ir::tensor_operands(node)) {
    if (seen.insert(operand).second) inputs.push_back(*tensor_of(operand));
  }
  return parts.interpreter->run(inputs);
}

Result<void> Interpreter::bind(std::span<const Tensor> inputs) {
  symbols_ = TRY(bind_symbols(graph_, inputs));
  return {};
}

Result<std::vector<Tensor>> Interpreter::run(std::span<const Tensor> inputs, const Visitor& visit) {
  TRY(bind(inputs));
  std::map<ValueId, Tensor> tensors;
  for (std::size_t i = 0; i < inputs.size(); ++i) tensors[graph_.inputs()[i]] = inputs[i];
  const std::function<Tensor*(ValueId)> tensor_of = [&](ValueId id) -> Tensor* {
    const ir::Value& value = graph_.value(id);
    if (value.kind == ir::ValueKind::kConstant) tensors.try_emplace(id, value.data);
    return &tensors.at(id);
  };
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    const Node& node = graph_.node(nodes_[i]);
    auto results = run_node(nodes_[i], tensor_of);
    if (!results) return with_context(std::move(results).error(), ir::describe(graph_, node));
    if (visit) TRY(visit({nodes_[i], *results, tensor_of}));
    for (std::size_t r = 0; r < results->size(); ++r) {
      tensors[node.results[r]] = std::move((*results)[r]);
    }
    for (const ValueId value : last_reads_[i]) tensors.erase(value);
  }
  std::vector<Tensor> outputs;
  for (const ValueId output : graph_.outputs()) outputs.push_back(*tensor_of(output));
  return outputs;
}

}  // namespace tessera::quantize
