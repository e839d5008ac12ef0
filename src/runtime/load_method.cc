// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstdint>
#include <unordered_set>
#include <vector>

#include "base/try.h"
#include "runtime/method_impl.h"

namespace tessera {

using runtime::TensorSlot;
using runtime::Turn;

Result<std::unique_ptr<Method::Impl>> Method::Impl::load(const Program::Impl& program,
                                                         const Program::Impl::MethodEntry& entry,
                                                         const MethodOptions& options) {
  auto impl = std::make_unique<Impl>();
  impl->data = program.data;
  if (options.num_threads != 1) impl->pool = std::make_unique<ThreadPool>(options.num_threads);
  if (impl->pool && impl->pool->num_threads() == 1) impl->pool.reset();
  impl->context = ir::KernelContext(impl->pool.get());
  impl->band_bytes = options.band_bytes * (impl->pool ? impl->pool->num_threads() : 1);

  if (options.profile) impl->profile = std::make_unique<runtime::Profile>();

  const pte::ExecutionPlan& plan = *entry.plan;
  impl->rules = TRY(runtime::InputRules::make(plan, entry.signature));
  TRY(runtime::output_infos(plan, entry.signature));
  TRY(impl->data->check_complete(plan));
  TRY(impl->load_arenas(plan));
  impl->values = TRY(runtime::ValueTable::build(program.program, plan, *impl->data, impl->arenas));
  TRY(impl->load_steps(plan, options));
  TRY(impl->load_inputs_and_outputs(plan));
  (void)impl->size_ahead();  // what goes wrong here goes wrong, and is reported, in execute
  return impl;
}

Result<void> Method::Impl::size_ahead() {
  const auto is_fixed = [](const TensorInfo& info) { return !info.is_dynamic; };
  if (sizes_each_step || !std::ranges::all_of(rules.infos(), is_fixed)) return {};
  const auto turn = shared_workspace != nullptr ? Turn::take(shared_workspace->impl()) : Turn();
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    TRY(inputs[i].slot->resize(rules.infos()[i].max_sizes));
  }
  return resize_all();
}

Result<void> Method::Impl::load_arenas(const pte::ExecutionPlan& plan) {
  for (std::size_t id = 1; id < plan.buffer_sizes.size(); ++id) {
    const std::int64_t size = plan.buffer_sizes[id];
    if (size < 0)
      return fail(ErrorCode::kInvalidProgram, "planned memory {} is {} bytes", id, size);
    arenas.push_back(TRY(runtime::Arena::reserve(static_cast<std::size_t>(size))));
  }
  return {};
}

xnnpack::FindNamedData Method::Impl::find_named_data() const {
  // Delegates may look up bytes at any time, also when the Program is gone.
  return [data = data](std::string_view key) -> Result<std::span<const std::byte>> {
    if (const auto* entry = data->find(key)) return entry->bytes;
    return fail(ErrorCode::kNotFound, "no named data '{}'", key);
  };
}

Result<void> Method::Impl::load_steps(const pte::ExecutionPlan& plan,
                                      const MethodOptions& method_options) {
  shared_workspace = method_options.workspace;
  workspace = shared_workspace != nullptr ? shared_workspace->impl().memory
                                          : std::make_shared<xnnpack::Workspace>();
  const auto turn = shared_workspace != nullptr ? Turn::take(shared_workspace->impl()) : Turn();
  const xnnpack::DelegateOptions options{
      .profile = profile != nullptr,
      .give_back =
          [data = data](const std::vector<std::span<const std::byte>>& constants) {
            data->give_back(constants);
          },
      .packed_file = method_options.packed_weights_file.empty()
                         ? nullptr
                         : xnnpack::PackedFile::open(method_options.packed_weights_file),
      .workspace = workspace,
      .makes_runtime =
          [](const xnnpack::Payload& payload) { return !runtime::StagedEngine::is_for(payload); }};
  TRY(load_delegates(plan, options));
  TRY(load_instructions(plan, {.find_named_data = find_named_data(),
                               .context = &context,
                               .pool = pool.get(),
                               .band_bytes = band_bytes,
                               .options = options}));
  // Without the file the next load is slower, nothing else.
  if (options.packed_file != nullptr) (void)options.packed_file->save();
  return {};
}

Result<void> Method::Impl::load_delegates(const pte::ExecutionPlan& plan,
                                          const xnnpack::DelegateOptions& options) {
  for (std::size_t i = 0; i < plan.delegates.size(); ++i) {
    const pte::BackendDelegate& delegate = plan.delegates[i];
    if (delegate.id != xnnpack::kBackendId) {
      return fail(ErrorCode::kNotSupported, "delegate {} is for {}, Tessera has {}", i, delegate.id,
                  xnnpack::kBackendId);
    }
    auto created = xnnpack::Delegate::create(delegate.blob, find_named_data(), pool.get(), options);
    if (!created) return with_context(std::move(created).error(), std::format("delegate {}", i));
    delegates.push_back(*std::move(created));
  }
  return {};
}

Result<void> Method::Impl::load_instructions(const pte::ExecutionPlan& plan,
                                             const runtime::DelegateSettings& settings) {
  const auto operators = TRY(runtime::find_operators(plan));
  std::vector<int> num_calls(delegates.size());
  for (std::size_t chain = 0; chain < plan.chains.size(); ++chain) {
    chains.push_back(
        TRY(runtime::resolve_chain(plan, chain, operators, delegates, values, settings)));
    for (const pte::Instruction& instruction : plan.chains[chain]) {
      if (std::holds_alternative<pte::JumpFalseCall>(instruction)) sizes_each_step = true;
      if (const auto* call = std::get_if<pte::KernelCall>(&instruction)) {
        const auto& [op, prim] = operators[static_cast<std::size_t>(call->operator_index)];
        if (op != nullptr && op->sizes_from_elements) sizes_each_step = true;
        if (prim != nullptr && (prim->kind == runtime::PrimKind::kElement ||
                                prim->kind == runtime::PrimKind::kCopyIndex)) {
          sizes_each_step = true;
        }
      }
      if (const auto* call = std::get_if<pte::DelegateCall>(&instruction)) {
        if (++num_calls[static_cast<std::size_t>(call->delegate_index)] > 1) sizes_each_step = true;
      }
    }
  }
  return {};
}

/// Whether a tensor of dynamic sizes is written after the method has used it: then it may have two
/// sizes in one run.
bool Method::Impl::writes_after_use(std::span<TensorSlot* const> input_slots) const {
  std::unordered_set<const TensorSlot*> used(input_slots.begin(), input_slots.end());
  for (const auto& chain : chains) {
    for (const runtime::Step& step : chain) {
      for (const TensorSlot* slot : arguments_of(step)) used.insert(slot);
      for (const TensorSlot* slot : results_of(step)) {
        if (!used.insert(slot).second && slot->is_dynamic) return true;
      }
    }
  }
  return false;
}

/// A view that something else writes, too, has memory of its own, to which what it views is copied.
void Method::Impl::give_memory_to_written_views(std::span<TensorSlot* const> input_slots) {
  for (TensorSlot* slot : input_slots) slot->is_view = false;
  for (const auto& chain : chains) {
    for (const runtime::Step& step : chain) {
      const auto* prim = std::get_if<runtime::PrimInstruction>(&step.body);
      if (prim != nullptr && prim->op->kind == runtime::PrimKind::kView) continue;
      for (TensorSlot* slot : results_of(step)) slot->is_view = false;
    }
  }
}

Result<void> Method::Impl::load_inputs_and_outputs(const pte::ExecutionPlan& plan) {
  std::vector<TensorSlot*> input_slots, output_slots;
  for (const std::int32_t value : plan.inputs) {
    input_slots.push_back(values.tensor(value));
    if (input_slots.back()->is_constant) {
      return fail(ErrorCode::kInvalidProgram, "input value {} is a constant", value);
    }
    if (std::ranges::count(plan.inputs, value) > 1) {
      return fail(ErrorCode::kInvalidProgram, "value {} is two inputs", value);
    }
  }
  for (const std::int32_t value : plan.outputs) output_slots.push_back(values.tensor(value));

  if (writes_after_use(input_slots)) sizes_each_step = true;
  give_memory_to_written_views(input_slots);
  for (std::size_t i = 0; i < values.size(); ++i) {
    TensorSlot* slot = values.tensor(static_cast<std::int32_t>(i));
    if (slot != nullptr && slot->is_view) views.push_back(slot);
  }

  const runtime::MemorySharing sharing(values, chains, input_slots, output_slots);
  for (TensorSlot* slot : output_slots) {
    outputs.push_back({.slot = slot,
                       .may_be_external = sharing.may_output_be_external(*slot),
                       .delegate_uses = sharing.delegate_uses(*slot)});
  }
  planned_tensors = sharing.planned_tensors();
  for (TensorSlot* slot : input_slots) {
    inputs.push_back({.slot = slot,
                      .is_aliased = sharing.is_input_aliased(*slot),
                      .is_overwritten = sharing.is_input_overwritten(*slot),
                      .delegate_uses = sharing.delegate_uses(*slot)});
    // The input lasts until another is set, so it cannot be where the program writes.
    if (inputs.back().is_overwritten && !inputs.back().is_aliased) slot->planned_data = nullptr;
  }
  return {};
}

}  // namespace tessera
