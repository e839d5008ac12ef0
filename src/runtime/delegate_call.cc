// SPDX-License-Identifier: MIT
#include <algorithm>

#include "base/try.h"
#include "runtime/instruction.h"
#include "xnnpack/tensor_dtype.h"

namespace tessera::runtime {
namespace {

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
    if (xnnpack::tensor_dtype(expected[i]->datatype) != slot->tensor.dtype()) {
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
                                                  const ValueTable& values,
                                                  const DelegateSettings& settings) {
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
  instruction.settings = settings;
  TRY(instruction.make_engine());
  instruction.arguments = TRY(find_slots(arguments.first(inputs.size()), inputs, values));
  instruction.results = TRY(find_slots(arguments.subspan(inputs.size()), outputs, values));
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    TensorSlot* slot = instruction.arguments[i];
    instruction.inputs.push_back(&slot->tensor);
    instruction.is_scalar_argument.push_back(slot->bound.rank() == 0 &&
                                             inputs[i]->dims.size() == 1);
  }
  for (TensorSlot* slot : instruction.results) {
    if (slot->is_constant) return fail(ErrorCode::kInvalidProgram, "a result is a constant");
    instruction.outputs.push_back(&slot->tensor);
  }
  return instruction;
}

Result<void> DelegateInstruction::make_engine() {
  const xnnpack::Payload& payload = delegate->payload();
  const auto& [find_named_data, context, pool, band_bytes, options] = settings;
  bands.reset();
  result_shapes.clear();
  staged.reset();
  planar = TRY(PlanarEngine::create(payload, find_named_data, *context, options.profile));
  if (planar == nullptr && StagedEngine::is_for(payload)) {
    // What XNNPACK refuses in a part, it refuses below with the node's place in the whole.
    auto made =
        StagedEngine::create(payload, find_named_data, *context, pool, options, fast_kernels());
    if (made) staged = *std::move(made);
  }
  if (planar == nullptr && staged == nullptr) TRY(delegate->make_runtime());
  return {};
}

xnnpack::Engine& DelegateInstruction::engine() const {
  if (planar != nullptr) return *planar;
  if (staged != nullptr) return *staged;
  return *delegate;
}

/// Decides for these sizes between bands and the whole.
Result<void> DelegateInstruction::plan() {
  bands.reset();
  result_shapes.clear();
  if (settings.band_bytes > 0 && results.size() == 1) {
    xnnpack::ShapeInference shapes(delegate->payload());
    TRY(shapes.run(argument_shapes));
    if (auto band_plan = plan_bands(delegate->payload(), shapes, settings.band_bytes)) {
      bands = std::make_unique<BandRunner>(
          TRY(BandRunner::create(*std::move(band_plan), engine(), inputs, *outputs[0])));
      result_shapes = {shapes.shape(shapes.outputs()[0])};
      return {};
    }
  }
  const std::span<const Shape> shapes = TRY(engine().reshape(argument_shapes));
  result_shapes.assign(shapes.begin(), shapes.end());
  return {};
}

Result<void> DelegateInstruction::resize() {
  bool is_new = result_shapes.empty() || argument_shapes.size() != arguments.size();
  argument_shapes.resize(arguments.size());
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const Tensor& tensor = arguments[i]->tensor;
    const Shape shape =
        is_scalar_argument[i] ? Shape{1} : tensor.dim_order().physical(tensor.shape());
    is_new = is_new || shape != argument_shapes[i];
    argument_shapes[i] = shape;
  }
  if (is_new) {
    auto planned = plan();
    if (!planned) {
      result_shapes.clear();
      return planned;
    }
  } else {
    // Another call of the same delegate may have reshaped it; costs nothing if not.
    TRY(engine().reshape(bands ? bands->input_shapes() : argument_shapes));
  }
  if (result_shapes.size() != results.size()) {
    return fail(ErrorCode::kInternal, "the delegate sized {} of {} results", result_shapes.size(),
                results.size());
  }
  for (std::size_t i = 0; i < results.size(); ++i) {
    const bool is_scalar = results[i]->bound.rank() == 0 && result_shapes[i] == Shape{1};
    TRY(results[i]->resize(is_scalar ? Shape()
                                     : results[i]->tensor.dim_order().logical(result_shapes[i])));
  }
  return {};
}

Result<std::vector<xnnpack::OperatorTime>> DelegateInstruction::operator_times() const {
  if (bands) return bands->operator_times();
  return engine().operator_times();
}

Result<void> DelegateInstruction::run() {
  if (!bands) return engine().run(inputs, outputs);
  return bands->run(engine(), inputs, argument_shapes, *outputs[0], result_shapes[0]);
}

}  // namespace tessera::runtime
