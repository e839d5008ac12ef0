// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tessera/result.h"

namespace tessera::ir {

/// Kinds of arguments that ATen schemas have.
enum class ArgumentKind {
  kTensor,
  kTensorList,
  kInt,  ///< int, SymInt, ScalarType, MemoryFormat, Layout
  kFloat,
  kScalar,  ///< int, float or bool by what is passed
  kBool,
  kString,  ///< str, Device
  kIntList,
  kFloatList,
  kBoolList,
};

struct SchemaArgument {
  std::string name;
  ArgumentKind kind = ArgumentKind::kTensor;
  bool is_optional = false;
  bool has_default = false;
  std::string default_text;  ///< as in the schema: "1", "None", "[0, 0]", "True"
  int list_size = 0;         ///< n of int[n]: a single int stands for n equal ones; 0: any length
  bool has_optional_items = false;  ///< Tensor?[]
  /// False for dtype, layout, device and pin_memory of an operator that has all four: its
  /// out-variant has none of them, because the out tensor says it all.
  bool is_in_out_variant = true;
};

/// An ATen schema taken apart: "aten::add.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) ->
/// Tensor".
struct Schema {
  std::string name;      ///< "aten::add"
  std::string overload;  ///< "Tensor"; empty for the default one
  std::vector<SchemaArgument> arguments;
  int num_results = 1;  ///< kResultList: one Tensor[], as many as infer gives
  static constexpr int kResultList = -1;

  /// Number of the arguments that calls in program files have, without results.
  std::size_t num_out_variant_arguments() const;

  /// "aten::add.Tensor"
  std::string full_name() const { return overload.empty() ? name : name + "." + overload; }
};

/// "dtype": the argument that the out tensor's dtype stands for where the file has none.
inline constexpr std::string_view kDTypeArgument = "dtype";

Result<Schema> parse_schema(std::string_view text);

struct Operator;
/// The parsed schema of an operator, kept for the life of the process. Thread-safe. Aborts if the
/// operator's schema text is wrong.
const Schema& schema_of(const Operator& op);

}  // namespace tessera::ir
