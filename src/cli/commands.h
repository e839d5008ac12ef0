// SPDX-License-Identifier: MIT
#pragma once

#include <CLI/CLI.hpp>

#include "tessera/result.h"

/// One function per subcommand: declares it with its options; its callback does the work and ends
/// with `finish`. main.cc calls them all.
namespace tessera::cli {

void add_compile(CLI::App& app);
void add_run(CLI::App& app);
void add_bench(CLI::App& app);
void add_compare(CLI::App& app);
void add_inspect(CLI::App& app);
void add_tile(CLI::App& app);
void add_image_diff(CLI::App& app);

/// Ends a subcommand: nothing on success; throws CLI::RuntimeError(1) after printing
/// "tessera: error: ..." to stderr on failure.
void finish(const Result<void>& result);

}  // namespace tessera::cli
