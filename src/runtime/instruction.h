// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "formats/pte.h"
#include "ir/kernel_context.h"
#include "ir/operator.h"
#include "ir/schema.h"
#include "runtime/band_runner.h"
#include "runtime/planar_engine.h"
#include "runtime/prim_operators.h"
#include "runtime/staged_engine.h"
#include "runtime/values.h"
#include "tensor/reorder.h"
#include "xnnpack/delegate.h"

namespace tessera::runtime {

/// An argument that some instruction writes, or a list of integers with such items.
struct LiveArgument {
  std::size_t position = 0;
  const ir::SchemaArgument* expected = nullptr;
  std::vector<std::int32_t> items;  ///< values; one if it is no list
  bool is_list = false;
};

/// A tensor in another dim order as kernels see it: contiguous.
struct ContiguousCopy {
  TensorSlot* slot = nullptr;
  Tensor tensor;

  /// Sizes, and memory for them.
  Result<void> resize();
};

/// A kernel with its arguments resolved and checked: running it needs no look-up and no allocation.
struct KernelInstruction {
  const ir::Operator* op = nullptr;
  std::vector<ir::BasicArgument<Tensor>> arguments;  ///< point into the value table
  std::vector<ir::BasicArgument<const ir::TensorType>> types;
  std::vector<TensorSlot*> reads_from;         ///< the tensors among the arguments
  std::vector<TensorSlot*> results;            ///< null: the file has no room for this result
  std::vector<const TensorSlot*> overwritten;  ///< arguments whose memory is the result's
  std::vector<Tensor> outputs;  ///< what the kernel writes; memory of its own where no room is
  std::vector<LiveArgument> live;
  std::vector<std::unique_ptr<ContiguousCopy>> reads;   ///< filled before the kernel runs
  std::vector<std::unique_ptr<ContiguousCopy>> writes;  ///< by result; null: the slot itself
  const ValueTable* values = nullptr;

  /// Sizes of the results from those of the arguments.
  Result<void> resize();
  Result<void> run(ir::KernelContext& context);

 private:
  Result<void> update_live_arguments();
  void set_outputs();
};

/// A primitive operator: numbers are computed when sizes are, unless they come from elements.
struct PrimInstruction {
  const PrimOperator* op = nullptr;
  ValueTable* values = nullptr;
  std::vector<std::int32_t> numbers;  ///< values that it reads; for a view the new sizes
  TensorSlot* from = nullptr;         ///< tensor that it reads
  TensorSlot* to = nullptr;           ///< tensor that it makes (view) or changes (copy of an index)
  std::int32_t result = -1;           ///< number that it writes

  Result<void> resize();
  Result<void> run();

 private:
  Result<void> compute();
  Result<void> resize_view();
  Result<void> resize_for_index();
};

/// What a method's delegate calls need besides the program.
struct DelegateSettings {
  xnnpack::FindNamedData find_named_data;
  ir::KernelContext* context = nullptr;
  ThreadPool* pool = nullptr;  ///< null with one thread
  std::size_t band_bytes = 0;  ///< MethodOptions::band_bytes of all threads
  xnnpack::DelegateOptions options;
};

struct DelegateInstruction {
  xnnpack::Delegate* delegate = nullptr;
  /// One of them, if not null, runs it instead.
  std::unique_ptr<PlanarEngine> planar;
  std::unique_ptr<StagedEngine> staged;
  std::vector<TensorSlot*> arguments, results;
  std::vector<const Tensor*> inputs;
  std::vector<Tensor*> outputs;
  DelegateSettings settings;
  std::vector<Shape> argument_shapes, result_shapes;  ///< in memory order
  std::vector<bool> is_scalar_argument;               ///< rank 0, which delegates call [1]
  std::unique_ptr<BandRunner> bands;                  ///< null: runs whole

  Result<void> resize();
  Result<void> run();
  /// Chooses what runs the delegate, and makes it.
  Result<void> make_engine();
  /// Of the last run; only if the delegate keeps a profile.
  Result<std::vector<xnnpack::OperatorTime>> operator_times() const;

 private:
  /// What runs the nodes.
  xnnpack::Engine& engine() const;
  Result<void> plan();
};

/// Copies a number.
struct MoveNumberInstruction {
  ValueTable* values = nullptr;
  std::int32_t from = 0, to = 0;

  Result<void> resize() {
    values->set_scalar(to, values->scalars().at(from));
    return {};
  }
};

/// Copies a tensor. (ExecuTorch lets `to` share the memory of `from`, which may be too small for
/// what is written to `to` later.)
struct MoveInstruction {
  TensorSlot* from = nullptr;
  TensorSlot* to = nullptr;

  Result<void> resize() { return to->resize(from->tensor.shape()); }
  void run() { reorder(from->tensor, to->tensor); }
};

struct JumpFalseInstruction {
  TensorSlot* condition = nullptr;  ///< false if one element is false; null: see `number`
  const ValueTable* values = nullptr;
  std::int32_t number = 0;  ///< a Bool
  std::size_t destination = 0;

  bool is_true() const;
};

/// FreeCall: planned memory is given back by ranges, not by value.
struct FreeInstruction {};

struct Step {
  std::string name;           ///< "instruction 3 (aten::add.out)", for messages
  std::string operator_name;  ///< "aten::add.out", "delegate 0 of XnnpackBackend", "move"
  std::variant<KernelInstruction, PrimInstruction, DelegateInstruction, MoveInstruction,
               MoveNumberInstruction, JumpFalseInstruction, FreeInstruction>
      body;
  /// Those of the tensors that it reads which may have no memory when the step runs.
  std::vector<const TensorSlot*> unplanned;

  /// Sizes of what the step writes from the sizes of what it reads; memory for them.
  Result<void> resize();
  /// Runs the step; a jump only says where to go on.
  Result<void> run(ir::KernelContext& context);
};

using Delegates = std::vector<std::unique_ptr<xnnpack::Delegate>>;

/// One of a method's operators.
struct ResolvedOperator {
  const ir::Operator* op = nullptr;
  const PrimOperator* prim = nullptr;  ///< one of the two is null
};

/// The operators of a method by index. All that are missing are named in one error.
Result<std::vector<ResolvedOperator>> find_operators(const pte::ExecutionPlan& plan);

/// Resolves and checks every instruction of a chain.
Result<std::vector<Step>> resolve_chain(const pte::ExecutionPlan& plan, std::size_t chain,
                                        std::span<const ResolvedOperator> operators,
                                        const Delegates& delegates, ValueTable& values,
                                        const DelegateSettings& settings);

/// The parts of it that have files of their own.
Result<KernelInstruction> resolve_kernel_call(const pte::ExecutionPlan& plan,
                                              const pte::KernelCall& call, const ir::Operator& op,
                                              const ValueTable& values);
Result<PrimInstruction> resolve_prim_call(const pte::ExecutionPlan& plan,
                                          const pte::KernelCall& call, const PrimOperator& op,
                                          ValueTable& values);
Result<DelegateInstruction> resolve_delegate_call(const pte::DelegateCall& call,
                                                  xnnpack::Delegate& delegate,
                                                  const ValueTable& values,
                                                  const DelegateSettings& settings);

/// The slots that a step writes, and those that it reads.
std::vector<TensorSlot*> results_of(const Step& step);
std::vector<TensorSlot*> arguments_of(const Step& step);

}  // namespace tessera::runtime
