// SPDX-License-Identifier: MIT
#include "ir/verify.h"

#include <set>

#include "base/try.h"
#include "ir/lexer.h"
#include "ir/text.h"

namespace tessera::ir {
namespace {

template <class... Args>
std::unexpected<Error> wrong(std::format_string<Args...> format, Args&&... args) {
  return fail(ErrorCode::kInternal, format, std::forward<Args>(args)...);
}

class Verifier {
 public:
  explicit Verifier(const Graph& graph) : graph_(graph) {}

  Result<void> run() {
    for (const auto& [name, range] : graph_.symbols) {
      if (!is_symbol_name(name) || range.min > range.max) {
        return wrong("the symbol '{}' in {}..{} has no legal name or an empty range", name,
                     range.min, range.max);
      }
    }
    for (const ValueId id : graph_.values()) {
      const Value& value = graph_.value(id);
      if (value.kind != ValueKind::kResult) TRY(define(id));
      if (value.kind == ValueKind::kConstant) TRY(verify_constant(value));
    }
    for (const NodeId id : graph_.nodes()) {
      auto result = verify_node(id);
      if (!result)
        return with_context(std::move(result).error(), describe(graph_, graph_.node(id)));
    }
    if (graph_.outputs().empty()) return wrong("the graph has no outputs");
    for (const ValueId id : graph_.outputs()) {
      if (!defined_.contains(id)) return wrong("an output does not exist");
    }
    return {};
  }

 private:
  Result<void> define(ValueId id) {
    const Value& value = graph_.value(id);
    if (!names_.insert(value.name).second) return wrong("two values are named %{}", value.name);
    for (const Dim& dim : value.type.dims) {
      if (auto range = dim.range(graph_.symbols); !range) {
        return wrong("%{}: {}: {}", value.name, print(value.type), range.error().message);
      }
    }
    defined_.insert(id);
    return {};
  }

  static Result<void> verify_constant(const Value& value) {
    if (!value.data.has_data() || type_of(value.data) != value.type) {
      return wrong("the constant %{}: {} has data of the type {}", value.name, print(value.type),
                   value.data.type_string());
    }
    return {};
  }

  Result<void> verify_node(NodeId id) {
    const Node& node = graph_.node(id);
    if ((node.op == nullptr) == (node.delegate == nullptr)) {
      return wrong("a node is a call of an operator or of a delegate");
    }
    for (const ValueId operand : tensor_operands(node)) {
      if (!graph_.is_alive(operand)) return wrong("an operand was erased");
      if (!defined_.contains(operand)) {
        return wrong("%{} is used before its definition", graph_.value(operand).name);
      }
    }
    TRY(verify_types(node));
    for (const ValueId result : node.results) {
      if (!graph_.is_alive(result) || graph_.value(result).kind != ValueKind::kResult ||
          graph_.value(result).producer != id) {
        return wrong("a result does not name this node as its producer");
      }
      TRY(define(result));
    }
    return {};
  }

  Result<void> verify_types(const Node& node) const {
    if (node.delegate != nullptr) return verify_delegate(node);
    return compare_types("result", node.results, TRY(infer_types(graph_, node)));
  }

  Result<void> verify_delegate(const Node& node) const {
    const Graph& body = node.delegate->body;
    const auto types_of = [&](const std::vector<ValueId>& ids) {
      std::vector<TensorType> types;
      for (const ValueId id : ids) types.push_back(body.value(id).type);
      return types;
    };
    TRY(verify(body));
    TRY(compare_types("operand", tensor_operands(node), types_of(body.inputs())));
    return compare_types("result", node.results, types_of(body.outputs()));
  }

  Result<void> compare_types(std::string_view what, const std::vector<ValueId>& ids,
                             const std::vector<TensorType>& expected) const {
    if (ids.size() != expected.size()) {
      return wrong("expected {} {}s, found {}", expected.size(), what, ids.size());
    }
    for (std::size_t i = 0; i < ids.size(); ++i) {
      const Value& value = graph_.value(ids[i]);
      if (value.type == expected[i]) continue;
      return wrong("{} {} %{}: expected {}, found {}", what, i, value.name, print(expected[i]),
                   print(value.type));
    }
    return {};
  }

  const Graph& graph_;
  std::set<ValueId> defined_;
  std::set<std::string> names_;
};

}  // namespace

Result<void> verify(const Graph& graph) { return Verifier(graph).run(); }

}  // namespace tessera::ir
