// SPDX-License-Identifier: MIT
#include "base/try.h"
#include "ir/graph.h"

namespace tessera::ir {
namespace {

using TypeArgument = BasicArgument<const TensorType>;

TypeArgument with_types(const Graph& graph, const Argument& argument) {
  if (const auto* id = std::get_if<ValueId>(&argument)) return &graph.value(*id).type;
  if (const auto* ids = std::get_if<std::vector<ValueId>>(&argument)) {
    std::vector<const TensorType*> types;
    for (const ValueId id : *ids) {
      types.push_back(id == kNoTensor ? nullptr : &graph.value(id).type);
    }
    return types;
  }
  return std::visit(
      [](const auto& value) -> TypeArgument {
        using T = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<T, ValueId> || std::is_same_v<T, std::vector<ValueId>>) {
          return std::monostate();  // handled above
        } else {
          return value;
        }
      },
      argument);
}

}  // namespace

NodeTypes::NodeTypes(const Graph& graph, const Node& node) {
  for (const Argument& argument : node.arguments) arguments_.push_back(with_types(graph, argument));
  for (const ValueId id : node.results) results_.push_back(graph.value(id).type);
}

Result<std::vector<TensorType>> infer_types(const Graph& graph, const Node& node) {
  TRY(check_arguments(*node.op, node.arguments));
  if (node.op->infer == nullptr) {
    return fail(ErrorCode::kNotImplemented, "its result types are not known to Tessera");
  }
  return node.op->infer(NodeTypes(graph, node).arguments());
}

std::string describe(const Graph&, const Node& node) {
  std::string text = node.op != nullptr ? schema_of(*node.op).full_name()
                                        : "a call of the delegate " + node.delegate->backend_id;
  if (!node.origin.module_path.empty()) text += " of module " + node.origin.module_path;
  if (!node.origin.source_line.empty()) text += " (" + node.origin.source_line + ")";
  return text;
}

}  // namespace tessera::ir
