// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "formats/pt2.h"

namespace tessera {

/// "torch.ops.aten.add.Tensor" -> "aten::add.Tensor"; the overload "default" is left out. Other
/// targets ("_operator.add") stay as they are.
std::string operator_name_of(std::string_view target);

/// "aten::relu_" -> "aten::relu"; nothing for an operator that does not write to its argument.
std::optional<std::string> functional_name_of(std::string_view operator_name);

/// May the results share memory with the first argument?
bool is_view_operator(std::string_view operator_name);

/// Nodes that compute nothing a graph needs: assertions, and arithmetic on sizes, whose results the
/// archive has as expressions.
bool is_without_tensors(const pt2::Node& node);

}  // namespace tessera
