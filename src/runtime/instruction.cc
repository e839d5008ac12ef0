// SPDX-License-Identifier: MIT
#include "runtime/instruction.h"

#include <algorithm>

#include "base/check.h"
#include "base/try.h"
#include "ops/registry.h"

namespace tessera::runtime {
namespace {

template <class... Cases>
struct Match : Cases... {
  using Cases::operator()...;
};

std::string name_of_operator(const pte::ExecutionPlan& plan, const pte::Instruction& instruction) {
  return std::visit(Match{[&](const pte::KernelCall& call) {
                            return plan.operators[static_cast<std::size_t>(call.operator_index)];
                          },
                          [&](const pte::DelegateCall& call) {
                            const auto& id =
                                plan.delegates[static_cast<std::size_t>(call.delegate_index)].id;
                            return std::format("delegate {} of {}", call.delegate_index, id);
                          },
                          [](const pte::MoveCall&) { return std::string("move"); },
                          [](const pte::JumpFalseCall&) { return std::string("jump"); },
                          [](const pte::FreeCall&) { return std::string("free"); }},
                    instruction);
}

Result<decltype(Step::body)> resolve_move(const pte::ExecutionPlan& plan, const pte::MoveCall& call,
                                          ValueTable& values) {
  const auto is_number = [&](std::int32_t value) {
    return !std::holds_alternative<std::monostate>(values.scalars().at(value));
  };
  if (is_number(call.from) && is_number(call.to)) {
    return MoveNumberInstruction{&values, call.from, call.to};
  }
  const MoveInstruction move{values.tensor(call.from), values.tensor(call.to)};
  if (move.from == nullptr || move.to == nullptr) {
    return fail(ErrorCode::kNotSupported, "moves {} to {}, expected two tensors or two numbers",
                kind_of(plan.values[static_cast<std::size_t>(call.from)]),
                kind_of(plan.values[static_cast<std::size_t>(call.to)]));
  }
  if (move.from->tensor.dtype() != move.to->tensor.dtype()) {
    return fail(ErrorCode::kInvalidProgram, "moves {} to {}", move.from->tensor.type_string(),
                move.to->tensor.type_string());
  }
  if (move.to->is_constant) {
    return fail(ErrorCode::kInvalidProgram, "moves to value {}, a constant", call.to);
  }
  return move;
}

JumpFalseInstruction resolve_jump(const pte::JumpFalseCall& call, const ValueTable& values) {
  JumpFalseInstruction jump{.values = &values,
                            .number = call.condition,
                            .destination = static_cast<std::size_t>(call.destination)};
  const bool is_number =
      !std::holds_alternative<std::monostate>(values.scalars().at(call.condition));
  if (!is_number) jump.condition = values.tensor(call.condition);
  CHECK(is_number || jump.condition->tensor.dtype() == DType::kBool,
        "readers let pass a Bool or a tensor of bool");
  return jump;
}

}  // namespace

bool JumpFalseInstruction::is_true() const {
  if (condition == nullptr) {
    const auto* value = std::get_if<bool>(&values->scalars().at(number));
    return value == nullptr || *value;
  }
  const std::span bytes(condition->tensor.bytes(), condition->tensor.num_bytes());
  return std::ranges::none_of(bytes, [](std::byte b) { return b == std::byte{0}; });
}

Result<void> Step::resize() {
  auto result = std::visit(Match{[](JumpFalseInstruction&) { return Result<void>(); },
                                 [](FreeInstruction&) { return Result<void>(); },
                                 [](auto& instruction) { return instruction.resize(); }},
                           body);
  if (!result) return with_context(std::move(result).error(), name);
  return {};
}

Result<void> Step::run(ir::KernelContext& context) {
  for (const TensorSlot* slot : unplanned) {
    if (slot->is_readable()) continue;
    return fail(ErrorCode::kInvalidProgram, "{}: reads {} that nothing has written", name,
                slot->tensor.type_string());
  }
  Result<void> result;
  if (auto* kernel = std::get_if<KernelInstruction>(&body)) {
    result = kernel->run(context);
  } else if (auto* call = std::get_if<DelegateInstruction>(&body)) {
    result = call->run();
  } else if (auto* prim = std::get_if<PrimInstruction>(&body)) {
    result = prim->run();
  } else if (auto* move = std::get_if<MoveInstruction>(&body)) {
    move->run();
  }
  if (!result) return with_context(std::move(result).error(), name);
  return {};
}

Result<std::vector<ResolvedOperator>> find_operators(const pte::ExecutionPlan& plan) {
  std::vector<ResolvedOperator> operators;
  std::string missing;
  for (const std::string& name : plan.operators) {
    operators.push_back({ops::find_out_variant(name), find_prim_operator(name)});
    const auto& [op, prim] = operators.back();
    if (prim != nullptr || (op != nullptr && op->kernel != nullptr)) continue;
    missing += std::format("{}{}", missing.empty() ? "" : ", ", name);
  }
  if (!missing.empty()) {
    return fail(ErrorCode::kOperatorMissing, "Tessera has no kernel for {}", missing);
  }
  return operators;
}

Result<std::vector<Step>> resolve_chain(const pte::ExecutionPlan& plan, std::size_t chain,
                                        std::span<const ResolvedOperator> operators,
                                        const Delegates& delegates, ValueTable& values,
                                        const DelegateSettings& settings) {
  const std::vector<pte::Instruction>& instructions = plan.chains[chain];
  std::vector<Step> steps;
  steps.reserve(instructions.size());
  for (const pte::Instruction& instruction : instructions) {
    Step step{.operator_name = name_of_operator(plan, instruction)};
    step.name = std::format("instruction {} ({})", steps.size(), step.operator_name);
    const auto resolve = [&]() -> Result<void> {
      if (const auto* call = std::get_if<pte::KernelCall>(&instruction)) {
        const auto& [op, prim] = operators[static_cast<std::size_t>(call->operator_index)];
        if (prim != nullptr) {
          step.body = TRY(resolve_prim_call(plan, *call, *prim, values));
        } else {
          step.body = TRY(resolve_kernel_call(plan, *call, *op, values));
        }
      } else if (const auto* call = std::get_if<pte::DelegateCall>(&instruction)) {
        auto& delegate = *delegates[static_cast<std::size_t>(call->delegate_index)];
        step.body = TRY(resolve_delegate_call(*call, delegate, values, settings));
      } else if (const auto* call = std::get_if<pte::MoveCall>(&instruction)) {
        step.body = TRY(resolve_move(plan, *call, values));
      } else if (const auto* call = std::get_if<pte::JumpFalseCall>(&instruction)) {
        step.body = resolve_jump(*call, values);
      } else {
        step.body = FreeInstruction{};
      }
      return {};
    };
    auto resolved = resolve();
    if (!resolved) return with_context(std::move(resolved).error(), step.name);
    for (const TensorSlot* slot : arguments_of(step)) {
      if (!slot->plan && !slot->is_constant) step.unplanned.push_back(slot);
    }
    steps.push_back(std::move(step));
  }
  return steps;
}

std::vector<TensorSlot*> results_of(const Step& step) {
  if (const auto* kernel = std::get_if<KernelInstruction>(&step.body)) {
    std::vector<TensorSlot*> slots = kernel->results;
    std::erase(slots, nullptr);
    return slots;
  }
  if (const auto* call = std::get_if<DelegateInstruction>(&step.body)) return call->results;
  if (const auto* prim = std::get_if<PrimInstruction>(&step.body)) {
    return prim->to == nullptr ? std::vector<TensorSlot*>() : std::vector{prim->to};
  }
  if (const auto* move = std::get_if<MoveInstruction>(&step.body)) return {move->to};
  return {};
}

std::vector<TensorSlot*> arguments_of(const Step& step) {
  if (const auto* kernel = std::get_if<KernelInstruction>(&step.body)) return kernel->reads_from;
  if (const auto* call = std::get_if<DelegateInstruction>(&step.body)) return call->arguments;
  TensorSlot* slot = nullptr;
  if (const auto* prim = std::get_if<PrimInstruction>(&step.body)) slot = prim->from;
  if (const auto* move = std::get_if<MoveInstruction>(&step.body)) slot = move->from;
  if (const auto* jump = std::get_if<JumpFalseInstruction>(&step.body)) slot = jump->condition;
  return slot == nullptr ? std::vector<TensorSlot*>() : std::vector{slot};
}

}  // namespace tessera::runtime
