// SPDX-License-Identifier: MIT
#include "runtime/call_arguments.h"

namespace tessera::runtime {

std::string_view name_of(ir::ArgumentKind kind) {
  using ir::ArgumentKind;
  switch (kind) {
    case ArgumentKind::kTensor:
      return "a Tensor";
    case ArgumentKind::kTensorList:
      return "a list of Tensor";
    case ArgumentKind::kInt:
      return "an Int";
    case ArgumentKind::kFloat:
      return "a Double";
    case ArgumentKind::kScalar:
      return "a number";
    case ArgumentKind::kBool:
      return "a Bool";
    case ArgumentKind::kString:
      return "a String";
    case ArgumentKind::kIntList:
      return "a list of Int";
    case ArgumentKind::kFloatList:
      return "a list of Double";
    case ArgumentKind::kBoolList:
      return "a list of Bool";
  }
  return "?";
}

std::optional<ir::Dims> integers_of(const pte::ExecutionPlan& plan, const pte::IntList& list) {
  ir::Dims dims;
  for (const std::int64_t item : list.items) {
    const auto* value = std::get_if<std::int64_t>(&plan.values[static_cast<std::size_t>(item)]);
    if (value == nullptr) return std::nullopt;
    dims.emplace_back(*value);
  }
  return dims;
}

}  // namespace tessera::runtime
