// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "formats/pte.h"
#include "ir/text.h"
#include "runtime/data_map.h"
#include "runtime/input_rules.h"
#include "tessera/program.h"

namespace tessera {

/// What tiling and `tessera inspect` see of a program.
struct Program::Impl {
  struct MethodEntry {
    const pte::ExecutionPlan* plan = nullptr;  ///< in `program`
    std::optional<ir::Signature> signature;    ///< Tessera's own files have one
  };

  std::shared_ptr<const runtime::DataMap> data;
  pte::Program program;  ///< views the bytes in `data`
  std::vector<MethodEntry> methods;

  static Result<std::unique_ptr<Impl>> read(runtime::DataMap::File file,
                                            const LoadOptions& options);
  /// kNotFound, with the names there are.
  Result<const MethodEntry*> find_method(std::string_view name) const;
};

}  // namespace tessera
