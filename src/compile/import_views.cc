// SPDX-License-Identifier: MIT
#include "compile/import_views.h"

#include <algorithm>
#include <array>

#include "base/check.h"
#include "base/try.h"
#include "ops/registry.h"

namespace tessera {
namespace {

using ir::Argument;
using ir::Dim;
using ir::Dims;
using ir::Graph;
using ir::Node;
using ir::ValueId;

/// How elements find back.
enum class Kind {
  kSizes,     ///< the same elements in other sizes
  kExchange,  ///< the view undoes itself
  kPermute,
  kSlice,
  kNarrow,
  kSelect,
  kParts,  ///< several results behind each other along a dimension, which is the last argument
  kSlots,  ///< the same, without the dimension
};

struct Rule {
  std::string_view name;
  Kind kind;
};

constexpr std::array kRules = {
    Rule{"aten::view", Kind::kSizes},
    Rule{"aten::_unsafe_view", Kind::kSizes},
    Rule{"aten::unflatten.int", Kind::kSizes},
    Rule{"aten::squeeze", Kind::kSizes},
    Rule{"aten::squeeze.dim", Kind::kSizes},
    Rule{"aten::squeeze.dims", Kind::kSizes},
    Rule{"aten::unsqueeze", Kind::kSizes},
    Rule{"aten::alias", Kind::kSizes},
    Rule{"aten::detach", Kind::kSizes},
    Rule{"aten::t", Kind::kExchange},
    Rule{"aten::transpose.int", Kind::kExchange},
    Rule{"aten::swapaxes", Kind::kExchange},
    Rule{"aten::swapdims", Kind::kExchange},
    Rule{"aten::permute", Kind::kPermute},
    Rule{"aten::slice.Tensor", Kind::kSlice},
    Rule{"aten::narrow", Kind::kNarrow},
    Rule{"aten::select.int", Kind::kSelect},
    Rule{"aten::split.Tensor", Kind::kParts},
    Rule{"aten::split_with_sizes", Kind::kParts},
    Rule{"aten::chunk", Kind::kParts},
    Rule{"aten::unbind.int", Kind::kSlots},
};

const Rule* find_rule(const Node& view) {
  const std::string name = ir::schema_of(*view.op).full_name();
  const auto found = std::ranges::find(kRules, name, &Rule::name);
  return found == kRules.end() ? nullptr : &*found;
}

Dims inverse_permutation(const Dims& dims) {
  const auto rank = static_cast<std::int64_t>(dims.size());
  Dims inverse(dims.size());
  for (std::size_t dim = 0; dim < dims.size(); ++dim) {
    const std::int64_t source = (dims[dim].constant() + rank) % rank;
    inverse[static_cast<std::size_t>(source)] = Dim(static_cast<std::int64_t>(dim));
  }
  return inverse;
}

/// Elements in front of result `index` along the dimension that a call cuts.
Dim start_of_part(const Graph& graph, const Node& view, std::size_t index, const Dim& dim) {
  Dim start(0);
  for (std::size_t i = 0; i < index; ++i) {
    const Dims& sizes = graph.value(view.results[i]).type.dims;
    const auto rank = static_cast<std::int64_t>(sizes.size());
    start = start + sizes[static_cast<std::size_t>((dim.constant() + rank) % rank)];
  }
  return start;
}

struct Call {
  std::string_view name;
  std::vector<Argument> arguments;
};

Call writing_call(const Graph& graph, const Rule& rule, const Node& view, std::size_t result,
                  ValueId base, ValueId written) {
  const auto at = [&](std::size_t i) { return view.arguments[i]; };
  const auto cut = [&] { return std::get<Dim>(view.arguments.back()); };
  const auto behind = [&](const Dim& start, const Argument& length) {
    return Argument(start + std::get<Dim>(length));
  };
  switch (rule.kind) {
    case Kind::kSizes:
      return {"aten::view_copy", {written, graph.value(base).type.dims}};
    case Kind::kExchange: {
      std::vector<Argument> arguments = view.arguments;
      arguments[0] = written;
      return {rule.name, std::move(arguments)};
    }
    case Kind::kPermute:
      return {"aten::permute_copy", {written, inverse_permutation(std::get<Dims>(at(1)))}};
    case Kind::kSlice:
      return {"aten::slice_scatter", {base, written, at(1), at(2), at(3), at(4)}};
    case Kind::kNarrow:
      return {"aten::slice_scatter",
              {base, written, at(1), at(2), behind(std::get<Dim>(at(2)), at(3)), Dim(1)}};
    case Kind::kSelect:
      return {"aten::select_scatter", {base, written, at(1), at(2)}};
    case Kind::kParts: {
      const Dim start = start_of_part(graph, view, result, cut());
      const Dim end = start_of_part(graph, view, result + 1, cut());
      return {"aten::slice_scatter", {base, written, cut(), start, end, Dim(1)}};
    }
    case Kind::kSlots:
      return {"aten::select_scatter",
              {base, written, cut(), Dim(static_cast<std::int64_t>(result))}};
  }
  std::unreachable();
}

}  // namespace

bool is_exact_view(const Node& view) { return find_rule(view) != nullptr; }

Result<ValueId> replay_view(Graph& graph, const Node& view, std::size_t result, ValueId base) {
  std::vector<Argument> arguments = view.arguments;
  arguments[0] = base;
  const ir::NodeId made = TRY(graph.add_node(*view.op, std::move(arguments), view.origin));
  return graph.node(made).results[result];
}

Result<ValueId> write_back(Graph& graph, const Node& view, std::size_t result, ValueId base,
                           ValueId written) {
  const Rule* rule = find_rule(view);
  CHECK(rule != nullptr, "{} is no exact view", ir::describe(graph, view));
  Call call = writing_call(graph, *rule, view, result, base, written);
  return graph.add_call(*ops::find_operator(call.name), std::move(call.arguments), view.origin);
}

}  // namespace tessera
