// SPDX-License-Identifier: MIT
#include <algorithm>

#include "base/try.h"
#include "runtime/instruction.h"

namespace tessera::runtime {
namespace {

/// Element type of memory that a delegate's external value reads or writes; nothing if Tessera's
/// tensors have none.
std::optional<DType> dtype_of_external(xnnpack::Datatype datatype) {
  using xnnpack::Datatype;
  switch (datatype) {
    case Datatype::kF32:
      return DType::kF32;
    case Datatype::kF16:
      return DType::kF16;
    case Datatype::kBF16:
      return DType::kBF16;
    case Datatype::kQInt8:
      return DType::kI8;
    case Datatype::kQUInt8:
      return DType::kU8;
    case Datatype::kQInt32:
    case Datatype::kInt32:
      return DType::kI32;
    default:
      return std::nullopt;
  }
}

/// External values with this flag in the order of the call's arguments.
std::vector<const xnnpack::ValueRecord*> externals(const xnnpack::Payload& payload,
                                                   std::uint32_t flag) {
  std::vector<const xnnpack::ValueRecord*> values;
  for (const xnnpack::ValueRecord& value : payload.values) {
    if ((value.flags & flag) != 0) values.push_back(&value);
  }
  std::ranges::sort(values, {}, &xnnpack::ValueRecord::external_id);
  return values;
}

/// The slots of the arguments, whose dtypes must be what the delegate reads or writes.
Result<std::vector<TensorSlot*>> find_slots(std::span<const std::int32_t> arguments,
                                            std::span<const xnnpack::ValueRecord* const> expected,
                                            const ValueTable& values) {
  std::vector<TensorSlot*> slots;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    TensorSlot* slot = values.tensor(arguments[i]);
    if (slot == nullptr) {
      return fail(ErrorCode::kInvalidProgram, "argument value {} is no tensor", arguments[i]);
    }
    if (dtype_of_external(expected[i]->datatype) != slot->tensor.dtype()) {
      return fail(ErrorCode::kInvalidProgram, "argument value {} is {}, the delegate's type is {}",
                  arguments[i], slot->tensor.type_string(),
                  static_cast<int>(expected[i]->datatype));
    }
    slots.push_back(slot);
  }
  return slots;
}

}  // namespace

Result<DelegateInstruction> resolve_delegate_call(const pte::DelegateCall& call,
                                                  xnnpack::Delegate& delegate,
                                                  const ValueTable& values) {
  using xnnpack::ValueRecord;
  const auto inputs = externals(delegate.payload(), ValueRecord::kExternalInput);
  const auto outputs = externals(delegate.payload(), ValueRecord::kExternalOutput);
  const std::span arguments(call.arguments);
  if (inputs.size() != delegate.num_inputs() || outputs.size() != delegate.num_outputs() ||
      arguments.size() != inputs.size() + outputs.size()) {
    return fail(ErrorCode::kInvalidProgram,
                "has {} arguments, the delegate has {} inputs and {} outputs", arguments.size(),
                delegate.num_inputs(), delegate.num_outputs());
  }
  DelegateInstruction instruction{.delegate = &delegate};
  instruction.arguments = TRY(find_slots(arguments.first(inputs.size()), inputs, values));
  instruction.results = TRY(find_slots(arguments.subspan(inputs.size()), outputs, values));
  instruction.argument_shapes.resize(inputs.size());
  for (TensorSlot* slot : instruction.arguments) instruction.inputs.push_back(&slot->tensor);
  for (TensorSlot* slot : instruction.results) {
    if (slot->is_constant) return fail(ErrorCode::kInvalidProgram, "a result is a constant");
    instruction.outputs.push_back(&slot->tensor);
  }
  return instruction;
}

Result<void> DelegateInstruction::resize() {
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    argument_shapes[i] = arguments[i]->tensor.shape();
  }
  const std::span<const Shape> shapes = TRY(delegate->reshape(argument_shapes));
  if (shapes.size() != results.size()) {
    return fail(ErrorCode::kInternal, "the delegate sized {} of {} results", shapes.size(),
                results.size());
  }
  for (std::size_t i = 0; i < results.size(); ++i) TRY(results[i]->resize(shapes[i]));
  return {};
}

Result<void> DelegateInstruction::run() { return delegate->run(inputs, outputs); }

}  // namespace tessera::runtime
