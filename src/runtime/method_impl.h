// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "ir/kernel_context.h"
#include "runtime/arena.h"
#include "runtime/input_rules.h"
#include "runtime/instruction.h"
#include "runtime/memory_sharing.h"
#include "runtime/profile.h"
#include "runtime/program_impl.h"
#include "runtime/values.h"
#include "runtime/workspace_turn.h"

namespace tessera {

struct Method::Impl {
  struct Input {
    runtime::TensorSlot* slot = nullptr;
    bool is_set = false;
    bool is_aliased = false;  ///< must be in planned memory; see MemorySharing
    bool is_overwritten = false;
    std::vector<runtime::MemorySharing::DelegateUse> delegate_uses;
    std::optional<Tensor> staged;  ///< copied to planned memory before every run
    Tensor copy;                   ///< what `staged` views if set_input was called
  };
  struct Output {
    runtime::TensorSlot* slot = nullptr;
    bool may_be_external = false;
    std::vector<runtime::MemorySharing::DelegateUse> delegate_uses;
    std::byte* data = nullptr;  ///< the caller's memory, to which the output is copied after a run
    std::size_t capacity_bytes = 0;
    DimOrder dim_order;  ///< of the caller's memory

    /// The caller's memory as a tensor of the output's current sizes.
    Tensor target() const;
  };

  std::shared_ptr<const runtime::DataMap> data;  ///< constants and delegates view its files
  std::unique_ptr<ThreadPool> pool;              ///< null with one thread
  ir::KernelContext context;
  std::size_t band_bytes = 0;  ///< of all threads
  std::vector<runtime::Arena> arenas;
  runtime::ValueTable values;
  std::shared_ptr<Workspace> shared_workspace;    ///< null: `workspace` is the method's own
  std::shared_ptr<xnnpack::Workspace> workspace;  ///< of all delegates
  runtime::Delegates delegates;
  std::vector<std::vector<runtime::Step>> chains;
  runtime::InputRules rules;
  std::vector<Input> inputs;
  std::vector<Output> outputs;
  std::vector<const runtime::TensorSlot*> planned_tensors;
  std::vector<runtime::TensorSlot*> views;
  std::unique_ptr<runtime::Profile> profile;  ///< null: not asked for
  /// Sizes may differ each time an instruction runs (jumps, a delegate that is called twice, a
  /// tensor that is written twice), so each is sized right before it runs; else all are sized once
  /// when an input's size has changed.
  bool sizes_each_step = false;
  bool sizes_changed = true;
  /// Called after every step that has run, with its results where it wrote them. May be empty.
  std::function<Result<void>(const runtime::Step&)> observer;
  bool has_run = false;
  int num_runs_until_shrink = 0;  ///< 0: the workspace stays as it is until sizes change

  Impl() = default;
  ~Impl();
  static Result<std::unique_ptr<Impl>> load(const Program::Impl& program,
                                            const Program::Impl::MethodEntry& entry,
                                            const MethodOptions& options);

  Result<void> load_arenas(const pte::ExecutionPlan& plan);
  /// Delegates and instructions.
  Result<void> load_steps(const pte::ExecutionPlan& plan, const MethodOptions& options);
  Result<void> load_delegates(const pte::ExecutionPlan& plan,
                              const xnnpack::DelegateOptions& options);
  Result<void> load_instructions(const pte::ExecutionPlan& plan,
                                 const runtime::DelegateSettings& settings);
  xnnpack::FindNamedData find_named_data() const;
  Result<void> load_inputs_and_outputs(const pte::ExecutionPlan& plan);
  void give_memory_to_written_views(std::span<runtime::TensorSlot* const> input_slots);
  /// Sizes everything already when the method is loaded if no input's size can change.
  Result<void> size_ahead();
  bool writes_after_use(std::span<runtime::TensorSlot* const> input_slots) const;

  /// Lets a tensor that only delegates touch have this dim order, if they can do with it.
  Result<void> adopt_dim_order(runtime::TensorSlot& slot,
                               std::span<const runtime::MemorySharing::DelegateUse> uses,
                               const DimOrder& order);
  Result<void> resize_all();
  void update_memory_in_use();
  /// The right to use the workspace, if others share it.
  Result<runtime::Turn> take_turn();
  Result<void> run_chains(const std::stop_token& stop);
  /// `run_step(step)` runs one step.
  template <class RunStep>
  Result<void> run_chain(std::vector<runtime::Step>& steps, const RunStep& run_step);
  Result<void> copy_bound_outputs();
};

}  // namespace tessera
