// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "benchmarks/tables/programs.h"

namespace tessera::benchmarks {

/// Medians, in milliseconds.
struct Times {
  std::optional<double> load;  ///< nothing: not a thing of its own there
  double first_run = 0, steady = 0;
  double ratio = 0;  ///< steady times over those of the first program
};

/// One thing that is measured, in the order of a table's rows.
struct Subject {
  std::string name;
  std::optional<std::filesystem::path> program;  ///< nothing: a dash
};

/// Measures the programs in turn, several times over: load and first run each time in a process of
/// its own. The first one must be there; where no other is, so is no number.
Result<std::vector<std::optional<Times>>> measure(std::span<const Subject> subjects,
                                                  const Model& model, std::size_t num_threads);

/// The peers of one model, in one process each time; nothing for those that are not there.
struct PeerTimes {
  std::optional<Times> eager, onnxruntime;
};
/// Looks at TESSERA_TORCH_PYTHON, a command that runs Python with PyTorch. `network` is
/// torchvision's name of the model; ratios are to `steady_ms`.
PeerTimes measure_peers(std::string_view network, std::size_t num_threads, double steady_ms);

/// "1.234" with three digits, or a dash.
std::string cell(const std::optional<double>& value);
std::string ratio_cell(const std::optional<double>& value);

}  // namespace tessera::benchmarks
