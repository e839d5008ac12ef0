// SPDX-License-Identifier: MIT
#include <algorithm>
#include <utility>

#include "base/try.h"
#include "ir/schema.h"
#include "ops/in_place.h"
#include "runtime/call_arguments.h"
#include "runtime/call_parts.h"
#include "runtime/instruction.h"

namespace tessera::runtime {
namespace {

/// Exporters put an empty tensor of bytes where nobody reads a result.
bool is_discarded(const TensorSlot& slot, const ir::TensorType& inferred) {
  return slot.tensor.dtype() == DType::kU8 && slot.bound == Shape{0} && inferred != slot.type;
}

/// Infer's upper bound for a result whose sizes depend on elements, where the program has room for
/// less: the kernel fails if that is not enough.
Shape within(Shape shape, const TensorSlot& slot, const ir::Operator& op) {
  if (!op.sizes_from_elements || shape.rank() != slot.bound.rank()) return shape;
  for (std::size_t dim = 0; dim < shape.rank(); ++dim) {
    shape[dim] = std::min(shape[dim], slot.bound[dim]);
  }
  return shape;
}

Result<void> check_result(const TensorSlot& slot, const ir::TensorType& inferred,
                          const ir::Operator& op) {
  const Shape shape = within(TRY(ir::constant_shape(inferred)), slot, op);
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

/// The result is exactly the argument's memory, and the kernel bears that.
bool runs_in_place(const KernelInstruction& kernel, const TensorSlot& result,
                   const TensorSlot& argument) {
  return ops::may_run_in_place(*kernel.op) && kernel.results.size() == 1 && &result != &argument &&
         result.plan->range == argument.plan->range && result.type.dtype == argument.type.dtype;
}

/// Kernels read arguments while they write results.
Result<void> check_disjoint(KernelInstruction& kernel, const CallParts& parts,
                            const ValueTable& values) {
  for (const TensorSlot* result : kernel.results) {
    if (result == nullptr || std::ranges::count(kernel.results, result) == 1) continue;
    return fail(ErrorCode::kInvalidProgram, "two of its results are one value");
  }
  for (const TensorSlot* slot : std::span(kernel.reads_from).subspan(parts.is_in_place ? 1 : 0)) {
    for (const TensorSlot* result : kernel.results) {
      if (result == nullptr || !share_memory(*result, *slot)) continue;
      if (runs_in_place(kernel, *result, *slot)) {
        kernel.overwritten.push_back(slot);
        continue;
      }
      std::int32_t argument = 0;
      while (values.tensor(argument) != slot) ++argument;
      return fail(ErrorCode::kInvalidProgram, "its result shares memory with value {}", argument);
    }
  }
  return {};
}

/// Element i of a result in memory depends on element i of the argument in memory: the kernel may
/// work on memory in any one order.
bool works_in_any_order(const KernelInstruction& kernel, const CallParts& parts,
                        const ValueTable& values) {
  if (kernel.op->input_region != ops::same_region || parts.results.size() != 1) return false;
  const TensorSlot* out = values.tensor(parts.results[0]);
  return out != nullptr && std::ranges::all_of(parts.arguments, [&](std::int32_t argument) {
           const TensorSlot* slot = argument < 0 ? nullptr : values.tensor(argument);
           return slot == nullptr || slot->tensor.dim_order() == out->tensor.dim_order();
         });
}

/// The tensor that the kernel reads for this value: the slot's, or a copy that is contiguous.
Result<Tensor*> readable(KernelInstruction& kernel, TensorSlot& slot) {
  if (slot.tensor.dim_order().is_contiguous()) return &slot.tensor;
  auto copy = std::make_unique<ContiguousCopy>(ContiguousCopy{&slot, {}});
  Tensor* tensor = &copy->tensor;
  if (slot.is_constant) *tensor = TRY(slot.tensor.contiguous());
  kernel.reads.push_back(std::move(copy));
  return tensor;
}

/// Where the argument is a number that some instruction writes: what to look at before each run.
void add_live_argument(KernelInstruction& kernel, const pte::ExecutionPlan& plan,
                       const ir::SchemaArgument& expected, std::int32_t index) {
  const ScalarTable& scalars = kernel.values->scalars();
  const std::size_t position = kernel.arguments.size() - 1;
  if (scalars.is_written(index)) {
    kernel.live.push_back({position, &expected, {index}});
  } else if (const auto* list =
                 std::get_if<pte::IntList>(&plan.values[static_cast<std::size_t>(index)]);
             list != nullptr && scalars.is_list_written(*list)) {
    kernel.live.push_back({position, &expected, {list->items.begin(), list->items.end()}, true});
  }
}

template <class T>
Result<ir::BasicArgument<T>> live_value(const LiveArgument& live, const ScalarTable& scalars) {
  if (!live.is_list) {
    if (auto argument = number_argument<T>(*live.expected, scalars.at(live.items[0]))) {
      return *std::move(argument);
    }
    return fail(ErrorCode::kInvalidProgram, "argument '{}' is not {}", live.expected->name,
                name_of(live.expected->kind));
  }
  ir::Dims dims;
  for (const std::int32_t item : live.items) {
    const auto* integer = std::get_if<std::int64_t>(&scalars.at(item));
    if (integer == nullptr) {
      return fail(ErrorCode::kInvalidProgram, "an item of argument '{}' is not an Int",
                  live.expected->name);
    }
    dims.emplace_back(*integer);
  }
  return dims;
}

Result<void> resolve_results(KernelInstruction& kernel, std::span<const std::int32_t> outs,
                             const ValueTable& values) {
  // With numbers that are not known yet only the run can tell the sizes.
  const bool is_known = kernel.live.empty();
  std::vector<ir::TensorType> inferred;
  if (is_known) {
    inferred = TRY(kernel.op->infer(ir::TypeArguments(kernel.types)));
    if (inferred.size() != outs.size()) {
      return fail(ErrorCode::kInvalidProgram, "has {} results, expected {}", outs.size(),
                  inferred.size());
    }
  }
  for (std::size_t i = 0; i < outs.size(); ++i) {
    TensorSlot* slot = values.tensor(outs[i]);
    if (slot == nullptr) {
      return fail(ErrorCode::kInvalidProgram, "its result is value {}, which is no tensor",
                  outs[i]);
    }
    if (slot->is_constant) return fail(ErrorCode::kInvalidProgram, "its result is a constant");
    if (is_known && is_discarded(*slot, inferred[i])) {
      slot = nullptr;
    } else if (is_known) {
      TRY(check_result(*slot, inferred[i], *kernel.op));
    }
    kernel.results.push_back(slot);
    const DType dtype = is_known ? inferred[i].dtype : slot->tensor.dtype();
    kernel.outputs.push_back(Tensor::view(dtype, Shape(), nullptr));
  }
  return {};
}

}  // namespace

Result<KernelInstruction> resolve_kernel_call(const pte::ExecutionPlan& plan,
                                              const pte::KernelCall& call, const ir::Operator& op,
                                              const ValueTable& values) {
  const ir::Schema& schema = ir::schema_of(op);
  const std::string& name = plan.operators[static_cast<std::size_t>(call.operator_index)];
  const CallParts parts = TRY(split_call(plan, call, op, name));
  const TensorSlot* out = parts.results.empty() ? nullptr : values.tensor(parts.results[0]);
  const DType out_dtype = out == nullptr ? DType::kF32 : out->tensor.dtype();
  KernelInstruction kernel{.op = &op};
  kernel.values = &values;
  const bool any_order = works_in_any_order(kernel, parts, values);
  for (std::size_t i = 0; i < schema.arguments.size(); ++i) {
    const ir::SchemaArgument& expected = schema.arguments[i];
    const std::int32_t argument = parts.arguments[i];
    if (argument == CallParts::kAbsent) {
      kernel.arguments.push_back(absent_argument<Tensor>(expected, out_dtype));
      kernel.types.push_back(absent_argument<const ir::TensorType>(expected, out_dtype));
      continue;
    }
    Result<void> copied;
    kernel.arguments.push_back(
        TRY(argument_of<Tensor>(plan, expected, argument, [&](std::int32_t index) -> Tensor* {
          TensorSlot* slot = values.tensor(index);
          if (slot == nullptr || any_order) return slot == nullptr ? nullptr : &slot->tensor;
          const auto tensor = readable(kernel, *slot);
          if (!tensor) copied = std::unexpected(tensor.error());
          return tensor.value_or(nullptr);
        })));
    TRY(std::move(copied));
    kernel.types.push_back(TRY(argument_of<const ir::TensorType>(
        plan, expected, argument, [&](std::int32_t index) -> const ir::TensorType* {
          TensorSlot* slot = values.tensor(index);
          if (slot == nullptr) return nullptr;
          kernel.reads_from.push_back(slot);
          return &slot->type;
        })));
    add_live_argument(kernel, plan, expected, argument);
  }
  TRY(resolve_results(kernel, parts.results, values));
  for (TensorSlot* slot : kernel.results) {
    const bool is_direct = slot == nullptr || any_order || slot->tensor.dim_order().is_contiguous();
    kernel.writes.push_back(is_direct ? nullptr
                                      : std::make_unique<ContiguousCopy>(ContiguousCopy{slot, {}}));
  }
  TRY(check_disjoint(kernel, parts, values));
  return kernel;
}

Result<void> KernelInstruction::update_live_arguments() {
  for (const LiveArgument& argument : live) {
    arguments[argument.position] = TRY(live_value<Tensor>(argument, values->scalars()));
    types[argument.position] = TRY(live_value<const ir::TensorType>(argument, values->scalars()));
  }
  return {};
}

Result<void> KernelInstruction::resize() {
  if (!live.empty()) TRY(update_live_arguments());
  const auto inferred = TRY(op->infer(ir::TypeArguments(types)));
  if (inferred.size() != results.size()) {
    return fail(ErrorCode::kInvalidProgram, "has {} results, expected {}", results.size(),
                inferred.size());
  }
  for (std::size_t i = 0; i < results.size(); ++i) {
    const Shape shape = TRY(ir::constant_shape(inferred[i]));
    if (results[i] == nullptr) {
      if (outputs[i].has_data() && outputs[i].shape() == shape) continue;
      outputs[i] = TRY(Tensor::empty(inferred[i].dtype, shape));
      continue;
    }
    if (inferred[i].dtype != results[i]->tensor.dtype()) {
      return fail(ErrorCode::kInvalidProgram, "its result is {}, the program has {}",
                  tessera::name_of(inferred[i].dtype),
                  tessera::name_of(results[i]->tensor.dtype()));
    }
    TRY(results[i]->resize(within(shape, *results[i], *op)));
    if (writes[i] != nullptr) TRY(writes[i]->resize());
  }
  for (const TensorSlot* slot : overwritten) {
    if (slot->tensor.shape() == results[0]->tensor.shape()) continue;
    return fail(ErrorCode::kInvalidProgram, "its result, {}, has the memory of an argument, {}",
                results[0]->tensor.type_string(), slot->tensor.type_string());
  }
  for (auto& copy : reads) TRY(copy->resize());
  return {};
}

void KernelInstruction::set_outputs() {
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (writes[i] != nullptr) {
      outputs[i] = writes[i]->tensor;
    } else if (results[i] != nullptr) {
      outputs[i].set_data(results[i]->tensor.bytes());
      outputs[i].set_shape(results[i]->tensor.shape());
    }
  }
}

Result<void> KernelInstruction::run(ir::KernelContext& context) {
  for (auto& copy : reads) {
    if (!copy->slot->is_constant) reorder(copy->slot->tensor, copy->tensor);
  }
  set_outputs();
  TRY(op->kernel(context, ir::KernelArguments(arguments), outputs));
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (results[i] == nullptr) continue;
    if (op->sizes_from_elements) TRY(results[i]->resize(outputs[i].shape()));
    if (writes[i] != nullptr) reorder(outputs[i], results[i]->tensor);
  }
  return {};
}

Result<void> ContiguousCopy::resize() {
  const Tensor& wanted = slot->tensor;
  if (slot->is_constant) return {};
  if (!tensor.has_data() || tensor.num_bytes() < wanted.num_bytes()) {
    tensor = TRY(Tensor::empty(wanted.dtype(), wanted.shape()));
  }
  tensor.set_shape(wanted.shape());
  return {};
}

}  // namespace tessera::runtime
