// SPDX-License-Identifier: MIT
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>

#include "cli/calibration_files.h"
#include "tessera/compile.h"

namespace tessera::cli {

/// What the command line says of quantization.
struct QuantizeArguments {
  std::string scheme;
  CalibrationArguments calibration;
  bool per_tensor = false;
  bool keep_biases = false;
  bool keep_channels = false;
  std::optional<double> accuracy_budget_db;
  std::string input_type, output_type;
  bool report = false;

  void add_to(CLI::App& command);
};

/// Nothing without --quantize. Fails for static int8 without data.
Result<std::optional<QuantizeOptions>> quantize_options(const QuantizeArguments& arguments);

/// One line for each method, and the layers if `--report` was given, worst first.
void print_quantization(const CompileReport& report, const QuantizeArguments& arguments);

}  // namespace tessera::cli
