// SPDX-License-Identifier: MIT
#pragma once

#include <span>
#include <string>
#include <vector>

#include "tessera/result.h"

namespace tessera::cli {

/// Files in the order given; a folder stands for its files in the order of their names, without
/// hidden ones and without folders. Fails for a folder that has none.
Result<std::vector<std::string>> expand_folders(std::span<const std::string> paths);

}  // namespace tessera::cli
