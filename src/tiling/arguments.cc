// SPDX-License-Identifier: MIT
#include "tiling/arguments.h"

#include <algorithm>

#include "base/try.h"
#include "ir/schema.h"

namespace tessera::tiling {
namespace {

using Argument = ir::TypeArguments::Argument;
using ir::ArgumentKind;

class Resolver {
 public:
  Resolver(const pte::ExecutionPlan& plan, const FlowSizes& sizes) : plan_(plan), sizes_(sizes) {}

  Result<Argument> resolve(const ir::SchemaArgument& argument, std::int32_t index) const {
    const auto position = static_cast<std::size_t>(index);
    const pte::Value& value = plan_.values[position];
    if (std::holds_alternative<pte::Null>(value)) return Argument{};
    if (std::holds_alternative<pte::TensorValue>(value)) {
      if (argument.kind == ArgumentKind::kTensor) return Argument{&sizes_.types[position]};
    } else if (const auto* integer = std::get_if<std::int64_t>(&value)) {
      return from_integer(argument, *integer);
    } else if (const auto* boolean = std::get_if<bool>(&value)) {
      if (argument.kind == ArgumentKind::kInt) return Argument{ir::Dim(*boolean ? 1 : 0)};
      return Argument{*boolean};
    } else if (const auto* real = std::get_if<double>(&value)) {
      return Argument{*real};
    } else if (const auto* text = std::get_if<std::string>(&value)) {
      return Argument{*text};
    } else if (const auto* list = std::get_if<pte::IntList>(&value)) {
      return from_integers(list->items);
    } else if (const auto* reals = std::get_if<std::vector<double>>(&value)) {
      return Argument{*reals};
    } else if (const auto* booleans = std::get_if<std::vector<bool>>(&value)) {
      return Argument{*booleans};
    } else if (const auto* tensors = std::get_if<pte::TensorList>(&value)) {
      return from_tensors(tensors->items);
    } else if (const auto* tensors = std::get_if<pte::OptionalTensorList>(&value)) {
      return from_tensors(tensors->items);
    }
    return fail(ErrorCode::kInvalidProgram, "argument {} has the wrong kind", argument.name);
  }

 private:
  static Argument from_integer(const ir::SchemaArgument& argument, std::int64_t value) {
    switch (argument.kind) {
      case ArgumentKind::kFloat:
        return static_cast<double>(value);
      case ArgumentKind::kBool:
        return value != 0;
      case ArgumentKind::kIntList:
        return ir::Dims(static_cast<std::size_t>(std::max(argument.list_size, 1)), ir::Dim(value));
      default:
        return ir::Dim(value);
    }
  }

  Result<Argument> from_integers(const std::vector<std::int64_t>& items) const {
    ir::Dims dims;
    for (const std::int64_t item : items) {
      const auto* value = std::get_if<std::int64_t>(&plan_.values[static_cast<std::size_t>(item)]);
      if (value == nullptr) {
        return fail(ErrorCode::kInvalidProgram, "value {} of a list is no integer", item);
      }
      dims.emplace_back(*value);
    }
    return Argument{std::move(dims)};
  }

  Argument from_tensors(const std::vector<std::int32_t>& items) const {
    std::vector<const ir::TensorType*> types;
    for (const std::int32_t item : items) {
      types.push_back(item < 0 ? nullptr : &sizes_.types[static_cast<std::size_t>(item)]);
    }
    return types;
  }

  const pte::ExecutionPlan& plan_;
  const FlowSizes& sizes_;
};

/// Whether `infer` will find what the schema promises: it aborts otherwise.
bool is_of_kind(const ir::SchemaArgument& argument, const Argument& value) {
  if (std::holds_alternative<std::monostate>(value)) return argument.is_optional;
  switch (argument.kind) {
    case ArgumentKind::kTensor:
      return std::holds_alternative<const ir::TensorType*>(value);
    case ArgumentKind::kTensorList:
      return std::holds_alternative<std::vector<const ir::TensorType*>>(value);
    case ArgumentKind::kInt:
      return std::holds_alternative<ir::Dim>(value);
    case ArgumentKind::kFloat:
      return std::holds_alternative<double>(value);
    case ArgumentKind::kScalar:
      return std::holds_alternative<ir::Dim>(value) || std::holds_alternative<double>(value) ||
             std::holds_alternative<bool>(value);
    case ArgumentKind::kBool:
      return std::holds_alternative<bool>(value);
    case ArgumentKind::kString:
      return std::holds_alternative<std::string>(value);
    case ArgumentKind::kIntList:
      return std::holds_alternative<ir::Dims>(value);
    case ArgumentKind::kFloatList:
      return std::holds_alternative<std::vector<double>>(value);
    case ArgumentKind::kBoolList:
      return std::holds_alternative<std::vector<bool>>(value);
  }
  return false;
}

}  // namespace

Result<std::vector<Argument>> resolve_arguments(const pte::ExecutionPlan& plan,
                                                const KernelStep& step, const FlowSizes& sizes) {
  const ir::Schema& schema = ir::schema_of(*step.op);
  const Resolver resolver(plan, sizes);
  std::vector<Argument> arguments;
  for (std::size_t i = 0; i < schema.arguments.size(); ++i) {
    Argument argument = TRY(resolver.resolve(schema.arguments[i], step.arguments[i]));
    if (!is_of_kind(schema.arguments[i], argument)) {
      return fail(ErrorCode::kInvalidProgram, "{}: argument {} has the wrong kind",
                  schema.full_name(), schema.arguments[i].name);
    }
    arguments.push_back(std::move(argument));
  }
  return arguments;
}

}  // namespace tessera::tiling
