// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "compile/import_pt2.h"
#include "compile/plan_memory.h"
#include "formats/pte.h"
#include "ir/graph.h"

namespace tessera::compiler {

/// What becomes one method of a program, named as the graph. The delegates are lowered.
struct MethodParts {
  const ir::Graph& graph;
  const MemoryPlan& plan;
  /// Of the last inputs and outputs of the graph, which stand for buffers that runs change: no
  /// inputs and outputs of the method, but memory of its own with these contents at first.
  std::span<const BufferState> states = {};
  /// What the file says of the method's quantization: named data "tessera.quantization.NAME", lines
  /// of text; empty: nothing.
  std::string_view quantization = {};
};

struct EmittedFiles {
  std::vector<std::byte> program;
  std::vector<std::byte> data;  ///< empty if the program holds its weights itself
};

/// The program with these methods: kernel calls by out-variant, delegate calls, planned memory,
/// constants (equal ones once), and the signatures among the named data. With `to_data_file`,
/// constants and delegates' data go to a data file (.ptd) instead. Fails, naming the node, for an
/// operator without an out-variant or an argument that the format has no place for.
Result<EmittedFiles> emit_pte(std::span<const MethodParts> methods, bool to_data_file = false);

struct WrittenBytes {
  std::size_t program = 0, data = 0;
};

/// The same on disk, each file whole or not there. Weights go there from where they are.
Result<WrittenBytes> write_files(std::span<const MethodParts> methods,
                                 const std::filesystem::path& program_file,
                                 const std::optional<std::filesystem::path>& data_file);

}  // namespace tessera::compiler
