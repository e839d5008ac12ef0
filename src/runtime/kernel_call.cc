// SPDX-License-Identifier: MIT
#include <algorithm>
#include <utility>

#include "base/try.h"
#include "ir/schema.h"
#include "runtime/instruction.h"

namespace tessera::runtime {
namespace {

using ir::ArgumentKind;

/// What stands for a tensor at run time and in `infer`.
template <class T>
T* pointer_to(TensorSlot& slot) {
  if constexpr (std::is_same_v<T, Tensor>) {
    return &slot.tensor;
  } else {
    return &slot.type;
  }
}

template <class T>
using MaybeArgument = std::optional<ir::BasicArgument<T>>;

template <class T>
MaybeArgument<T> tensor_list(const std::vector<std::int32_t>& items, bool may_be_none,
                             const ValueTable& values) {
  std::vector<T*> tensors;
  for (const std::int32_t item : items) {
    TensorSlot* slot = item < 0 ? nullptr : values.tensor(item);
    if (slot == nullptr && !may_be_none) return std::nullopt;
    tensors.push_back(slot == nullptr ? nullptr : pointer_to<T>(*slot));
  }
  return tensors;
}

template <class T>
MaybeArgument<T> int_list(const pte::IntList& list, const pte::ExecutionPlan& plan) {
  ir::Dims dims;
  for (const std::int64_t item : list.items) {
    const auto* value = std::get_if<std::int64_t>(&plan.values[static_cast<std::size_t>(item)]);
    if (value == nullptr) return std::nullopt;
    dims.emplace_back(*value);
  }
  return dims;
}

/// The value as an argument of this kind; nothing if it is of another kind.
template <class T>
MaybeArgument<T> convert(const ir::SchemaArgument& expected, std::int32_t index,
                         const pte::ExecutionPlan& plan, const ValueTable& values) {
  const pte::Value& value = plan.values[static_cast<std::size_t>(index)];
  if (std::holds_alternative<pte::Null>(value)) {
    if (expected.is_optional) return std::monostate();
    return std::nullopt;
  }
  const auto* integer = std::get_if<std::int64_t>(&value);
  const auto* real = std::get_if<double>(&value);
  const auto* boolean = std::get_if<bool>(&value);
  switch (expected.kind) {
    case ArgumentKind::kTensor:
      if (TensorSlot* slot = values.tensor(index)) return pointer_to<T>(*slot);
      break;
    case ArgumentKind::kTensorList:
      if (const auto* list = std::get_if<pte::TensorList>(&value)) {
        return tensor_list<T>(list->items, false, values);
      }
      if (const auto* list = std::get_if<pte::OptionalTensorList>(&value)) {
        return tensor_list<T>(list->items, true, values);
      }
      break;
    case ArgumentKind::kInt:
      if (integer != nullptr) return ir::Dim(*integer);
      break;
    case ArgumentKind::kFloat:
      if (real != nullptr) return *real;
      if (integer != nullptr) return static_cast<double>(*integer);
      break;
    case ArgumentKind::kScalar:
      if (integer != nullptr) return ir::Dim(*integer);
      if (real != nullptr) return *real;
      if (boolean != nullptr) return *boolean;
      break;
    case ArgumentKind::kBool:
      if (boolean != nullptr) return *boolean;
      break;
    case ArgumentKind::kString:
      if (const auto* text = std::get_if<std::string>(&value)) return *text;
      break;
    case ArgumentKind::kIntList:
      if (const auto* list = std::get_if<pte::IntList>(&value)) return int_list<T>(*list, plan);
      if (integer != nullptr && expected.list_size > 0) {
        return ir::Dims(static_cast<std::size_t>(expected.list_size), ir::Dim(*integer));
      }
      break;
    case ArgumentKind::kFloatList:
      if (const auto* list = std::get_if<std::vector<double>>(&value)) return *list;
      break;
    case ArgumentKind::kBoolList:
      if (const auto* list = std::get_if<std::vector<bool>>(&value)) return *list;
      break;
  }
  return std::nullopt;
}

std::string_view name_of(ArgumentKind kind) {
  switch (kind) {
    case ArgumentKind::kTensor:
      return "a Tensor";
    case ArgumentKind::kTensorList:
      return "a list of Tensor";
    case ArgumentKind::kInt:
      return "an Int";
    case ArgumentKind::kFloat:
      return "a Double";
    case ArgumentKind::kScalar:
      return "a number";
    case ArgumentKind::kBool:
      return "a Bool";
    case ArgumentKind::kString:
      return "a String";
    case ArgumentKind::kIntList:
      return "a list of Int";
    case ArgumentKind::kFloatList:
      return "a list of Double";
    case ArgumentKind::kBoolList:
      return "a list of Bool";
  }
  return "?";
}

/// The call's arguments are the schema's, the out tensors, then the returned value: the out tensor
/// again, or one list of them.
Result<void> check_count(const pte::ExecutionPlan& plan, const pte::KernelCall& call,
                         const ir::Schema& schema) {
  const auto num_results = static_cast<std::size_t>(schema.num_results);
  const std::size_t expected = schema.arguments.size() + num_results + 1;
  if (call.arguments.size() != expected) {
    return fail(ErrorCode::kInvalidProgram,
                "has {} arguments, expected {} of {} and {} for results", call.arguments.size(),
                schema.arguments.size(), schema.full_name(), num_results + 1);
  }
  const std::span outs = std::span(call.arguments).subspan(schema.arguments.size(), num_results);
  const std::int32_t returned = call.arguments.back();
  const auto* list = std::get_if<pte::TensorList>(&plan.values[static_cast<std::size_t>(returned)]);
  const bool is_outs = num_results == 1 && list == nullptr
                           ? returned == outs[0]
                           : list != nullptr && std::ranges::equal(list->items, outs);
  if (!is_outs) {
    return fail(ErrorCode::kInvalidProgram, "returns value {}, which is not its results", returned);
  }
  return {};
}

/// Exporters put an empty tensor of bytes where nobody reads a result.
bool is_discarded(const TensorSlot& slot, const ir::TensorType& inferred) {
  return slot.tensor.dtype() == DType::kU8 && slot.bound == Shape{0} && inferred != slot.type;
}

Result<void> check_result(const TensorSlot& slot, const ir::TensorType& inferred) {
  if (slot.is_constant) {
    return fail(ErrorCode::kInvalidProgram, "its result is a constant");
  }
  const Shape shape = TRY(ir::constant_shape(inferred));
  const bool fits = inferred.dtype == slot.tensor.dtype() && shape.rank() == slot.bound.rank() &&
                    slot.check_sizes(shape).has_value();
  if (!fits) {
    return fail(ErrorCode::kInvalidProgram, "its result is {}{}, the program has {}{}{}",
                tessera::name_of(inferred.dtype), shape.to_string(),
                slot.is_dynamic ? "at most " : "", tessera::name_of(slot.tensor.dtype()),
                slot.bound.to_string());
  }
  return {};
}

/// Kernels read arguments while they write results.
Result<void> check_disjoint(const KernelInstruction& kernel,
                            std::span<const std::int32_t> arguments, const ValueTable& values) {
  for (const std::int32_t argument : arguments) {
    const TensorSlot* slot = values.tensor(argument);
    if (slot == nullptr || !slot->plan) continue;
    for (const TensorSlot* result : kernel.results) {
      if (result == nullptr || !result->plan || result->plan->arena != slot->plan->arena) continue;
      if (overlap(result->plan->range, slot->plan->range)) {
        return fail(ErrorCode::kInvalidProgram, "its result shares memory with value {}", argument);
      }
    }
  }
  return {};
}

Result<void> resolve_results(KernelInstruction& kernel, std::span<const std::int32_t> outs,
                             const ValueTable& values) {
  const auto inferred = TRY(kernel.op->infer(ir::TypeArguments(kernel.types)));
  if (inferred.size() != outs.size()) {
    return fail(ErrorCode::kInternal, "infer gives {} results, the schema {}", inferred.size(),
                outs.size());
  }
  for (std::size_t i = 0; i < outs.size(); ++i) {
    TensorSlot* slot = values.tensor(outs[i]);
    if (slot == nullptr) {
      return fail(ErrorCode::kInvalidProgram, "its result is value {}, which is no tensor",
                  outs[i]);
    }
    if (is_discarded(*slot, inferred[i])) {
      slot = nullptr;
    } else {
      TRY(check_result(*slot, inferred[i]));
    }
    kernel.results.push_back(slot);
    kernel.outputs.push_back(Tensor::view(inferred[i].dtype, Shape(), nullptr));
  }
  return {};
}

}  // namespace

Result<KernelInstruction> resolve_kernel_call(const pte::ExecutionPlan& plan,
                                              const pte::KernelCall& call, const ir::Operator& op,
                                              const ValueTable& values) {
  const ir::Schema& schema = ir::schema_of(op);
  TRY(check_count(plan, call, schema));
  KernelInstruction kernel{.op = &op};
  for (std::size_t i = 0; i < schema.arguments.size(); ++i) {
    const ir::SchemaArgument& expected = schema.arguments[i];
    auto argument = convert<Tensor>(expected, call.arguments[i], plan, values);
    auto type = convert<const ir::TensorType>(expected, call.arguments[i], plan, values);
    if (!argument || !type) {
      const pte::Value& value = plan.values[static_cast<std::size_t>(call.arguments[i])];
      return fail(ErrorCode::kInvalidProgram, "argument {} '{}' is {}, expected {}", i,
                  expected.name, kind_of(value), name_of(expected.kind));
    }
    kernel.arguments.push_back(*std::move(argument));
    kernel.types.push_back(*std::move(type));
  }
  const std::span arguments(call.arguments);
  const std::size_t num_arguments = schema.arguments.size();
  TRY(resolve_results(
      kernel, arguments.subspan(num_arguments, arguments.size() - num_arguments - 1), values));
  TRY(check_disjoint(kernel, arguments.first(num_arguments), values));
  return kernel;
}

Result<void> KernelInstruction::resize() {
  const auto inferred = TRY(op->infer(ir::TypeArguments(types)));
  for (std::size_t i = 0; i < results.size(); ++i) {
    const Shape shape = TRY(ir::constant_shape(inferred[i]));
    if (results[i] == nullptr) {
      if (outputs[i].has_data() && outputs[i].shape() == shape) continue;
      outputs[i] = TRY(Tensor::empty(inferred[i].dtype, shape));
      continue;
    }
    TRY(results[i]->resize(shape));
  }
  return {};
}

Result<void> KernelInstruction::run(ir::KernelContext& context) {
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (results[i] != nullptr) outputs[i] = results[i]->tensor;
  }
  return op->kernel(context, ir::KernelArguments(arguments), outputs);
}

}  // namespace tessera::runtime
