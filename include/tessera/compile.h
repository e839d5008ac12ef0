// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tessera/calibrate.h"
#include "tessera/result.h"

namespace tessera {

enum class Backend { kXnnpack, kPortable };

/// A new range for a dynamic size of an input, `--dim x:2=256..2048`.
struct DimOverride {
  std::string input;
  std::size_t dim = 0;
  std::int64_t min = 0, max = 0;
};

struct CompileOptions {
  Backend backend = Backend::kXnnpack;
  std::vector<DimOverride> dims;
  std::optional<std::filesystem::path> dump_ir;  ///< folder for the graph after every pass
  std::optional<std::string> stop_after;         ///< pass name
  std::vector<std::string> skip;                 ///< pass names
  /// Weights go to this file (.ptd), which whoever loads the program names:
  /// LoadOptions::data_files.
  std::optional<std::filesystem::path> data_file;
  std::optional<QuantizeOptions> quantize;  ///< nothing: the model computes as it was exported
};

/// Why a node is where it is.
struct NodePlacement {
  std::string node;  ///< "aten::relu of module features.0"
  bool is_delegated = false;
  std::string reason;  ///< why not; empty if delegated
  /// What it computes at the upper bounds: the multiplications of products and convolutions, one
  /// per result element of all else.
  double arithmetic = 0;
};

struct PassTime {
  std::string name;
  double milliseconds = 0;
};

struct CompileReport {
  std::vector<NodePlacement> placements;
  std::vector<PassTime> times;
  std::size_t num_delegates = 0;
  std::size_t planned_bytes = 0;  ///< memory for inputs and results, at the upper bounds
  std::size_t live_bytes = 0;     ///< the most of it in use at once: no plan is smaller
  std::size_t file_bytes = 0;
  std::size_t data_bytes = 0;                    ///< of the data file
  std::vector<QuantizationReport> quantization;  ///< of each method, if asked for
};

/// One method of a program and the archive that it comes from.
struct MethodSource {
  std::string name = "forward";
  std::filesystem::path model;
};

/// Compiles several torch.export archives to the methods of one program, which share equal weights.
/// The options hold for all of them; the report has the sums.
Result<CompileReport> compile(std::span<const MethodSource> methods,
                              const std::filesystem::path& model_pte,
                              const CompileOptions& options = {});

/// Compiles a torch.export archive to an ExecuTorch program. The output is whole or not there.
/// Errors name the operator, its module path and its source line.
Result<CompileReport> compile(const std::filesystem::path& model_pt2,
                              const std::filesystem::path& model_pte,
                              const CompileOptions& options = {});

}  // namespace tessera
