// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <string>

#include "formats/pt2.h"
#include "ir/graph.h"
#include "ir/schema.h"

namespace tessera {

/// What the names in a node's arguments stand for at the moment.
struct NameScope {
  std::function<Result<ir::ValueId>(const std::string& tensor)> tensor;
  std::function<Result<ir::Dim>(const std::string& symbolic_int)> symbol;
  /// A new constant, for a number where the schema has a tensor: x * 0.1.
  std::function<ir::ValueId(Tensor number)> constant;
};

/// The node's arguments in schema order, with defaults filled in and each of the kind that the
/// schema asks for: an integer for a float, one integer for int[n], numbers for torch's enums.
Result<std::vector<ir::Argument>> import_arguments(const ir::Schema& schema, const pt2::Node& node,
                                                   const NameScope& scope);

}  // namespace tessera
