// SPDX-License-Identifier: MIT
#include <set>

#include "formats/pte_records.h"
#include "formats/tensor_layout.h"

namespace tessera::pte {
namespace {

template <class... Args>
std::unexpected<Error> invalid(std::format_string<Args...> format, Args&&... args) {
  return fail(ErrorCode::kInvalidProgram, format, std::forward<Args>(args)...);
}

Result<void> check_index(std::int64_t index, std::size_t count, std::string_view what) {
  if (index >= 0 && std::cmp_less(index, count)) return {};
  return invalid("{} is {}, expected 0 or more and below {}", what, index, count);
}

Result<void> check_allocation(const TensorValue& tensor, const ExecutionPlan& plan) {
  const auto [arena, offset] = *tensor.allocation;
  if (arena == 0 || arena >= plan.buffer_sizes.size()) {
    return invalid("the allocation is in arena {}, expected 1 or more and below {}", arena,
                   plan.buffer_sizes.size());
  }
  const auto arena_size = static_cast<std::uint64_t>(plan.buffer_sizes[arena]);
  if (offset > arena_size || tensor.num_bytes() > arena_size - offset) {
    return invalid("the allocation has {} bytes at {}, arena {} has {}", tensor.num_bytes(), offset,
                   arena, arena_size);
  }
  if (offset % size_of(tensor.dtype) != 0) {
    return invalid("the allocation starts at {}, expected a multiple of {}", offset,
                   size_of(tensor.dtype));
  }
  return {};
}

Result<void> check_data(const TensorValue& tensor, const Program& program) {
  const bool is_constant = !tensor.allocation;
  const auto& buffers = is_constant ? program.constants : program.mutable_initial_data;
  const std::string_view what = is_constant ? "constant" : "initial data";
  if (tensor.data_buffer_index >= buffers.size()) {
    return invalid("refers to {} {}, the file has {} (entry 0 means none)", what,
                   tensor.data_buffer_index, buffers.size());
  }
  const auto bytes = buffers[tensor.data_buffer_index];
  if (tensor.num_bytes() > bytes.size()) {
    return invalid("needs {} bytes of {} {}, which has {}", tensor.num_bytes(), what,
                   tensor.data_buffer_index, bytes.size());
  }
  return {};
}

/// Checks one value of a plan; an overload for each kind that can be wrong.
struct ValueCheck {
  const Program& program;
  const ExecutionPlan& plan;

  template <class Content>
  Result<void> operator()(const Content&) const {
    return {};
  }

  Result<void> operator()(const TensorValue& tensor) const {
    TRY(check_layout(tensor.dtype, tensor.sizes, tensor.dim_order));
    if (tensor.dynamism != ShapeDynamism::kStatic &&
        tensor.dynamism != ShapeDynamism::kDynamicBound) {
      return fail(ErrorCode::kNotSupported, "has shape dynamism {}, expected 0 or 1",
                  static_cast<int>(tensor.dynamism));
    }
    if (tensor.is_external && tensor.qualified_name.empty()) {
      return invalid("is in a data file, but has no name to find it by");
    }
    if (tensor.allocation) TRY(check_allocation(tensor, plan));
    if (tensor.data_buffer_index != 0 && !tensor.is_external) {
      TRY(check_data(tensor, program));
    }
    return {};
  }

  Result<void> operator()(const IntList& list) const {
    return check_items<std::int64_t>(list.items, "an Int");
  }
  Result<void> operator()(const TensorList& list) const {
    return check_items<TensorValue>(list.items, "a Tensor");
  }
  Result<void> operator()(const OptionalTensorList& list) const {
    return check_items<TensorValue, Null>(list.items, "a Tensor, a Null or -1", -1);
  }

  template <class... Kinds, class Item>
  Result<void> check_items(const std::vector<Item>& items, std::string_view expected,
                           std::optional<std::int64_t> none = std::nullopt) const {
    for (std::size_t position = 0; position < items.size(); ++position) {
      const std::int64_t item = items[position];
      if (item == none) continue;
      if (item < 0 || std::cmp_greater_equal(item, plan.values.size())) {
        return invalid("item {} is value {}, the plan has {}", position, item, plan.values.size());
      }
      if (!(std::holds_alternative<Kinds>(plan.values[item]) || ...)) {
        return invalid("item {} is value {}, which is not {}", position, item, expected);
      }
    }
    return {};
  }
};

/// Checks one instruction of a chain.
struct InstructionCheck {
  const ExecutionPlan& plan;
  std::size_t num_instructions;

  Result<void> operator()(const KernelCall& call) const {
    TRY(check_index(call.operator_index, plan.operators.size(), "the operator index"));
    return check_arguments(call.arguments);
  }
  Result<void> operator()(const DelegateCall& call) const {
    TRY(check_index(call.delegate_index, plan.delegates.size(), "the delegate index"));
    return check_arguments(call.arguments);
  }
  Result<void> operator()(const MoveCall& move) const {
    TRY(check_index(move.from, plan.values.size(), "the moved value"));
    return check_index(move.to, plan.values.size(), "the destination value");
  }
  Result<void> operator()(const JumpFalseCall& jump) const {
    TRY(check_index(jump.condition, plan.values.size(), "the condition"));
    if (!is_condition(plan.values[jump.condition])) {
      return invalid("the condition is value {}, which is neither a Bool nor a bool tensor",
                     jump.condition);
    }
    // One behind the last instruction ends the chain.
    return check_index(jump.destination, num_instructions + 1, "the jump's destination");
  }
  Result<void> operator()(const FreeCall& call) const {
    TRY(check_index(call.value, plan.values.size(), "the freed value"));
    if (std::holds_alternative<TensorValue>(plan.values[call.value])) return {};
    return invalid("frees value {}, which is not a Tensor", call.value);
  }

  static bool is_condition(const Value& value) {
    const auto* tensor = std::get_if<TensorValue>(&value);
    return std::holds_alternative<bool>(value) || (tensor && tensor->dtype == DType::kBool);
  }

  Result<void> check_arguments(const std::vector<std::int32_t>& arguments) const {
    for (std::size_t position = 0; position < arguments.size(); ++position) {
      if (arguments[position] >= 0 && std::cmp_less(arguments[position], plan.values.size())) {
        continue;
      }
      return invalid("argument {} is value {}, the plan has {}", position, arguments[position],
                     plan.values.size());
    }
    return {};
  }
};

/// The arenas' sizes are checked before all that lies in them. Their sum must be an amount of
/// memory, so that a runtime may add them up.
Result<void> check_buffer_sizes(const ExecutionPlan& plan) {
  std::int64_t sum = 0;
  for (std::size_t arena = 0; arena < plan.buffer_sizes.size(); ++arena) {
    const std::int64_t size = plan.buffer_sizes[arena];
    if (size < 0 || __builtin_add_overflow(sum, size, &sum)) {
      return invalid("arena {} has {} bytes, expected 0 or more and a sum below 2^63", arena, size);
    }
  }
  return {};
}

Result<void> check_ports(const std::vector<std::int32_t>& ports, std::size_t num_values,
                         std::string_view what) {
  for (std::size_t position = 0; position < ports.size(); ++position) {
    if (ports[position] >= 0 && std::cmp_less(ports[position], num_values)) continue;
    return invalid("{} {} is value {}, the plan has {}", what, position, ports[position],
                   num_values);
  }
  return {};
}

Result<void> check_plan(const Program& program, const ExecutionPlan& plan) {
  TRY(check_buffer_sizes(plan));
  for (std::size_t index = 0; index < plan.values.size(); ++index) {
    auto checked = std::visit(ValueCheck{program, plan}, plan.values[index]);
    if (!checked) {
      return with_context(std::move(checked).error(), std::format("value {}", index));
    }
  }
  TRY(check_ports(plan.inputs, plan.values.size(), "input"));
  TRY(check_ports(plan.outputs, plan.values.size(), "output"));
  if (plan.chains.empty()) return invalid("has no chain, expected at least one");
  for (std::size_t chain = 0; chain < plan.chains.size(); ++chain) {
    const auto& instructions = plan.chains[chain];
    for (std::size_t index = 0; index < instructions.size(); ++index) {
      auto checked = std::visit(InstructionCheck{plan, instructions.size()}, instructions[index]);
      if (!checked) {
        return with_context(std::move(checked).error(),
                            std::format("chain {}, instruction {}", chain, index));
      }
    }
  }
  return {};
}

}  // namespace

Result<void> check(const Program& program) {
  std::set<std::string_view> names;
  for (std::size_t index = 0; index < program.plans.size(); ++index) {
    const ExecutionPlan& plan = program.plans[index];
    auto checked = check_plan(program, plan);
    if (!checked) return with_context(std::move(checked).error(), std::format("plan {}", index));
    if (!names.insert(plan.name).second) {
      return invalid("plan {}: another plan has the name '{}', too", index, plan.name);
    }
  }
  std::set<std::string_view> keys;
  for (std::size_t index = 0; index < program.named_data.size(); ++index) {
    const std::string& key = program.named_data[index].first;
    if (!keys.insert(key).second) {
      return invalid("named data {}: another entry has the key '{}', too", index, key);
    }
  }
  return {};
}

}  // namespace tessera::pte
