// SPDX-License-Identifier: MIT
#include "tiling/arguments.h"

#include "base/try.h"
#include "ir/schema.h"
#include "runtime/call_arguments.h"
#include "runtime/call_parts.h"

namespace tessera::tiling {

Result<std::vector<ir::TypeArguments::Argument>> resolve_arguments(const pte::ExecutionPlan& plan,
                                                                   const KernelStep& step,
                                                                   const FlowSizes& sizes) {
  const ir::Schema& schema = ir::schema_of(*step.op);
  const auto type_at = [&](std::int32_t index) -> const ir::TensorType* {
    const auto position = static_cast<std::size_t>(index);
    const bool is_tensor = std::holds_alternative<pte::TensorValue>(plan.values[position]);
    return is_tensor ? &sizes.types[position] : nullptr;
  };
  std::vector<ir::TypeArguments::Argument> arguments;
  for (std::size_t i = 0; i < schema.arguments.size(); ++i) {
    if (step.arguments[i] == runtime::CallParts::kAbsent) {
      arguments.push_back(
          runtime::absent_argument<const ir::TensorType>(schema.arguments[i], step.out_dtype));
      continue;
    }
    auto argument = runtime::argument_of<const ir::TensorType>(plan, schema.arguments[i],
                                                               step.arguments[i], type_at);
    if (!argument) return with_context(std::move(argument).error(), schema.full_name());
    arguments.push_back(*std::move(argument));
  }
  return arguments;
}

}  // namespace tessera::tiling
