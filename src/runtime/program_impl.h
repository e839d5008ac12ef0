// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/mapped_file.h"
#include "formats/pte.h"
#include "ir/text.h"
#include "runtime/input_rules.h"
#include "tessera/program.h"

namespace tessera {

/// What tiling and `tessera inspect` see of a program.
struct Program::Impl {
  struct MethodEntry {
    const pte::ExecutionPlan* plan = nullptr;  ///< in `program`
    std::optional<ir::Signature> signature;    ///< Tessera's own files have one
  };

  std::shared_ptr<const FileBytes> file;
  pte::Program program;  ///< views `file`
  std::vector<MethodEntry> methods;

  static Result<std::unique_ptr<Impl>> read(std::shared_ptr<const FileBytes> file);
  /// kNotFound, with the names there are.
  Result<const MethodEntry*> find_method(std::string_view name) const;
};

}  // namespace tessera
