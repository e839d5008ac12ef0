// SPDX-License-Identifier: MIT
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "cli/image_files.h"
#include "cli/method_arguments.h"

namespace tessera::cli {

struct PreparedInput {
  Tensor tensor;
  std::string origin;  ///< "x.npy", "random numbers at the sizes given", for people
};

/// The options that say what a method runs on. Inputs come from files, in order; those without a
/// file are filled.
struct InputArguments {
  std::vector<std::string> files;
  std::vector<std::string> shapes;
  std::string fill;  ///< empty: not given
  /// Images of other sizes than the method's are scaled or cut, as calibration does it.
  bool fits_images = false;
  PixelArguments pixels;

  /// Declares --input and what add_reading_to declares.
  void add_to(CLI::App& command);
  /// Declares --shape, --fill, --scale and --channels.
  void add_reading_to(CLI::App& command);
  /// Makes the inputs. `is_fill_implied`: inputs without a file are filled (with random numbers)
  /// even if no option says so.
  Result<std::vector<PreparedInput>> make(const Program& program, const std::string& method,
                                          bool is_fill_implied) const;
  /// The same, and binds them to the method, which they must outlive.
  Result<std::vector<PreparedInput>> bind(const LoadedMethod& loaded, bool is_fill_implied) const;
};

}  // namespace tessera::cli
