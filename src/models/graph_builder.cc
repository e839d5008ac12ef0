// SPDX-License-Identifier: MIT
#include "tessera/graph_builder.h"

#include <algorithm>
#include <format>

#include "base/try.h"
#include "ir/schema.h"
#include "ir/text.h"
#include "models/build_state.h"
#include "models/seeded_tensor.h"
#include "ops/registry.h"

namespace tessera {
namespace {

using State = GraphBuilder::State;

/// Keeps the error if it is the first one.
GraphValue note(State& state, Error error) {
  if (!state.error) state.error = std::move(error);
  return {};
}

GraphValue noted(State& state, Result<ir::ValueId> result) {
  if (!result) return note(state, std::move(result).error());
  return {result->index};
}

/// Names are part of the text form and of the program's signature.
Result<void> check_name(std::string_view name) {
  const auto is_letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  const bool starts_well = !name.empty() && !(name[0] >= '0' && name[0] <= '9');
  if (starts_well && std::ranges::all_of(name, is_letter)) return {};
  return fail(ErrorCode::kInvalidArgument, "the name '{}': expected letters, digits and '_'", name);
}

/// "features.0.weight" -> "features_0_weight"
std::string value_name(std::string name) {
  for (char& letter : name) {
    if (!check_name(std::string("_") + letter)) letter = '_';
  }
  return "p_" + name;
}

Result<ir::Dim> dim_of(State& state, const InputSize& size) {
  if (size.name.empty()) {
    if (size.min >= 0) return ir::Dim(size.min);
    return fail(ErrorCode::kInvalidArgument, "a size of {}", size.min);
  }
  TRY(check_name(size.name));
  const std::int64_t step = size.multiple_of;
  if (step < 1 || size.min < 0 || size.min > size.max || size.min % step != 0 ||
      size.max % step != 0) {
    return fail(ErrorCode::kInvalidArgument,
                "size '{}': {}..{} is no range of sizes that are multiples of {}", size.name,
                size.min, size.max, step);
  }
  const ir::DimRange range{.min = size.min / step, .max = size.max / step};
  const auto [known, is_new] = state.graph.symbols.emplace(size.name, range);
  if (!is_new && known->second != range) {
    return fail(ErrorCode::kInvalidArgument, "size '{}' has two ranges", size.name);
  }
  return ir::Dim(step) * ir::Dim::symbol(size.name);
}

Result<ir::ValueId> id_of(const State& state, GraphValue value) {
  const ir::ValueId id{value.index};
  if (state.graph.is_alive(id)) return id;
  return fail(ErrorCode::kInvalidArgument, "a tensor that is none of this graph's");
}

ir::Dims to_dims(const std::vector<std::int64_t>& integers) {
  return {integers.begin(), integers.end()};
}

struct ToArgument {
  const State& state;
  const ir::SchemaArgument& wanted;

  Result<ir::Argument> operator()(std::monostate) const { return ir::Argument(); }
  Result<ir::Argument> operator()(GraphValue value) const { return TRY(id_of(state, value)); }
  Result<ir::Argument> operator()(const std::vector<GraphValue>& values) const {
    std::vector<ir::ValueId> ids;
    for (const GraphValue value : values) ids.push_back(TRY(id_of(state, value)));
    return ids;
  }
  /// One integer for int[n] stands for n of them.
  Result<ir::Argument> operator()(std::int64_t integer) const {
    if (wanted.kind != ir::ArgumentKind::kIntList || wanted.list_size == 0) {
      return ir::Argument(ir::Dim(integer));
    }
    return ir::Argument(ir::Dims(static_cast<std::size_t>(wanted.list_size), ir::Dim(integer)));
  }
  Result<ir::Argument> operator()(const std::vector<std::int64_t>& integers) const {
    return ir::Argument(to_dims(integers));
  }
  template <class T>
  Result<ir::Argument> operator()(const T& value) const {
    return ir::Argument(value);
  }
};

Result<std::vector<ir::Argument>> complete(const State& state, const ir::Schema& schema,
                                           const std::vector<GraphArgument>& given) {
  if (given.size() > schema.arguments.size()) {
    return fail(ErrorCode::kInvalidArgument, "{}: expected at most {} arguments, found {}",
                schema.full_name(), schema.arguments.size(), given.size());
  }
  std::vector<ir::Argument> arguments;
  for (std::size_t i = 0; i < schema.arguments.size(); ++i) {
    const ir::SchemaArgument& wanted = schema.arguments[i];
    auto argument = i < given.size() ? std::visit(ToArgument{state, wanted}, given[i].held())
                                     : ir::default_argument(wanted);
    if (!argument) {
      return with_context(std::move(argument).error(),
                          std::format("{}: argument '{}'", schema.full_name(), wanted.name));
    }
    arguments.push_back(*std::move(argument));
  }
  return arguments;
}

}  // namespace

GraphBuilder::State& state_of(GraphBuilder& builder) { return *builder.state_; }

GraphBuilder::GraphBuilder(Weights weights) : state_(std::make_unique<State>(std::move(weights))) {}
GraphBuilder::~GraphBuilder() = default;
GraphBuilder::GraphBuilder(GraphBuilder&& other) noexcept = default;
GraphBuilder& GraphBuilder::operator=(GraphBuilder&& other) noexcept = default;

GraphValue GraphBuilder::input(std::string name, const std::vector<InputSize>& sizes, DType dtype) {
  const auto add = [&]() -> Result<ir::ValueId> {
    if (sizes.size() > Shape::kMaxRank) {
      return fail(ErrorCode::kInvalidArgument,
                  "input '{}' has {} dimensions, at most {} are allowed", name, sizes.size(),
                  Shape::kMaxRank);
    }
    TRY(check_name(name));
    ir::Dims dims;
    for (const InputSize& size : sizes) dims.push_back(TRY(dim_of(*state_, size)));
    return state_->graph.add_input(std::move(name), {dtype, std::move(dims)});
  };
  return state_->error ? GraphValue() : noted(*state_, add());
}

GraphValue GraphBuilder::parameter(const std::string& name, const Shape& shape, SeededRange range) {
  if (state_->error) return {};
  const bool is_seeded = state_->weights.is_seeded();
  // Without elements of its own a parameter that is missing is only named, all at once at the end.
  auto otherwise = is_seeded ? seeded_tensor(state_->weights.seed(), name, shape, range)
                             : Tensor::zeros(DType::kF32, shape);
  if (!otherwise) return note(*state_, std::move(otherwise).error());
  return parameter(name, *otherwise);
}

GraphValue GraphBuilder::parameter(const std::string& name, const Tensor& otherwise) {
  if (state_->error) return {};
  Tensor tensor = otherwise;
  if (!state_->weights.is_seeded()) {
    const Tensor* found = state_->weights.find(name);
    if (found == nullptr) {
      state_->missing.push_back(name);
    } else if (found->dtype() != otherwise.dtype() || found->shape() != otherwise.shape()) {
      state_->mismatched.push_back(std::format("'{}' is {}, expected {}", name,
                                               found->type_string(), otherwise.type_string()));
    } else {
      tensor = *found;
    }
  }
  state_->asked.insert(name);
  return {state_->graph.add_constant(value_name(name), std::move(tensor), name).index};
}

GraphValue GraphBuilder::constant(const std::string& name, Tensor elements) {
  if (state_->error) return {};
  return {state_->graph.add_constant(value_name(name), std::move(elements)).index};
}

GraphValue GraphBuilder::call(std::string_view name, const std::vector<GraphArgument>& arguments,
                              std::string_view layer) {
  const auto add = [&]() -> Result<ir::ValueId> {
    const ir::Operator* op = ops::find_operator(name);
    if (op == nullptr) {
      return fail(ErrorCode::kOperatorMissing, "there is no operator '{}'", name);
    }
    auto completed = TRY(complete(*state_, ir::schema_of(*op), arguments));
    const ir::NodeId node = TRY(state_->graph.add_node(
        *op, std::move(completed), {.module_path = std::string(layer), .source_line = {}}));
    const auto& results = state_->graph.node(node).results;
    if (results.size() == 1) return results[0];
    return fail(ErrorCode::kNotSupported, "{} has {} results, expected one", name, results.size());
  };
  return state_->error ? GraphValue() : noted(*state_, add());
}

void GraphBuilder::output(GraphValue value) {
  if (state_->error) return;
  if (auto id = id_of(*state_, value)) {
    state_->outputs.push_back(*id);
  } else {
    note(*state_, std::move(id).error());
  }
}

GraphValue GraphBuilder::resize_to(GraphValue x, GraphValue like) {
  const auto add = [&]() -> Result<ir::ValueId> {
    const ir::Dims dims = state_->graph.value(TRY(id_of(*state_, like))).type.dims;
    if (dims.size() != 4) {
      return fail(ErrorCode::kInvalidArgument, "expected an image of 4 dimensions, found {}",
                  dims.size());
    }
    return state_->graph.add_call(
        *ops::find_operator("aten::upsample_bilinear2d.vec"),
        {TRY(id_of(*state_, x)), ir::Dims{dims[2], dims[3]}, false, std::monostate()});
  };
  return state_->error ? GraphValue() : noted(*state_, add());
}

std::int64_t GraphBuilder::channels(GraphValue x) const {
  const ir::ValueId id{x.index};
  if (state_->error || !state_->graph.is_alive(id)) return 0;
  const ir::Dims& dims = state_->graph.value(id).type.dims;
  return dims.size() > 1 && dims[1].is_constant() ? dims[1].constant() : 0;
}

void GraphBuilder::allow_unused(std::string prefix) {
  state_->may_be_unused.push_back(std::move(prefix));
}

std::string GraphBuilder::text() const {
  if (state_->error) return {};
  return ir::print(state_->graph);
}

}  // namespace tessera
