// SPDX-License-Identifier: MIT
#include <limits>

#include "base/try.h"
#include "formats/pt2_parts.h"

// models/NAME.json: the graph, its signature and the symbols' ranges.
namespace tessera::pt2 {
namespace {

/// Of torch/_export/serde/schema.py: 7 in PyTorch 2.5, 8 since 2.6. What is read here is the same.
constexpr std::int64_t kOldestMajor = 7, kNewestMajor = 8;
/// Older torch wrote sys.maxsize - 1 where there is no bound.
constexpr std::int64_t kPythonInfinity = std::numeric_limits<std::int64_t>::max() - 1;

Result<void> check_schema_version(const JsonValue& json) {
  const JsonValue version = TRY(json.member("schema_version"));
  const std::int64_t major = TRY(TRY(version.member("major")).integer());
  if (major >= kOldestMajor && major <= kNewestMajor) return {};
  return fail(ErrorCode::kNotSupported,
              "{}: expected major version {} or {} (PyTorch 2.5 and newer), found {}",
              version.place(), kOldestMajor, kNewestMajor, major);
}

Result<std::string> read_metadata(const JsonValue& node, std::string_view key) {
  const auto metadata = TRY(node.optional_member("metadata"));
  if (!metadata) return std::string();
  const auto text = TRY(metadata->optional_member(key));
  if (!text) return std::string();
  return text->text();
}

Result<std::vector<Argument>> read_arguments(const JsonValue& json) {
  std::vector<Argument> result;
  for (const JsonValue& element : TRY(json.elements())) {
    result.push_back(TRY(read_argument(element)));
  }
  return result;
}

Result<Node> read_node(const JsonValue& json) {
  Node node{.target = TRY(TRY(json.member("target")).text())};
  for (const JsonValue& input : TRY(TRY(json.member("inputs")).elements())) {
    node.arguments.push_back({.name = TRY(TRY(input.member("name")).text()),
                              .value = TRY(read_argument(TRY(input.member("arg"))))});
  }
  node.outputs = TRY(read_arguments(TRY(json.member("outputs"))));
  node.stack_trace = TRY(read_metadata(json, "stack_trace"));
  node.module_stack = TRY(read_metadata(json, "nn_module_stack"));
  return node;
}

struct WeightKeyword {
  std::string_view keyword;
  InputKind kind;
  std::string_view target_key;
};
constexpr WeightKeyword kWeightKeywords[] = {
    {"parameter", InputKind::kParameter, "parameter_name"},
    {"buffer", InputKind::kBuffer, "buffer_name"},
    {"tensor_constant", InputKind::kTensorConstant, "tensor_constant_name"},
};

Result<Argument> read_spec_tensor(const JsonValue& json) {
  return Argument(TensorName{TRY(TRY(TRY(json.member("arg")).member("name")).text())});
}

Result<InputSpec> read_input_spec(const JsonValue& json) {
  const auto [keyword, value] = TRY(json.only_member());
  if (keyword == "user_input") {
    return InputSpec{.kind = InputKind::kUserInput,
                     .argument = TRY(read_argument(TRY(value.member("arg")))),
                     .keyword = keyword};
  }
  for (const WeightKeyword& weight : kWeightKeywords) {
    if (weight.keyword != keyword) continue;
    return InputSpec{.kind = weight.kind,
                     .argument = TRY(read_spec_tensor(value)),
                     .target = TRY(TRY(value.member(weight.target_key)).text()),
                     .keyword = keyword};
  }
  return InputSpec{.kind = InputKind::kOther, .keyword = keyword};
}

Result<OutputSpec> read_output_spec(const JsonValue& json) {
  const auto [keyword, value] = TRY(json.only_member());
  if (keyword == "user_output") {
    return OutputSpec{.kind = OutputKind::kUserOutput,
                      .argument = TRY(read_argument(TRY(value.member("arg")))),
                      .keyword = keyword};
  }
  if (keyword == "buffer_mutation") {
    return OutputSpec{.kind = OutputKind::kBufferMutation,
                      .argument = TRY(read_spec_tensor(value)),
                      .target = TRY(TRY(value.member("buffer_name")).text()),
                      .keyword = keyword};
  }
  if (keyword == "user_input_mutation") {
    return OutputSpec{.kind = OutputKind::kUserInputMutation,
                      .argument = TRY(read_spec_tensor(value)),
                      .target = TRY(TRY(value.member("user_input_name")).text()),
                      .keyword = keyword};
  }
  return OutputSpec{.kind = OutputKind::kOther, .keyword = keyword};
}

Result<std::optional<std::int64_t>> read_bound(const JsonValue& range, std::string_view key) {
  const auto bound = TRY(range.optional_member(key));
  if (!bound) return std::nullopt;
  const std::int64_t value = TRY(bound->integer());
  if (value >= kPythonInfinity || value <= -kPythonInfinity) return std::nullopt;
  return value;
}

Result<void> read_ranges(const JsonValue& json, ExportedProgram& program) {
  for (const auto& [symbol, range] : TRY(json.members())) {
    program.ranges[symbol] = {.min = TRY(read_bound(range, "min_val")),
                              .max = TRY(read_bound(range, "max_val"))};
  }
  return {};
}

Result<void> read_graph(const JsonValue& json, ExportedProgram& program) {
  for (const JsonValue& node : TRY(TRY(json.member("nodes")).elements())) {
    program.nodes.push_back(TRY(read_node(node)));
  }
  for (const auto& [name, meta] : TRY(TRY(json.member("tensor_values")).members())) {
    program.tensors[name] = TRY(read_tensor_meta(meta));
  }
  for (const auto& [name, value] : TRY(TRY(json.member("sym_int_values")).members())) {
    program.symbolic_ints[name] = TRY(read_symbolic_int(value));
  }
  return {};
}

}  // namespace

Result<void> read_model(const JsonValue& json, ExportedProgram& program) {
  TRY(check_schema_version(json));
  if (const auto version = TRY(json.optional_member("torch_version"))) {
    program.torch_version = TRY(version->text());
  }
  const JsonValue module = TRY(json.member("graph_module"));
  TRY(read_graph(TRY(module.member("graph")), program));
  const JsonValue signature = TRY(module.member("signature"));
  for (const JsonValue& spec : TRY(TRY(signature.member("input_specs")).elements())) {
    program.inputs.push_back(TRY(read_input_spec(spec)));
  }
  for (const JsonValue& spec : TRY(TRY(signature.member("output_specs")).elements())) {
    program.outputs.push_back(TRY(read_output_spec(spec)));
  }
  return read_ranges(TRY(json.member("range_constraints")), program);
}

}  // namespace tessera::pt2
