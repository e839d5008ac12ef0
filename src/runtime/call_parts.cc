// SPDX-License-Identifier: MIT
#include "runtime/call_parts.h"

#include <algorithm>
#include <span>

#include "base/try.h"

namespace tessera::runtime {
namespace {

const pte::TensorList* list_at(const pte::ExecutionPlan& plan, std::int32_t index) {
  return std::get_if<pte::TensorList>(&plan.values[static_cast<std::size_t>(index)]);
}

Result<void> check_count(const pte::KernelCall& call, const ir::Schema& schema,
                         std::size_t num_arguments, std::size_t num_others) {
  if (call.arguments.size() == num_arguments + num_others) return {};
  return fail(ErrorCode::kInvalidProgram, "has {} arguments, expected {} of {} and {} for results",
              call.arguments.size(), num_arguments, schema.full_name(), num_others);
}

Result<std::vector<std::int32_t>> read_results(const pte::ExecutionPlan& plan,
                                               std::span<const std::int32_t> outs, int num_results,
                                               std::int32_t returned) {
  const auto* returned_list = list_at(plan, returned);
  std::vector<std::int32_t> results(outs.begin(), outs.end());
  if (num_results == ir::Schema::kResultList) {
    const auto* list = list_at(plan, outs[0]);
    if (list == nullptr) {
      return fail(ErrorCode::kInvalidProgram, "its result is value {}, expected a list of Tensor",
                  outs[0]);
    }
    results = list->items;
  }
  const bool is_same = returned_list != nullptr ? std::ranges::equal(returned_list->items, results)
                                                : outs.size() == 1 && returned == outs[0];
  if (is_same) return results;
  return fail(ErrorCode::kInvalidProgram, "returns value {}, which is not its results", returned);
}

}  // namespace

Result<CallParts> split_call(const pte::ExecutionPlan& plan, const pte::KernelCall& call,
                             const ir::Operator& op, std::string_view name) {
  const ir::Schema& schema = ir::schema_of(op);
  CallParts parts{.is_in_place = !op.in_place_name.empty() && name == op.in_place_name};
  const std::size_t num_arguments =
      parts.is_in_place ? schema.arguments.size() : schema.num_out_variant_arguments();
  const bool is_list = schema.num_results == ir::Schema::kResultList;
  const std::size_t num_outs = parts.is_in_place ? 0
                               : is_list         ? 1
                                                 : static_cast<std::size_t>(schema.num_results);
  TRY(check_count(call, schema, num_arguments, num_outs + 1));
  std::size_t next = 0;
  for (const ir::SchemaArgument& argument : schema.arguments) {
    const bool is_present = parts.is_in_place || argument.is_in_out_variant;
    parts.arguments.push_back(is_present ? call.arguments[next++] : CallParts::kAbsent);
  }
  const std::int32_t returned = call.arguments.back();
  if (!parts.is_in_place) {
    const auto outs = std::span(call.arguments).subspan(num_arguments, num_outs);
    parts.results = TRY(read_results(plan, outs, schema.num_results, returned));
  } else if (returned == parts.arguments[0]) {
    parts.results = {returned};
  } else {
    return fail(ErrorCode::kInvalidProgram, "returns value {}, expected its first argument, {}",
                returned, parts.arguments[0]);
  }
  return parts;
}

}  // namespace tessera::runtime
