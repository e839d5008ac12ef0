// SPDX-License-Identifier: MIT
#pragma once

#include <CLI/CLI.hpp>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "cli/image_files.h"
#include "tessera/calibrate.h"

namespace tessera::cli {

/// The options that say what calibration runs the model on.
struct CalibrationArguments {
  std::vector<std::string> data;  ///< files and folders, NAME=FILE_OR_FOLDER, or "random"
  std::optional<std::size_t> num_samples;
  std::string observer_name = "best";
  PixelArguments pixels;

  /// Declares --calibrate, --samples, --observer and how images are read.
  void add_to(CLI::App& command);
  std::optional<Observer> observer() const;
  /// Looks for the files; they are opened when a sample is asked for. Errors: kInvalidArgument if
  /// --calibrate is not given or contradicts itself, kNotFound for files and folders that are not
  /// there and folders without images.
  Result<CalibrationInputs> inputs() const;
};

}  // namespace tessera::cli
