// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <span>
#include <string_view>
#include <vector>

#include "base/try.h"
#include "ir/graph.h"
#include "ops/registry.h"
#include "ops/shape_rules.h"

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
  const ir::Operator& core = *find_operator(Composite::kCore);
  auto types = TRY(core.infer(ir::TypeArguments(mapped)));
  if (ir::schema_of(core).num_results != ir::Schema::kResultList) types.resize(1);
  return types;
}

/// The core operator's kernel; for core operators with one result.
template <class Composite>
Result<void> run_composite(ir::KernelContext& context, const ir::KernelArguments& arguments,
                           std::span<Tensor> outputs) {
  using A = ir::KernelArguments::Argument;
  std::vector<A> given;
  for (std::size_t i = 0; i < arguments.size(); ++i) given.push_back(arguments[i]);
  const std::vector<A> mapped =
      TRY(Composite::map(std::span<const A>(given), ir::type_of(arguments.tensor(0))));
  return find_operator(Composite::kCore)->kernel(context, ir::KernelArguments(mapped), outputs);
}

/// The core operator's region rule; for those that have one, whose tensors stay where they are.
template <class Composite>
Region composite_region(const ir::RegionQuery& query) {
  using A = ir::TypeArguments::Argument;
  std::vector<A> given;
  for (std::size_t i = 0; i < query.arguments.size(); ++i) given.push_back(query.arguments[i]);
  const auto mapped = Composite::map(std::span<const A>(given), query.arguments.tensor(0));
  CHECK(mapped.has_value());
  const ir::TypeArguments arguments(*mapped);
  return find_operator(Composite::kCore)
      ->input_region({arguments, query.results, query.output, query.output_region, query.argument,
                      query.element});
}

/// Puts a call of `core` in the place of a node; its results take over from the node's.
inline Result<void> replace_node(ir::Graph& graph, ir::NodeId id, const ir::Operator& core,
                                 std::vector<ir::Argument> arguments) {
  const std::vector<ir::ValueId> old_results = graph.node(id).results;
  const ir::NodeId made =
      TRY(graph.add_node(core, std::move(arguments), graph.node(id).origin, id));
  for (std::size_t i = 0; i < old_results.size(); ++i) {
    graph.replace_all_uses(old_results[i], graph.node(made).results[i]);
  }
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

/// The same for an operator that program files know too.
template <class Composite>
constexpr ir::Operator composite(std::string_view schema, std::string_view out_name,
                                 std::span<const ir::Sample> samples, ir::RegionFn input_region) {
  return {.schema = schema,
          .out_name = out_name,
          .infer = infer_composite<Composite>,
          .kernel = run_composite<Composite>,
          .input_region = input_region,
          .decompose = decompose_composite<Composite>,
          .samples = samples};
}

/// The position from the front that argument `position` names, in a tensor of this rank; one of
/// rank 0 counts as one dimension.
template <class A>
Result<std::size_t> mapped_dim(std::span<const A> arguments, std::size_t position, std::size_t rank,
                               std::string_view name) {
  const ir::Dim& dim = std::get<ir::Dim>(arguments[position]);
  if (!dim.is_constant()) {
    return fail(ErrorCode::kInvalidArgument, "argument '{}' is {}, expected a constant", name,
                dim.to_string());
  }
  return normalize_dim(dim.constant(), std::max<std::size_t>(rank, 1), name);
}

}  // namespace tessera::ops
