// SPDX-License-Identifier: MIT
#include <algorithm>
#include <utility>

#include "base/try.h"
#include "runtime/method_impl.h"

namespace tessera {
namespace {

/// As in ExecuTorch: more instructions in one run are taken for an endless loop.
constexpr std::size_t kMaxInstructionsPerRun = 10'000'000;

/// Sizes that stay for so many runs are taken to stay, and a workspace that is much too large for
/// them goes back. Tiles of an image often change between two sizes from one run to the next.
constexpr int kRunsBeforeShrinking = 4;

Result<void> check_index(std::string_view what, std::size_t index, std::size_t count) {
  if (index < count) return {};
  return fail(ErrorCode::kInvalidArgument, "no {} {}, the method has {}", what, index, count);
}

}  // namespace

using runtime::TensorSlot;

Method::Impl::~Impl() {
  const auto turn =
      shared_workspace != nullptr ? runtime::Turn::take(shared_workspace->impl()) : runtime::Turn();
  chains.clear();
  delegates.clear();
}

Method::Method(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Method::~Method() = default;

std::size_t Method::num_inputs() const { return impl_->inputs.size(); }
std::size_t Method::num_outputs() const { return impl_->outputs.size(); }

Result<void> Method::set_input(std::size_t index, const Tensor& tensor) {
  TRY(check_index("input", index, num_inputs()));
  TRY(impl_->rules.check(index, tensor));
  Impl::Input& input = impl_->inputs[index];
  TensorSlot& slot = *input.slot;
  if (!input.is_set || slot.tensor.shape() != tensor.shape()) impl_->sizes_changed = true;
  slot.external_data = nullptr;
  TRY(slot.resize(tensor.shape()));
  input.staged.reset();
  if (input.is_aliased && input.is_overwritten) {
    if (!input.copy.has_data() || input.copy.num_bytes() < tensor.num_bytes()) {
      input.copy = TRY(Tensor::empty(tensor.dtype(), tensor.shape()));
    }
    input.copy.set_shape(tensor.shape());
    input.copy.set_dim_order(slot.tensor.dim_order());
    reorder(tensor, input.copy);
    input.staged = input.copy;
  } else {
    reorder(tensor, slot.tensor);
  }
  input.is_set = true;
  return {};
}

Result<void> Method::bind_input(std::size_t index, const Tensor& tensor) {
  TRY(check_index("input", index, num_inputs()));
  TRY(impl_->rules.check(index, tensor));
  Impl::Input& input = impl_->inputs[index];
  TensorSlot& slot = *input.slot;
  if (!input.is_set || slot.tensor.shape() != tensor.shape()) impl_->sizes_changed = true;
  slot.external_data = nullptr;
  input.staged.reset();
  if (!input.is_aliased) {
    TRY(impl_->adopt_dim_order(slot, input.delegate_uses, tensor.dim_order()));
  }
  if (input.is_aliased || tensor.dim_order() != slot.tensor.dim_order()) {
    input.staged = tensor;
  } else {
    // Nothing writes to it: an input that an instruction writes is aliased.
    slot.external_data = const_cast<std::byte*>(tensor.bytes());
    slot.external_bytes = tensor.num_bytes();
  }
  TRY(slot.resize(tensor.shape()));
  input.is_set = true;
  return {};
}

Result<void> Method::bind_output(std::size_t index, void* data, std::size_t capacity_bytes,
                                 const DimOrder& dim_order) {
  TRY(check_index("output", index, num_outputs()));
  Impl::Output& output = impl_->outputs[index];
  auto* bytes = static_cast<std::byte*>(data);
  TensorSlot& slot = *output.slot;
  if (output.may_be_external) {
    TRY(impl_->adopt_dim_order(slot, output.delegate_uses, dim_order));
  }
  if (!output.may_be_external || dim_order != slot.tensor.dim_order()) {
    output.data = bytes;
    output.capacity_bytes = capacity_bytes;
    output.dim_order = dim_order;
    if (slot.external_data != nullptr) {  // of an earlier call
      slot.external_data = nullptr;
      TRY(slot.place());
    }
    return {};
  }
  output.data = nullptr;
  slot.external_data = bytes;
  slot.external_bytes = capacity_bytes;
  // Too small for the last run's sizes: the next execute says whether it is for its own.
  if (slot.tensor.num_bytes() > capacity_bytes || !slot.place()) impl_->sizes_changed = true;
  return {};
}

Result<void> Method::execute(std::stop_token stop) {
  for (std::size_t i = 0; i < num_inputs(); ++i) {
    if (!impl_->inputs[i].is_set) {
      return fail(ErrorCode::kInvalidState, "input {} has not been set", i);
    }
  }
  const auto turn = TRY(impl_->take_turn());
  for (runtime::TensorSlot* view : impl_->views) {  // of memory that may have gone since
    view->viewed = nullptr;
    view->tensor.set_data(view->external_data);
  }
  for (Impl::Input& input : impl_->inputs) {  // instructions may have given it other sizes
    if (input.staged) TRY(input.slot->resize(input.staged->shape()));
  }
  if (impl_->sizes_changed) TRY(impl_->resize_all());
  for (Impl::Input& input : impl_->inputs) {
    if (input.staged) reorder(*input.staged, input.slot->tensor);
  }
  impl_->has_run = false;  // what a run that fails leaves behind is no output
  TRY(impl_->run_chains(stop));
  for (std::size_t i = 0; i < num_outputs(); ++i) {
    if (impl_->outputs[i].slot->is_readable()) continue;
    return fail(ErrorCode::kInvalidProgram, "nothing has written output {}", i);
  }
  TRY(impl_->copy_bound_outputs());
  impl_->has_run = true;
  if (impl_->num_runs_until_shrink > 0 && --impl_->num_runs_until_shrink == 0) {
    impl_->workspace->shrink();
  }
  return {};
}

Result<Tensor> Method::output(std::size_t index) const {
  TRY(check_index("output", index, num_outputs()));
  if (!impl_->has_run) return fail(ErrorCode::kInvalidState, "the method has not been executed");
  const Impl::Output& output = impl_->outputs[index];
  const Tensor& tensor = output.slot->tensor;
  if (output.data != nullptr) return output.target();
  return Tensor::view(tensor.dtype(), tensor.shape(), output.slot->tensor.bytes())
      .with_dim_order(tensor.dim_order());
}

Tensor Method::Impl::Output::target() const {
  const Tensor& tensor = slot->tensor;
  return Tensor::view(tensor.dtype(), tensor.shape(), data).with_dim_order(dim_order);
}

MethodMemory Method::memory() const {
  MethodMemory memory;
  for (const runtime::Arena& arena : impl_->arenas) {
    memory.planned_bytes += arena.size();
    memory.committed_bytes += arena.committed_bytes();
  }
  memory.workspace_bytes = impl_->workspace->num_bytes();
  for (const auto& chain : impl_->chains) {
    for (const runtime::Step& step : chain) {
      const auto* call = std::get_if<runtime::DelegateInstruction>(&step.body);
      if (call == nullptr) continue;
      if (call->planar != nullptr) memory.workspace_bytes += call->planar->num_bytes();
      if (call->staged != nullptr) {
        const xnnpack::DelegateMemory staged = call->staged->memory();
        memory.packed_weight_bytes += staged.packed_weight_bytes;
        memory.mapped_weight_bytes += staged.mapped_weight_bytes;
      }
    }
  }
  for (const auto& delegate : impl_->delegates) {
    memory.packed_weight_bytes += delegate->memory().packed_weight_bytes;
    memory.mapped_weight_bytes += delegate->memory().mapped_weight_bytes;
  }
  return memory;
}

std::vector<ProfileRecord> Method::profile() const {
  if (impl_->profile == nullptr) return {};
  return impl_->profile->records(impl_->chains);
}

void Method::clear_profile() {
  if (impl_->profile != nullptr) impl_->profile->clear();
}

Result<runtime::Turn> Method::Impl::take_turn() {
  if (shared_workspace == nullptr) return runtime::Turn();
  if (auto turn = runtime::Turn::try_take(shared_workspace->impl())) return *std::move(turn);
  return fail(ErrorCode::kInvalidState,
              "another method that shares the workspace is running; give methods that run at once "
              "workspaces of their own");
}

Result<void> Method::Impl::adopt_dim_order(
    TensorSlot& slot, std::span<const runtime::MemorySharing::DelegateUse> uses,
    const DimOrder& order) {
  const DimOrder channels_last = DimOrder::channels_last(slot.tensor.rank());
  const DimOrder& current = slot.tensor.dim_order();
  const bool is_change = (order == channels_last && current.is_contiguous()) ||
                         (order.is_contiguous() && current == channels_last && slot.is_reordered);
  const bool has_planes =
      std::ranges::any_of(uses, [](const auto& use) { return use.call->planar != nullptr; });
  if (!is_change || uses.empty() || has_planes) return {};
  const bool is_channels_last = !order.is_contiguous();
  const auto turn = TRY(take_turn());  // the delegates' memory changes
  for (std::size_t i = 0; i < uses.size(); ++i) {
    const auto& [call, external_id] = uses[i];
    if (TRY(call->delegate->set_channels_last(external_id, is_channels_last))) continue;
    for (const auto& done : uses.first(i)) {
      static_cast<void>(
          TRY(done.call->delegate->set_channels_last(done.external_id, !is_channels_last)));
    }
    return {};
  }
  for (const auto& use : uses) TRY(use.call->make_engine());
  slot.tensor.set_dim_order(order);
  slot.is_reordered = is_channels_last;
  sizes_changed = true;
  return {};
}

Result<void> Method::Impl::resize_all() {
  std::vector<Shape> shapes;
  for (const Input& input : inputs) shapes.push_back(input.slot->tensor.shape());
  TRY(rules.check_together(shapes));
  if (!sizes_each_step) {
    for (auto& chain : chains) {
      for (runtime::Step& step : chain) TRY(step.resize());
    }
  }
  update_memory_in_use();
  num_runs_until_shrink = kRunsBeforeShrinking;
  sizes_changed = false;
  return {};
}

void Method::Impl::update_memory_in_use() {
  std::vector<std::vector<runtime::ByteRange>> ranges(arenas.size());
  for (const TensorSlot* slot : planned_tensors) {
    const auto& [arena, range] = *slot->plan;
    const bool is_whole = sizes_each_step || slot->is_state;
    if (!is_whole && slot->tensor.bytes() != slot->planned_data) continue;
    const std::size_t size = is_whole ? range.end - range.begin : slot->tensor.num_bytes();
    ranges[arena].push_back({range.begin, range.begin + size});
  }
  for (std::size_t i = 0; i < arenas.size(); ++i) arenas[i].use(ranges[i]);
}

Result<void> Method::Impl::run_chains(const std::stop_token& stop) {
  const auto run = [this](runtime::Step& step) { return step.run(context); };
  const auto run_observed = [&](runtime::Step& step) -> Result<void> {
    if (stop.stop_requested()) {
      return fail(kCancelled, "stopped before {}", step.name);
    }
    TRY(profile != nullptr ? profile->run(step, context) : step.run(context));
    if (observer) TRY(observer(step));
    return {};
  };
  // Two loops, so that nothing is asked for every instruction if nobody wants to stop or look on.
  const bool is_plain = profile == nullptr && !stop.stop_possible() && !observer;
  for (auto& chain : chains) {
    TRY(is_plain ? run_chain(chain, run) : run_chain(chain, run_observed));
  }
  return {};
}

template <class RunStep>
Result<void> Method::Impl::run_chain(std::vector<runtime::Step>& steps, const RunStep& run_step) {
  std::size_t num_run = 0;
  for (std::size_t next = 0; next < steps.size();) {
    runtime::Step& step = steps[next++];
    if (sizes_each_step) {
      if (++num_run > kMaxInstructionsPerRun) {
        return fail(ErrorCode::kInvalidProgram, "{}: more than {} instructions in one run",
                    step.name, kMaxInstructionsPerRun);
      }
      TRY(step.resize());
    }
    TRY(run_step(step));
    const auto* jump = std::get_if<runtime::JumpFalseInstruction>(&step.body);
    if (jump != nullptr && !jump->is_true()) next = jump->destination;
  }
  return {};
}

Result<void> Method::Impl::copy_bound_outputs() {
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const Output& output = outputs[i];
    if (output.data == nullptr) continue;
    const Tensor& tensor = output.slot->tensor;
    if (tensor.num_bytes() > output.capacity_bytes) {
      return fail(ErrorCode::kInvalidArgument,
                  "output {}: {} needs {} bytes, the memory bound to it has {}", i,
                  tensor.type_string(), tensor.num_bytes(), output.capacity_bytes);
    }
    Tensor target = output.target();
    reorder(tensor, target);
  }
  return {};
}

}  // namespace tessera
