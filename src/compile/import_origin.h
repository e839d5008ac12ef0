// SPDX-License-Identifier: MIT
#pragma once

#include "formats/pt2.h"
#include "ir/graph.h"

namespace tessera {

/// Where the node comes from in the user's own code: the innermost module, and the innermost source
/// line that is not PyTorch's.
ir::Origin origin_of(const pt2::Node& node);

/// "aten::relu of module features.0 (model.py:51: return self.out(y))"
std::string describe_call(std::string_view operator_name, const ir::Origin& origin);

}  // namespace tessera
