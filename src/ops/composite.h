// SPDX-License-Identifier: MIT
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "base/try.h"
#include "ir/graph.h"
#include "ops/registry.h"

/// Operators outside core ATen that are one call of a core operator with other arguments. Such an
/// operator is a struct with the core operator's name, `kCore`, and a function
///
///   template <class A>
///   static Result<std::vector<A>> map(std::span<const A> arguments, const ir::TensorType& first);
///
/// that makes the core arguments, whatever stands for tensors; `first` is the type of argument 0.
/// Result 0 of the core operator is the result.
namespace tessera::ops {

template <class Composite>
Result<std::vector<ir::TensorType>> infer_composite(const ir::TypeArguments& arguments) {
  using A = ir::TypeArguments::Argument;
  std::vector<A> given;
  for (std::size_t i = 0; i < arguments.size(); ++i) given.push_back(arguments[i]);
  const std::vector<A> mapped = TRY(Composite::map(std::span<const A>(given), arguments.tensor(0)));
  auto types = TRY(find_operator(Composite::kCore)->infer(ir::TypeArguments(mapped)));
  types.resize(1);
  return types;
}

/// Puts a call of `core` in the place of a node; its result 0 takes over from the node's result 0.
inline Result<void> replace_node(ir::Graph& graph, ir::NodeId id, const ir::Operator& core,
                                 std::vector<ir::Argument> arguments) {
  const ir::ValueId old_result = graph.node(id).results[0];
  const ir::NodeId made =
      TRY(graph.add_node(core, std::move(arguments), graph.node(id).origin, id));
  graph.replace_all_uses(old_result, graph.node(made).results[0]);
  graph.erase_node(id);
  return {};
}

template <class Composite>
Result<void> decompose_composite(ir::Graph& graph, ir::NodeId id) {
  const std::vector<ir::Argument>& given = graph.node(id).arguments;
  const ir::TensorType first = graph.value(std::get<ir::ValueId>(given[0])).type;
  return replace_node(graph, id, *find_operator(Composite::kCore),
                      TRY(Composite::map(std::span<const ir::Argument>(given), first)));
}

template <class Composite>
constexpr ir::Operator composite(std::string_view schema, std::span<const ir::Sample> samples) {
  return {.schema = schema,
          .infer = infer_composite<Composite>,
          .decompose = decompose_composite<Composite>,
          .samples = samples};
}

}  // namespace tessera::ops
