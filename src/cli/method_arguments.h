// SPDX-License-Identifier: MIT
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "tessera/program.h"

namespace tessera::cli {

/// A method as `run` and `bench` load it.
struct LoadedMethod {
  std::shared_ptr<const Program> program;
  std::string name;
  std::unique_ptr<Method> method;
};

/// The options that say which method is loaded, and how.
struct MethodArguments {
  std::string name;  ///< empty: "forward", or the first method if there is none of that name
  std::size_t num_threads = 1;
  std::vector<std::string> data_files;
  std::string packed_weights_file;
  bool whole = false;

  void add_to(CLI::App& command);
  /// The program and the method's name, without the method.
  Result<LoadedMethod> find(const std::string& path) const;
  /// Errors name the file.
  Result<LoadedMethod> load(const std::string& path, bool profile = false) const;
};

}  // namespace tessera::cli
