// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <string>

#include "tessera/compare.h"

namespace tessera::cli {

/// What `tessera compare` tells.
struct ComparedPrograms {
  std::string first, second;  ///< files
  CompareReport report;
  double threshold_db = 0;  ///< of layers
};

/// For people, with a table of all layers if asked for.
void print_comparison(const ComparedPrograms& compared, bool with_layers);

/// All numbers, layers too. Infinite ones are null (JSON has none). The file is whole or not there.
Result<void> write_comparison(const std::filesystem::path& path, const ComparedPrograms& compared);

}  // namespace tessera::cli
