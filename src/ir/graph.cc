// SPDX-License-Identifier: MIT
#include "ir/graph.h"

#include <algorithm>
#include <charconv>

#include "base/check.h"
#include "base/try.h"

namespace tessera::ir {
namespace {

// Calls `visit` with a reference to every value id among the arguments but kNoTensor.
template <class Arguments, class Visit>
void for_each_operand(Arguments& arguments, const Visit& visit) {
  for (auto& argument : arguments) {
    if (auto* id = std::get_if<ValueId>(&argument)) visit(*id);
    if (auto* ids = std::get_if<std::vector<ValueId>>(&argument)) {
      for (auto& element : *ids) {
        if (element != kNoTensor) visit(element);
      }
    }
  }
}

// Names are letters, digits and '_' in the text form.
std::string legal_name(std::string name) {
  for (char& c : name) {
    const bool is_legal =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    if (!is_legal) c = '_';
  }
  return name.empty() ? "value" : name;
}

Result<std::vector<TensorType>> infer_or_name(const Graph& graph, const Node& node) {
  auto types = infer_types(graph, node);
  if (!types) return with_context(std::move(types).error(), describe(graph, node));
  return types;
}

std::string name_after(const Operator& op) {
  const std::string& name = schema_of(op).name;
  return name.substr(name.rfind(':') + 1);
}

}  // namespace

std::string Graph::unique_name(std::string wanted) {
  wanted = legal_name(std::move(wanted));
  bool is_taken = false;
  std::uint64_t suffix = 1;  // above every N of a name "wanted_N"
  for (const auto& value : values_) {
    if (!value || !value->name.starts_with(wanted)) continue;
    const std::string_view rest = std::string_view(value->name).substr(wanted.size());
    is_taken |= rest.empty();
    std::uint32_t number = 0;
    if (!rest.starts_with('_')) continue;
    const char* end = rest.data() + rest.size();
    const auto parsed = std::from_chars(rest.data() + 1, end, number);
    if (parsed.ec == std::errc() && parsed.ptr == end) {
      suffix = std::max(suffix, std::uint64_t{number} + 1);
    }
  }
  return is_taken ? std::format("{}_{}", wanted, suffix) : wanted;
}

ValueId Graph::add_value(Value value) {
  value.name = unique_name(std::move(value.name));
  values_.emplace_back(std::move(value));
  return {static_cast<std::uint32_t>(values_.size() - 1)};
}

ValueId Graph::add_input(std::string name, TensorType type) {
  const ValueId id =
      add_value({.name = std::move(name), .type = std::move(type), .kind = ValueKind::kInput});
  inputs_.push_back(id);
  return id;
}

ValueId Graph::add_constant(std::string name, Tensor data, std::string fully_qualified_name) {
  TensorType type = type_of(data);
  return add_value({.name = std::move(name),
                    .type = std::move(type),
                    .kind = ValueKind::kConstant,
                    .data = std::move(data),
                    .fully_qualified_name = std::move(fully_qualified_name)});
}

NodeId Graph::insert(Node node, std::optional<NodeId> before) {
  const NodeId id{static_cast<std::uint32_t>(nodes_.size())};
  nodes_.emplace_back(std::move(node));
  const auto position = before ? std::ranges::find(order_, *before) : order_.end();
  CHECK(!before || position != order_.end(), "node {} is not in the graph", before->index);
  order_.insert(position, id);
  return id;
}

std::vector<ValueId> Graph::add_results(NodeId producer, const std::string& name,
                                        std::vector<TensorType> types) {
  std::vector<ValueId> results;
  for (TensorType& type : types) {
    results.push_back(add_value({.name = name, .type = std::move(type), .producer = producer}));
  }
  return results;
}

Result<NodeId> Graph::add_node(const Operator& op, std::vector<Argument> arguments, Origin origin,
                               std::optional<NodeId> before) {
  Node node{.op = &op, .arguments = std::move(arguments), .origin = std::move(origin)};
  std::vector<TensorType> types = TRY(infer_or_name(*this, node));
  const NodeId id = insert(std::move(node), before);
  this->node(id).results = add_results(id, name_after(op), std::move(types));
  return id;
}

Result<ValueId> Graph::add_call(const Operator& op, std::vector<Argument> arguments, Origin origin,
                                std::optional<NodeId> before) {
  const NodeId id = TRY(add_node(op, std::move(arguments), std::move(origin), before));
  CHECK(node(id).results.size() == 1, "{} has {} results", op.schema, node(id).results.size());
  return node(id).results[0];
}

NodeId Graph::add_delegate_call(std::shared_ptr<Delegate> delegate, std::vector<ValueId> arguments,
                                std::vector<TensorType> result_types,
                                std::optional<NodeId> before) {
  Node node{.delegate = std::move(delegate)};
  node.arguments.assign(arguments.begin(), arguments.end());
  const NodeId id = insert(std::move(node), before);
  this->node(id).results = add_results(id, "delegate", std::move(result_types));
  return id;
}

std::vector<ValueId> Graph::values() const {
  std::vector<ValueId> ids = inputs_;
  for (std::uint32_t index = 0; index < values_.size(); ++index) {
    if (values_[index] && values_[index]->kind == ValueKind::kConstant) ids.push_back({index});
  }
  for (const NodeId id : order_) std::ranges::copy(node(id).results, std::back_inserter(ids));
  return ids;
}

bool Graph::is_alive(NodeId id) const { return id.index < nodes_.size() && nodes_[id.index]; }
bool Graph::is_alive(ValueId id) const { return id.index < values_.size() && values_[id.index]; }

const Node& Graph::node(NodeId id) const {
  CHECK(is_alive(id), "node {}", id.index);
  return *nodes_[id.index];
}
Node& Graph::node(NodeId id) { return const_cast<Node&>(std::as_const(*this).node(id)); }

const Value& Graph::value(ValueId id) const {
  CHECK(is_alive(id), "value {}", id.index);
  return *values_[id.index];
}
Value& Graph::value(ValueId id) { return const_cast<Value&>(std::as_const(*this).value(id)); }

std::optional<ValueId> Graph::find_value(std::string_view name) const {
  for (std::uint32_t index = 0; index < values_.size(); ++index) {
    if (values_[index] && values_[index]->name == name) return ValueId{index};
  }
  return std::nullopt;
}

std::vector<NodeId> Graph::users(ValueId id) const {
  std::vector<NodeId> users;
  for (const NodeId node_id : order_) {
    bool uses = false;
    for_each_operand(node(node_id).arguments,
                     [&](const ValueId& operand) { uses |= operand == id; });
    if (uses) users.push_back(node_id);
  }
  return users;
}

bool Graph::is_output(ValueId id) const { return std::ranges::contains(outputs_, id); }

void replace_operand(Node& node, ValueId from, ValueId to) {
  for_each_operand(node.arguments, [&](ValueId& operand) {
    if (operand == from) operand = to;
  });
}

void Graph::replace_all_uses(ValueId from, ValueId to) {
  for (const NodeId id : order_) replace_operand(node(id), from, to);
  std::ranges::replace(outputs_, from, to);
}

void Graph::erase_node(NodeId id) {
  for (const ValueId result : node(id).results) {
    CHECK(users(result).empty() && !is_output(result), "%{} is used", value(result).name);
  }
  for (const ValueId result : node(id).results) values_[result.index].reset();
  nodes_[id.index].reset();
  std::erase(order_, id);
}

void Graph::erase_dead() {
  std::vector<bool> is_needed(values_.size(), false);
  for (const ValueId id : outputs_) is_needed[id.index] = true;
  for (std::size_t i = order_.size(); i-- > 0;) {
    const NodeId id = order_[i];
    const bool is_used = std::ranges::any_of(
        node(id).results, [&](ValueId result) { return is_needed[result.index]; });
    if (is_used) {
      for_each_operand(node(id).arguments,
                       [&](const ValueId& operand) { is_needed[operand.index] = true; });
    } else {
      for (const ValueId result : node(id).results) values_[result.index].reset();
      nodes_[id.index].reset();
    }
  }
  std::erase_if(order_, [&](NodeId id) { return !is_alive(id); });
  for (std::size_t index = 0; index < values_.size(); ++index) {
    auto& value = values_[index];
    if (value && value->kind == ValueKind::kConstant && !is_needed[index]) value.reset();
  }
}

Result<void> Graph::infer_all() {
  for (const NodeId id : order_) {
    Node& node = this->node(id);
    if (node.delegate != nullptr) {
      Graph& body = node.delegate->body;
      const std::vector<ValueId> operands = tensor_operands(node);
      CHECK(operands.size() == body.inputs().size() &&
            node.results.size() == body.outputs().size());
      body.symbols = symbols;
      for (std::size_t i = 0; i < operands.size(); ++i) {
        body.value(body.inputs()[i]).type = value(operands[i]).type;
      }
      TRY(body.infer_all());
      for (std::size_t i = 0; i < node.results.size(); ++i) {
        value(node.results[i]).type = body.value(body.outputs()[i]).type;
      }
      continue;
    }
    std::vector<TensorType> types = TRY(infer_or_name(*this, node));
    CHECK(types.size() == node.results.size(), "{}", node.op->schema);
    for (std::size_t i = 0; i < types.size(); ++i)
      value(node.results[i]).type = std::move(types[i]);
  }
  return {};
}

std::vector<ValueId> tensor_operands(const Node& node) {
  std::vector<ValueId> ids;
  for_each_operand(node.arguments, [&](const ValueId& operand) { ids.push_back(operand); });
  return ids;
}

}  // namespace tessera::ir
