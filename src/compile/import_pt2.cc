// SPDX-License-Identifier: MIT
#include "compile/import_pt2.h"

#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/try.h"
#include "compile/import_argument.h"
#include "compile/import_origin.h"
#include "compile/import_symbols.h"
#include "compile/import_target.h"
#include "compile/import_tensors.h"
#include "compile/sympy_expression.h"
#include "ir/schema.h"

namespace tessera {
namespace {

class Importer {
 public:
  Importer(const pt2::ExportedProgram& program, ir::FindOperator find_operator,
           std::vector<BufferState>* states)
      : program_(program), find_operator_(find_operator), states_(states) {}

  Result<ir::Graph> run(std::span<const DimOverride> overrides) {
    TRY(check_operators());
    TRY(check_outputs());
    TRY(import_inputs(overrides));
    for (const pt2::Node& node : program_.nodes) {
      TRY(import_node(node));
      tensors_.advance();
    }
    TRY(import_outputs());
    return std::move(graph_);
  }

 private:
  /// How the operator is called here: in-place ones by the functional operator's name.
  struct Callee {
    const ir::Operator* op = nullptr;
    bool is_in_place = false;
  };

  Callee callee_of(std::string_view operator_name) const {
    if (const auto functional = functional_name_of(operator_name)) {
      return {.op = find_operator_(*functional), .is_in_place = true};
    }
    return {.op = find_operator_(operator_name)};
  }

  std::set<std::string> written_buffers() const;
  void add_states(const std::set<std::string>& written);
  Result<ir::ValueId> own_output(ir::ValueId value);
  Result<void> check_operators() const;
  Result<void> check_outputs() const;
  Result<void> import_inputs(std::span<const DimOverride> overrides);
  Result<void> add_input(const InputDims& input, DType dtype);
  Result<void> add_weight(const pt2::InputSpec& spec);
  Result<void> import_node(const pt2::Node& node);
  Result<std::vector<ir::Argument>> prepare_call(const Callee& callee, const pt2::Node& node);
  void match_number(ir::ValueId number, const std::vector<ir::Argument>& arguments);
  Result<void> bind_results(const Callee& callee, const pt2::Node& node, ir::NodeId id);
  Result<void> bind_result(const std::string& name, ir::ValueId result);
  Result<void> check_result(const std::string& name, ir::ValueId result) const;
  Result<void> import_outputs();

  Result<ir::Dim> find_symbolic_int(const std::string& name) const;

  const pt2::ExportedProgram& program_;
  const ir::FindOperator find_operator_;
  std::vector<BufferState>* const states_;
  std::vector<std::string> state_names_;  ///< tensors' names, in the order of states_
  std::vector<ir::ValueId> state_inputs_;
  ir::Graph graph_;
  ImportedTensors tensors_{program_, graph_};
};

Result<void> Importer::check_operators() const {
  struct Place {
    std::string call;
    std::size_t count = 0;
  };
  std::map<std::string, Place> missing;
  for (const pt2::Node& node : program_.nodes) {
    if (is_without_tensors(node)) continue;
    const std::string name = operator_name_of(node.target);
    if (callee_of(name).op != nullptr) continue;
    Place& place = missing[name];
    if (place.count++ == 0) place.call = describe_call(name, origin_of(node));
  }
  if (missing.empty()) return {};
  std::string text;
  for (const auto& [name, place] : missing) {
    text += (text.empty() ? "" : "; ") + place.call;
    if (place.count > 1) text += std::format(" and {} more", place.count - 1);
  }
  return fail(ErrorCode::kOperatorMissing, "{} not supported: {}",
              missing.size() == 1 ? "this operator is" : "these operators are", text);
}

Result<void> Importer::check_outputs() const {
  for (const pt2::OutputSpec& spec : program_.outputs) {
    switch (spec.kind) {
      case pt2::OutputKind::kUserOutput:
        break;
      case pt2::OutputKind::kBufferMutation:
        if (states_ != nullptr) break;
        return fail(ErrorCode::kNotSupported,
                    "the model writes to its buffer '{}'; models that keep state from call to call "
                    "are not supported",
                    spec.target);
      case pt2::OutputKind::kUserInputMutation:
        return fail(ErrorCode::kNotSupported, "the model writes to its input '{}'", spec.target);
      case pt2::OutputKind::kOther:
        return fail(ErrorCode::kNotSupported, "the model has an output of kind '{}'", spec.keyword);
    }
  }
  return {};
}

Result<void> Importer::import_inputs(std::span<const DimOverride> overrides) {
  std::vector<InputDims> inputs;
  std::vector<DType> dtypes;
  for (const pt2::InputSpec& spec : program_.inputs) {
    if (spec.keyword == "constant_input") continue;
    if (spec.kind == pt2::InputKind::kOther) {
      return fail(ErrorCode::kNotSupported, "the model has an input of kind '{}'", spec.keyword);
    }
    if (spec.kind != pt2::InputKind::kUserInput) {
      TRY(add_weight(spec));
      continue;
    }
    if (const auto* symbol = std::get_if<pt2::SymbolName>(&spec.argument)) {
      return fail(ErrorCode::kNotSupported, "input '{}' is a number, only tensors are supported",
                  symbol->name);
    }
    const auto* tensor = std::get_if<pt2::TensorName>(&spec.argument);
    if (tensor == nullptr) continue;
    const auto meta = program_.tensors.find(tensor->name);
    if (meta == program_.tensors.end()) {
      return fail(ErrorCode::kInvalidProgram, "nothing is said about input '{}'", tensor->name);
    }
    InputDims& input = inputs.emplace_back(tensor->name);
    for (const pt2::SymbolicInt& size : meta->second.sizes) {
      input.dims.push_back(size.is_constant() ? ir::Dim(size.value)
                                              : TRY(parse_sympy(size.expression)));
    }
    dtypes.push_back(meta->second.dtype);
  }
  graph_.symbols = TRY(resolve_ranges(inputs, program_.ranges, overrides));
  for (std::size_t i = 0; i < inputs.size(); ++i) TRY(add_input(inputs[i], dtypes[i]));
  if (states_ != nullptr) add_states(written_buffers());
  return {};
}

Result<void> Importer::add_input(const InputDims& input, DType dtype) {
  if (tensors_.is_known(input.name)) {
    return fail(ErrorCode::kInvalidProgram, "two inputs are called '{}'", input.name);
  }
  tensors_.add_input(input.name, graph_.add_input(input.name, {dtype, input.dims}));
  return {};
}

Result<void> Importer::add_weight(const pt2::InputSpec& spec) {
  const auto& name = std::get<pt2::TensorName>(spec.argument).name;
  if (!program_.weights.contains(spec.target)) {
    return fail(ErrorCode::kInvalidProgram, "the archive has no tensor '{}' ({} '{}')", spec.target,
                spec.keyword, name);
  }
  if (tensors_.is_known(name)) {
    return fail(ErrorCode::kInvalidProgram, "the {} '{}' has no name of its own", spec.keyword,
                spec.target);
  }
  tensors_.add_weight(name, spec.target, std::format("{} '{}'", spec.keyword, spec.target));
  return {};
}

Result<ir::Dim> Importer::find_symbolic_int(const std::string& name) const {
  const auto found = program_.symbolic_ints.find(name);
  if (found == program_.symbolic_ints.end()) {
    return fail(ErrorCode::kInvalidProgram, "there is no symbolic integer '{}'", name);
  }
  if (found->second.is_constant()) return ir::Dim(found->second.value);
  ir::Dim dim = TRY(parse_sympy(found->second.expression));
  for (const std::string& symbol : dim.symbols()) {
    if (graph_.symbols.contains(symbol)) continue;
    return fail(ErrorCode::kNotSupported,
                "the integer '{}' ({}) does not follow from the sizes of the inputs; sizes that "
                "depend on tensors' elements are not supported",
                name, dim.to_string());
  }
  return dim;
}

/// Names of the results in the order in which the operator gives them; empty for None.
std::vector<std::string> result_names(const pt2::Node& node) {
  std::vector<std::string> names;
  for (const pt2::Argument& output : node.outputs) {
    const std::size_t before = names.size();
    visit_tensors(output, [&](const std::string& name) { names.push_back(name); });
    if (names.size() == before) names.emplace_back();
  }
  return names;
}

/// The tensor that views show and in-place operators write to: the operator's first argument.
std::optional<std::string> first_tensor(const ir::Schema& schema, const pt2::Node& node) {
  std::optional<std::string> first;
  for (const pt2::NamedArgument& argument : node.arguments) {
    if (schema.arguments.empty() || argument.name != schema.arguments[0].name) continue;
    visit_tensors(argument.value, [&](const std::string& name) {
      if (!first) first = name;
    });
  }
  return first;
}

/// An in-place variant calls what it changes "self", whatever the functional one calls it.
pt2::Node with_functional_names(pt2::Node node, const ir::Schema& schema) {
  for (pt2::NamedArgument& argument : node.arguments) {
    if (argument.name == "self") argument.name = schema.arguments[0].name;
  }
  return node;
}

/// Names of the buffers that a node or an output writes to, directly or through views.
std::set<std::string> Importer::written_buffers() const {
  std::map<std::string, std::string> buffers;  // tensor's name -> the buffer whose memory it shows
  std::map<std::string, std::string> by_target;
  for (const pt2::InputSpec& spec : program_.inputs) {
    const auto* tensor = std::get_if<pt2::TensorName>(&spec.argument);
    if (spec.kind != pt2::InputKind::kBuffer || tensor == nullptr) continue;
    buffers[tensor->name] = by_target[spec.target] = tensor->name;
  }
  std::set<std::string> written;
  for (const pt2::Node& node : program_.nodes) {
    const std::string name = operator_name_of(node.target);
    const Callee callee = callee_of(name);
    if (callee.op == nullptr || (!callee.is_in_place && !is_view_operator(name))) continue;
    const ir::Schema& schema = ir::schema_of(*callee.op);
    const auto first =
        first_tensor(schema, callee.is_in_place ? with_functional_names(node, schema) : node);
    const auto shown = first ? buffers.find(*first) : buffers.end();
    if (shown == buffers.end()) continue;
    const std::string buffer = shown->second;
    if (callee.is_in_place) written.insert(buffer);
    for (const std::string& result : result_names(node)) buffers[result] = buffer;
  }
  for (const pt2::OutputSpec& spec : program_.outputs) {
    if (spec.kind == pt2::OutputKind::kBufferMutation && by_target.contains(spec.target)) {
      written.insert(by_target.at(spec.target));
    }
  }
  return written;
}

/// Written buffers are inputs of the graph, whose last values are its outputs.
void Importer::add_states(const std::set<std::string>& written) {
  for (const std::string& name : written) {
    const std::string target = tensors_.weight_of(name);
    const Tensor& initial = program_.weights.find(target)->second;
    state_inputs_.push_back(graph_.add_input(name, ir::type_of(initial)));
    tensors_.make_state(name, state_inputs_.back());
    states_->push_back({target, initial});
    state_names_.push_back(name);
  }
}

Result<void> Importer::import_node(const pt2::Node& written) {
  if (is_without_tensors(written)) return {};
  const std::string operator_name = operator_name_of(written.target);
  const ir::Origin origin = origin_of(written);
  const auto name_node = [&](Error error) {
    return with_context(std::move(error), describe_call(operator_name, origin));
  };
  const Callee callee = callee_of(operator_name);
  const pt2::Node node =
      callee.is_in_place ? with_functional_names(written, ir::schema_of(*callee.op)) : written;
  auto arguments = prepare_call(callee, node);
  if (!arguments) return name_node(std::move(arguments).error());
  const ir::NodeId id = TRY(graph_.add_node(*callee.op, *std::move(arguments), origin));
  auto bound = bind_results(callee, node, id);
  if (!bound) return name_node(std::move(bound).error());
  return {};
}

/// Gives a whole number the floating dtype that it is computed in anyway, so that XNNPACK can take
/// it: x * 2 is x * 2.0.
void Importer::match_number(ir::ValueId number, const std::vector<ir::Argument>& arguments) {
  ir::Value& value = graph_.value(number);
  if (value.type.dtype != DType::kI64) return;
  const auto whole = value.data.elements<std::int64_t>()[0];
  for (const ir::Argument& argument : arguments) {
    const auto* other = std::get_if<ir::ValueId>(&argument);
    if (other == nullptr || graph_.value(*other).type.dtype != DType::kF32) continue;
    const auto real = static_cast<float>(whole);
    if (static_cast<double>(real) != static_cast<double>(whole)) return;
    value.data = Tensor::of<float>(Shape{}, std::span<const float>(&real, 1));
    value.type = ir::type_of(value.data);
    return;
  }
}

Result<std::vector<ir::Argument>> Importer::prepare_call(const Callee& callee,
                                                         const pt2::Node& node) {
  std::vector<ir::ValueId> numbers;
  const NameScope scope{
      .tensor = [this](const std::string& name) { return tensors_.find(name); },
      .symbol = [this](const std::string& name) { return find_symbolic_int(name); },
      .constant =
          [&](Tensor data) {
            return numbers.emplace_back(graph_.add_constant("number", std::move(data)));
          }};
  const ir::Schema& schema = ir::schema_of(*callee.op);
  auto arguments = TRY(import_arguments(schema, node, scope));
  for (const ir::ValueId number : numbers) match_number(number, arguments);
  const auto first = first_tensor(schema, node);
  if (callee.is_in_place && first) TRY(tensors_.check_write(*first));
  return arguments;
}

Result<void> Importer::bind_results(const Callee& callee, const pt2::Node& node, ir::NodeId id) {
  const std::vector<ir::ValueId> results = graph_.node(id).results;
  const std::vector<std::string> names = result_names(node);
  if (names.size() > results.size()) {
    return fail(ErrorCode::kInvalidProgram, "expected {} results, found {} names", results.size(),
                names.size());
  }
  const auto first = first_tensor(ir::schema_of(*callee.op), node);
  if (callee.is_in_place && first && results.size() == 1)
    TRY(tensors_.overwrite(*first, results[0]));
  const bool shares_memory = callee.is_in_place || is_view_operator(operator_name_of(node.target));
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i].empty()) continue;
    TRY(bind_result(names[i], results[i]));
    if (shares_memory && first) {
      tensors_.add_view(names[i],
                        {*first, callee.is_in_place ? std::nullopt : std::optional(id), i});
    } else {
      tensors_.add_owner(names[i]);
    }
  }
  return {};
}

Result<void> Importer::bind_result(const std::string& name, ir::ValueId result) {
  if (tensors_.is_known(name)) {
    return fail(ErrorCode::kInvalidProgram, "a second tensor is called '{}'", name);
  }
  tensors_.bind(name, result);
  return tensors_.is_read_later(name) ? check_result(name, result) : Result<void>();
}

/// The archive says what each result is; where that is a plain fact it must agree with us.
Result<void> Importer::check_result(const std::string& name, ir::ValueId result) const {
  const auto meta = program_.tensors.find(name);
  if (meta == program_.tensors.end()) return {};
  const ir::TensorType& type = graph_.value(result).type;
  bool agrees = type.dtype == meta->second.dtype && type.rank() == meta->second.sizes.size();
  for (std::size_t i = 0; agrees && i < type.rank(); ++i) {
    const pt2::SymbolicInt& size = meta->second.sizes[i];
    agrees =
        !size.is_constant() || !type.dims[i].is_constant() || type.dims[i].constant() == size.value;
  }
  if (agrees) return {};
  std::string sizes;
  for (const pt2::SymbolicInt& size : meta->second.sizes) {
    sizes += (sizes.empty() ? "" : ",") +
             (size.is_constant() ? std::to_string(size.value) : size.expression);
  }
  return fail(ErrorCode::kInvalidProgram, "the archive says that '{}' is {}[{}], found {}", name,
              name_of(meta->second.dtype), sizes, ir::print(type));
}

/// A buffer's memory changes at the end of a run, so an output must not be that memory.
Result<ir::ValueId> Importer::own_output(ir::ValueId value) {
  if (!std::ranges::contains(state_inputs_, value)) return value;
  return graph_.add_call(*find_operator_("aten::clone"), {value, std::monostate()});
}

Result<void> Importer::import_outputs() {
  std::vector<ir::ValueId> outputs;
  std::map<std::string, std::string> written;  // by the buffer's fully qualified name
  for (const pt2::OutputSpec& spec : program_.outputs) {
    const auto* tensor = std::get_if<pt2::TensorName>(&spec.argument);
    if (tensor == nullptr) {
      return fail(ErrorCode::kNotSupported, "output {} is no tensor", outputs.size());
    }
    if (spec.kind == pt2::OutputKind::kBufferMutation) {
      if (!std::ranges::contains(*states_, spec.target, &BufferState::fully_qualified_name)) {
        return fail(ErrorCode::kInvalidProgram, "the model writes to '{}', which is no buffer",
                    spec.target);
      }
      written[spec.target] = tensor->name;
      continue;
    }
    auto value = tensors_.find(tensor->name);
    if (!value) {
      return with_context(std::move(value).error(), std::format("output {}", outputs.size()));
    }
    outputs.push_back(TRY(own_output(*value)));
  }
  for (std::size_t i = 0; i < state_names_.size(); ++i) {
    const auto named = written.find((*states_)[i].fully_qualified_name);
    const std::string& last = named == written.end() ? state_names_[i] : named->second;
    outputs.push_back(TRY(own_output(TRY(tensors_.find(last)))));
    const ir::TensorType type = ir::type_of((*states_)[i].initial);
    if (graph_.value(outputs.back()).type != type) {
      return fail(ErrorCode::kInvalidProgram, "it writes {} to buffer '{}', which is {}",
                  ir::print(graph_.value(outputs.back()).type), (*states_)[i].fully_qualified_name,
                  ir::print(type));
    }
  }
  graph_.set_outputs(std::move(outputs));
  return {};
}

}  // namespace

Result<ir::Graph> import_graph(const pt2::ExportedProgram& program,
                               std::span<const DimOverride> overrides,
                               ir::FindOperator find_operator, std::vector<BufferState>* states) {
  return Importer(program, find_operator, states).run(overrides);
}

}  // namespace tessera
