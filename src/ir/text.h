// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "ir/graph.h"

namespace tessera::ir {

struct PrintOptions {
  /// Also the elements of constants that have at most 16 (not of f16 and bf16).
  bool with_elements = false;
};

/// The text form of a graph; parse_graph reads exactly this. Constants are printed by type and
/// name, delegate calls with the graph inside (not with their blob).
std::string print(const Graph& graph, PrintOptions options = {});
std::string print(const TensorType& type);
std::string print(const Argument& argument, const Graph& graph);

/// Finds an operator by full name ("aten::add.Tensor"); null if there is none.
using FindOperator = const Operator* (*)(std::string_view full_name);

/// Parses the text form; `#` starts a comment, arguments that are left out take the schema's
/// defaults. Constants get zeros of their type unless the text gives elements. Result types are
/// those of the text (verify compares them with infer's). Errors name the line and column.
Result<Graph> parse_graph(std::string_view text, FindOperator find_operator);

/// "f32[1,4,h,w]"
Result<TensorType> parse_type(std::string_view text);

/// Types of a list of tensors, nothing where none stands.
using OptionalTypes = std::vector<std::optional<TensorType>>;
/// Arguments of a sample: "(f32[2,3], none, [1,1], 2.5, true, [none, i64[3]])"; tensors stand as
/// types. "[]" gives empty Dims.
using SampleArgument = std::variant<std::monostate, TensorType, OptionalTypes, Dim, double, bool,
                                    std::string, Dims, std::vector<double>, std::vector<bool>>;
Result<std::vector<SampleArgument>> parse_sample(std::string_view text);

/// Types of a method's inputs and outputs with symbols and ranges, one line: what a compiled
/// program keeps of its graph: "(f32[1,3,h,w]) -> (f32[1,3,2*h,2*w]) where h in 1..16384, w
/// in 1..16384".
struct Signature {
  std::vector<TensorType> inputs;
  SymbolRanges symbols;
  std::vector<TensorType> outputs = {};  ///< empty, and left out of the text: unknown
};
std::string print(const Signature& signature);
Result<Signature> parse_signature(std::string_view text);
Signature signature_of(const Graph& graph);

}  // namespace tessera::ir
