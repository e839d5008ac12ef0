// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ir/operator.h"

namespace tessera::ops {

/// "bij,bjk->bik" taken apart: one letter per dimension.
struct Einsum {
  std::vector<std::string> operands;
  std::string result;
};

/// Without "->" the result has the labels that occur once, in alphabetical order. Ellipses and
/// labels that occur twice in one operand (diagonals) are not supported.
Result<Einsum> parse_einsum(std::string_view equation, std::size_t num_operands);

/// The size behind each label; fails where operands disagree.
Result<std::map<char, ir::Dim>> einsum_sizes(const Einsum& einsum,
                                             std::span<const ir::TensorType* const> operands);

}  // namespace tessera::ops
