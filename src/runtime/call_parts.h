// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "formats/pte.h"
#include "ir/operator.h"
#include "ir/schema.h"

namespace tessera::runtime {

/// The values of a kernel call in a program file by role.
struct CallParts {
  /// By position in the schema; kAbsent for what the out-variant does not have.
  std::vector<std::int32_t> arguments;
  std::vector<std::int32_t> results;
  /// The result is the first argument's memory.
  bool is_in_place = false;

  static constexpr std::int32_t kAbsent = -1;
};

/// A call has the schema's arguments, the out tensors (or one list of them), then what it returns:
/// the out tensor again, or one list of them. An in-place call returns its first argument. `name`
/// is the one in the file. Errors: kInvalidProgram.
Result<CallParts> split_call(const pte::ExecutionPlan& plan, const pte::KernelCall& call,
                             const ir::Operator& op, std::string_view name);

/// What stands for an argument that the out-variant does not have: dtype is the out tensor's, the
/// others are None.
template <class T>
ir::BasicArgument<T> absent_argument(const ir::SchemaArgument& argument, DType out_dtype) {
  if (argument.name == ir::kDTypeArgument) return ir::Dim(static_cast<std::int64_t>(out_dtype));
  return std::monostate();
}

}  // namespace tessera::runtime
