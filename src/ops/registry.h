// SPDX-License-Identifier: MIT
#pragma once

#include <span>
#include <string_view>

#include "ir/operator.h"

namespace tessera::ops {

/// Every operator, in the order of all_operators.def.
std::span<const ir::Operator* const> all_operators();

/// One line of all_operators.def.
struct Family {
  std::string_view name;  ///< "unary"
  std::span<const ir::Operator> operators;
};
std::span<const Family> all_families();

/// By full schema name, "aten::add.Tensor"; null if there is none.
const ir::Operator* find_operator(std::string_view full_name);

/// By a name in .pte files, "aten::add.out" or "aten::copy_"; null if there is none.
const ir::Operator* find_out_variant(std::string_view out_name);

}  // namespace tessera::ops
