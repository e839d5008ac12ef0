// SPDX-License-Identifier: MIT
#include "runtime/scalars.h"

#include <algorithm>

#include "runtime/prim_operators.h"

namespace tessera::runtime {

Scalar scalar_of(const pte::Value& value) {
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return *integer;
  if (const auto* real = std::get_if<double>(&value)) return *real;
  if (const auto* boolean = std::get_if<bool>(&value)) return *boolean;
  return std::monostate();
}

ScalarTable::ScalarTable(const pte::ExecutionPlan& plan)
    : scalars_(plan.values.size()), is_written_(plan.values.size()) {
  std::ranges::transform(plan.values, scalars_.begin(), scalar_of);
  for (const auto& chain : plan.chains) {
    for (const pte::Instruction& instruction : chain) {
      std::int32_t written = -1;
      if (const auto* move = std::get_if<pte::MoveCall>(&instruction)) written = move->to;
      if (const auto* call = std::get_if<pte::KernelCall>(&instruction)) {
        const auto& name = plan.operators[static_cast<std::size_t>(call->operator_index)];
        if (find_prim_operator(name) != nullptr && !call->arguments.empty()) {
          written = call->arguments.back();
        }
      }
      if (written < 0) continue;
      const auto index = static_cast<std::size_t>(written);
      is_written_[index] = !std::holds_alternative<std::monostate>(scalars_[index]);
    }
  }
}

bool ScalarTable::is_list_written(const pte::IntList& list) const {
  return std::ranges::any_of(
      list.items, [&](std::int64_t item) { return is_written_[static_cast<std::size_t>(item)]; });
}

}  // namespace tessera::runtime
