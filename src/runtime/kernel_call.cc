// SPDX-License-Identifier: MIT
#include <algorithm>
#include <utility>

#include "base/try.h"
#include "ir/schema.h"
#include "runtime/call_arguments.h"
#include "runtime/instruction.h"

namespace tessera::runtime {
namespace {

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
    kernel.arguments.push_back(
        TRY(argument_of<Tensor>(plan, expected, call.arguments[i], [&](std::int32_t index) {
          TensorSlot* slot = values.tensor(index);
          return slot == nullptr ? nullptr : &slot->tensor;
        })));
    kernel.types.push_back(TRY(argument_of<const ir::TensorType>(
        plan, expected, call.arguments[i], [&](std::int32_t index) -> const ir::TensorType* {
          TensorSlot* slot = values.tensor(index);
          return slot == nullptr ? nullptr : &slot->type;
        })));
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
