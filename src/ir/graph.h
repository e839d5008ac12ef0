// SPDX-License-Identifier: MIT
#pragma once

#include <compare>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "ir/operator.h"
#include "ir/schema.h"

namespace tessera::ir {

struct ValueId {
  std::uint32_t index = 0;
  friend auto operator<=>(const ValueId&, const ValueId&) = default;
};
/// Stands for none in a list of tensors where the schema allows it (Tensor?[]).
inline constexpr ValueId kNoTensor{UINT32_MAX};
struct NodeId {
  std::uint32_t index = 0;
  friend auto operator<=>(const NodeId&, const NodeId&) = default;
};

/// Where a node comes from in the model's own source.
struct Origin {
  std::string module_path;  ///< "features.0.1"
  std::string source_line;  ///< "model.py:51: return self.out(y)"
};

/// What stands at one argument position of a node.
using Argument = std::variant<std::monostate, ValueId, std::vector<ValueId>, Dim, double, bool,
                              std::string, Dims, std::vector<double>, std::vector<bool>>;

/// How a value comes to be.
enum class ValueKind {
  kInput,     ///< the caller's
  kConstant,  ///< parameter, buffer or folded constant: has `data`
  kResult,    ///< of a node
};

struct Value {
  std::string name;  ///< unique in the graph, without '%'
  TensorType type;
  ValueKind kind = ValueKind::kResult;
  NodeId producer;                   ///< for kResult
  Tensor data;                       ///< for kConstant; shared with the file it came from
  std::string fully_qualified_name;  ///< for kConstant: "features.0.weight"
};

/// A part of a graph that a backend runs, and what the backend made of it.
struct Delegate;

struct Node {
  const Operator* op = nullptr;        ///< null for a delegate call
  std::shared_ptr<Delegate> delegate;  ///< set for a delegate call
  std::vector<Argument> arguments;     ///< schema order, defaults filled in
  std::vector<ValueId> results;
  Origin origin;
};

/// A function over tensors: values and nodes in topological order. Ids and references stay valid
/// until the value or node is erased; ids are never used twice. Not synchronised.
class Graph {
 public:
  std::string name = "forward";
  SymbolRanges symbols;

  ValueId add_input(std::string name, TensorType type);
  ValueId add_constant(std::string name, Tensor data, std::string fully_qualified_name = {});
  /// Appends a call at the end, or in front of `before`. Arguments come complete, in schema order.
  /// Result types come from op.infer, so this fails on arguments that the schema or the operator
  /// refuses; the message names operator and origin. Results are named after the operator.
  Result<NodeId> add_node(const Operator& op, std::vector<Argument> arguments, Origin origin = {},
                          std::optional<NodeId> before = std::nullopt);
  /// The same for a call with one result.
  Result<ValueId> add_call(const Operator& op, std::vector<Argument> arguments, Origin origin = {},
                           std::optional<NodeId> before = std::nullopt);
  NodeId add_delegate_call(std::shared_ptr<Delegate> delegate, std::vector<ValueId> arguments,
                           std::vector<TensorType> result_types,
                           std::optional<NodeId> before = std::nullopt);
  void set_outputs(std::vector<ValueId> outputs) { outputs_ = std::move(outputs); }

  const std::vector<ValueId>& inputs() const { return inputs_; }
  const std::vector<ValueId>& outputs() const { return outputs_; }
  /// Live nodes in topological order. A copy, so passes may change the graph while they walk it.
  std::vector<NodeId> nodes() const { return order_; }
  /// Live values: inputs, constants, then results in node order.
  std::vector<ValueId> values() const;

  bool is_alive(NodeId id) const;
  bool is_alive(ValueId id) const;
  const Node& node(NodeId id) const;
  Node& node(NodeId id);
  const Value& value(ValueId id) const;
  Value& value(ValueId id);
  std::optional<ValueId> find_value(std::string_view name) const;

  /// Nodes that read the value, in topological order, each once.
  std::vector<NodeId> users(ValueId id) const;
  bool is_output(ValueId id) const;
  /// Every use of `from`, as argument and as output, becomes `to`.
  void replace_all_uses(ValueId from, ValueId to);
  /// Removes a node whose results are unused (aborts otherwise).
  void erase_node(NodeId id);
  /// Removes nodes and constants that no output needs.
  void erase_dead();
  /// Runs infer again on every node, after input types or ranges have changed.
  Result<void> infer_all();

 private:
  std::string unique_name(std::string wanted);

  std::vector<ValueId> add_results(NodeId producer, const std::string& name,
                                   std::vector<TensorType> types);
  ValueId add_value(Value value);
  NodeId insert(Node node, std::optional<NodeId> before);

  std::deque<std::optional<Value>> values_;  // a deque keeps references valid when it grows
  std::deque<std::optional<Node>> nodes_;
  std::vector<NodeId> order_;
  std::vector<ValueId> inputs_;
  std::vector<ValueId> outputs_;
};

struct Delegate {
  std::string backend_id;  ///< "XnnpackBackend"
  Graph body;              ///< inputs and outputs in the order of the call's arguments and results
  std::vector<std::byte> blob;  ///< what the backend's lowering made of `body`
  /// Constants that go to the program's named data, by key.
  std::vector<std::pair<std::string, Tensor>> named_data;
};

/// The ids of all tensors among the arguments, in order, without kNoTensor.
std::vector<ValueId> tensor_operands(const Node& node);

/// Lets the node read `to` wherever it reads `from`.
void replace_operand(Node& node, ValueId from, ValueId to);

/// Types behind a node's arguments, kept alive together with the view that rules take.
class NodeTypes {
 public:
  NodeTypes(const Graph& graph, const Node& node);
  NodeTypes(const NodeTypes&) = delete;
  NodeTypes& operator=(const NodeTypes&) = delete;
  TypeArguments arguments() const { return TypeArguments(arguments_); }
  std::span<const TensorType> results() const { return results_; }

 private:
  std::vector<BasicArgument<const TensorType>> arguments_;
  std::vector<TensorType> results_;
};

/// The value that the schema gives an argument that is left out; fails if it gives none.
Result<Argument> default_argument(const SchemaArgument& argument);

/// Whether the arguments have the number and the kinds that the operator's schema says.
Result<void> check_arguments(const Operator& op, const std::vector<Argument>& arguments);

/// Result types of a call by its operator's infer. Fails on arguments that the schema or the
/// operator refuses, without naming the node.
Result<std::vector<TensorType>> infer_types(const Graph& graph, const Node& node);

/// "aten::convolution of module features.0 (model.py:51: return self.out(y))", for messages.
std::string describe(const Graph& graph, const Node& node);

}  // namespace tessera::ir
