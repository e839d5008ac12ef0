// SPDX-License-Identifier: MIT
#include "runtime/memory_sharing.h"

#include <algorithm>

namespace tessera::runtime {
namespace {

/// Results of the call that nodes inside the delegate read too: XNNPACK reads behind their end.
std::vector<const TensorSlot*> results_read_inside(const DelegateInstruction& call) {
  std::vector<const TensorSlot*> slots;
  const xnnpack::Payload& payload = call.delegate->payload();
  std::vector<const xnnpack::ValueRecord*> outputs;
  for (const xnnpack::ValueRecord& value : payload.values) {
    if ((value.flags & xnnpack::ValueRecord::kExternalOutput) != 0) outputs.push_back(&value);
  }
  std::ranges::sort(outputs, {}, &xnnpack::ValueRecord::external_id);
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const bool is_read = std::ranges::any_of(payload.nodes, [&](const auto& node) {
      return std::ranges::contains(node.inputs, outputs[i]->id);
    });
    if (is_read) slots.push_back(call.results[i]);
  }
  return slots;
}

/// Whether a step that is no delegate call reads or writes the tensor.
bool uses_slot(const Step& step, const TensorSlot& slot) {
  return std::ranges::contains(results_of(step), &slot) ||
         std::ranges::contains(arguments_of(step), &slot);
}

}  // namespace

MemorySharing::MemorySharing(const ValueTable& values, std::span<std::vector<Step>> chains,
                             std::span<TensorSlot* const> inputs,
                             std::span<TensorSlot* const> outputs)
    : chains_(chains),
      inputs_(inputs.begin(), inputs.end()),
      outputs_(outputs.begin(), outputs.end()) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    const TensorSlot* slot = values.tensor(static_cast<std::int32_t>(i));
    if (slot != nullptr && slot->plan) planned_.push_back(slot);
  }
  for (const std::vector<Step>& chain : chains) {
    for (const Step& step : chain) {
      for (const TensorSlot* slot : results_of(step)) written_.insert(slot);
      if (const auto* call = std::get_if<DelegateInstruction>(&step.body)) {
        for (const TensorSlot* slot : call->arguments) needs_padding_.insert(slot);
        for (const TensorSlot* slot : results_read_inside(*call)) needs_padding_.insert(slot);
      }
    }
  }
}

bool MemorySharing::has_alias(const TensorSlot& slot) const {
  return std::ranges::any_of(planned_, [&](const TensorSlot* other) {
    return other != &slot && !is_written(*other) && !inputs_.contains(other) &&
           share_memory(*other, slot);
  });
}

bool MemorySharing::is_input_aliased(const TensorSlot& input) const {
  return input.is_state || is_written(input) || has_alias(input);
}

bool MemorySharing::is_input_overwritten(const TensorSlot& input) const {
  return is_written(input) || std::ranges::any_of(planned_, [&](const TensorSlot* other) {
           return is_written(*other) && share_memory(*other, input);
         });
}

bool MemorySharing::may_output_be_external(const TensorSlot& output) const {
  return is_written(output) && !output.is_state && !inputs_.contains(&output) &&
         outputs_.count(&output) == 1 && !needs_padding_.contains(&output) && !has_alias(output);
}

std::vector<MemorySharing::DelegateUse> MemorySharing::delegate_uses(const TensorSlot& slot) const {
  if (slot.is_state || has_alias(slot) || outputs_.count(&slot) + inputs_.count(&slot) != 1)
    return {};
  std::vector<DelegateUse> uses;
  for (std::vector<Step>& chain : chains_) {
    for (Step& step : chain) {
      if (auto* call = std::get_if<DelegateInstruction>(&step.body)) {
        std::uint32_t external_id = 0;
        for (const auto* slots : {&call->arguments, &call->results}) {
          for (const TensorSlot* used : *slots) {
            if (used == &slot) uses.push_back({call, external_id});
            ++external_id;
          }
        }
      } else if (uses_slot(step, slot)) {
        return {};
      }
    }
  }
  return uses;
}

std::vector<const TensorSlot*> MemorySharing::planned_tensors() const {
  std::vector<const TensorSlot*> tensors;
  for (const TensorSlot* slot : planned_) {
    if (slot->is_state || is_written(*slot) || inputs_.contains(slot)) tensors.push_back(slot);
  }
  return tensors;
}

}  // namespace tessera::runtime
