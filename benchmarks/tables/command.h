// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "tessera/result.h"

namespace tessera::benchmarks {

/// Runs a shell command; what it wrote to stdout. Fails with what it wrote to stderr if its exit
/// code is not 0.
Result<std::string> run_command(const std::string& command);

/// The same with `tessera` in front of the arguments.
Result<std::string> run_tessera(const std::string& arguments);

/// `arguments` with --json and a file behind: what is in the file then.
Result<nlohmann::json> run_tessera_for_json(const std::string& arguments);

/// For a shell, whatever is in it.
std::string quoted(const std::string& text);

}  // namespace tessera::benchmarks
