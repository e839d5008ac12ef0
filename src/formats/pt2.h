// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/mapped_file.h"
#include "tessera/tensor.h"

/// torch.export's archive as plain records; see docs/formats/pt2.md.
namespace tessera::pt2 {

/// An integer or an expression over symbols, as text: sympy's srepr or infix.
struct SymbolicInt {
  std::int64_t value = 0;  ///< without expression: the value; else the one at export time, if known
  std::string expression;  ///< empty for a plain integer
  bool is_constant() const { return expression.empty(); }
};

struct TensorMeta {
  DType dtype = DType::kF32;
  std::vector<SymbolicInt> sizes;
  std::vector<SymbolicInt> strides;
  SymbolicInt storage_offset;  ///< in elements
};

/// A tensor of the graph by its name.
struct TensorName {
  std::string name;
};
/// A symbolic integer of the graph by its name.
struct SymbolName {
  std::string name;
};
struct Device {
  std::string type;  ///< "cpu"
};
/// torch's own numbers (c10/core/MemoryFormat.h), not the archive's.
enum class MemoryFormat : std::int8_t {
  kContiguous = 0,
  kPreserve = 1,
  kChannelsLast = 2,
  kChannelsLast3d = 3,
};
/// Of torch's layouts just the dense one can be had.
struct StridedLayout {};
/// An argument of a kind that no operator of Tessera takes: a subgraph, an object, ...
struct OtherArgument {
  std::string kind;  ///< the archive's name for it: "as_graph"
};

/// What a node is called with or gives; monostate is None.
using Argument =
    std::variant<std::monostate, TensorName, std::vector<TensorName>,
                 std::vector<std::optional<TensorName>>, std::int64_t, SymbolName,
                 std::vector<std::variant<std::int64_t, SymbolName>>, double, std::vector<double>,
                 bool, std::vector<bool>, std::string, std::vector<std::string>, DType,
                 MemoryFormat, StridedLayout, Device, OtherArgument>;

struct NamedArgument {
  std::string name;  ///< as in the operator's schema
  Argument value;
};

struct Node {
  std::string target;                    ///< "torch.ops.aten.conv2d.default"
  std::vector<NamedArgument> arguments;  ///< those that were passed; defaults are left out
  std::vector<Argument> outputs;         ///< names of the results
  std::string stack_trace;               ///< Python's, innermost frame last
  std::string module_stack;              ///< "key,path,type;key,path,type", innermost last
};

enum class InputKind { kUserInput, kParameter, kBuffer, kTensorConstant, kOther };
struct InputSpec {
  InputKind kind = InputKind::kUserInput;
  Argument argument;    ///< name in the graph
  std::string target;   ///< fully qualified name, for parameters, buffers and constants
  std::string keyword;  ///< the archive's name of the kind: "user_input"
};

enum class OutputKind { kUserOutput, kBufferMutation, kUserInputMutation, kOther };
struct OutputSpec {
  OutputKind kind = OutputKind::kUserOutput;
  Argument argument;    ///< name in the graph
  std::string target;   ///< what is written to, for mutations
  std::string keyword;  ///< the archive's name of the kind: "user_output"
};

/// Inclusive; nothing stands for no bound.
struct Range {
  std::optional<std::int64_t> min, max;
};

/// A program that torch.export saved. Tensors keep what holds their bytes alive.
struct ExportedProgram {
  std::string torch_version;
  std::vector<InputSpec> inputs;                                  ///< of the graph, in order
  std::vector<OutputSpec> outputs;                                ///< of the graph, in order
  std::vector<Node> nodes;                                        ///< in topological order
  std::map<std::string, TensorMeta, std::less<>> tensors;         ///< of the graph, by name
  std::map<std::string, SymbolicInt, std::less<>> symbolic_ints;  ///< of the graph, by name
  std::map<std::string, Range, std::less<>> ranges;  ///< by symbol; some keys are expressions
  /// Parameters, buffers and constants by fully qualified name. Contiguous; they view the file
  /// where it has them so.
  std::map<std::string, Tensor, std::less<>> weights;
};

/// Reads an archive of PyTorch 2.5 or newer in any of its three layouts. Errors name the file and
/// the place in it.
Result<ExportedProgram> read(const std::filesystem::path& path);
/// The same for bytes in memory.
Result<ExportedProgram> read(std::shared_ptr<const FileBytes> file);

}  // namespace tessera::pt2
