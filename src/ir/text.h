// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "ir/graph.h"

namespace tessera::ir {

/// The text form of a graph; parse_graph reads exactly this. Constants are printed by type and
/// name; elements only where `with_elements` asks and there are at most 16.
std::string print(const Graph& graph);
std::string print(const TensorType& type);
std::string print(const Argument& argument, const Graph& graph);

/// Finds an operator by full name ("aten::add.Tensor"); null if there is none.
using FindOperator = const Operator* (*)(std::string_view full_name);

/// Parses the text form. Constants get zeros of their type unless the text gives elements. Errors
/// name the line and column.
Result<Graph> parse_graph(std::string_view text, FindOperator find_operator);

/// "f32[1,4,h,w]"
Result<TensorType> parse_type(std::string_view text);

/// Arguments of a sample: "(f32[2,3], none, [1,1], 2.5, true)"; tensors stand as types.
using SampleArgument = std::variant<std::monostate, TensorType, std::vector<TensorType>, Dim,
                                    double, bool, std::string, Dims, std::vector<double>>;
Result<std::vector<SampleArgument>> parse_sample(std::string_view text);

/// Input types with symbols and ranges, one line: what a compiled program keeps of its graph's
/// signature: "(f32[1,3,h,w]) where h in 1..16384, w in 1..16384".
struct Signature {
  std::vector<TensorType> inputs;
  SymbolRanges symbols;
};
std::string print(const Signature& signature);
Result<Signature> parse_signature(std::string_view text);
Signature signature_of(const Graph& graph);

}  // namespace tessera::ir
