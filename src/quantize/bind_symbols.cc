// SPDX-License-Identifier: MIT
#include "base/try.h"
#include "quantize/interpreter.h"

namespace tessera::quantize {
namespace {

/// The symbol's value if the size is `scale * symbol + offset`.
std::optional<std::int64_t> solve(const ir::Dim& dim, const std::string& symbol,
                                  std::int64_t size) {
  const auto at_one = dim.evaluate({{symbol, 1}}), at_two = dim.evaluate({{symbol, 2}});
  if (!at_one || !at_two || *at_one == *at_two) return std::nullopt;
  const std::int64_t scale = *at_two - *at_one, offset = *at_one - scale;
  return (size - offset) / scale;
}

Result<void> check_input(const ir::Value& input, const Tensor& tensor) {
  if (tensor.dtype() == input.type.dtype && tensor.rank() == input.type.rank()) return {};
  return fail(ErrorCode::kInvalidArgument, "input '{}': expected {} with {} dimensions, found {}",
              input.name, name_of(input.type.dtype), input.type.rank(), tensor.type_string());
}

}  // namespace

Result<ir::SymbolValues> bind_symbols(const ir::Graph& graph, std::span<const Tensor> inputs) {
  if (inputs.size() != graph.inputs().size()) {
    return fail(ErrorCode::kInvalidArgument, "expected {} inputs, found {}", graph.inputs().size(),
                inputs.size());
  }
  ir::SymbolValues values;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const ir::Value& input = graph.value(graph.inputs()[i]);
    TRY(check_input(input, inputs[i]));
    for (std::size_t dim = 0; dim < inputs[i].rank(); ++dim) {
      const std::vector<std::string> symbols = input.type.dims[dim].symbols();
      if (symbols.size() != 1 || values.contains(symbols[0])) continue;
      if (const auto value = solve(input.type.dims[dim], symbols[0], inputs[i].size(dim))) {
        values[symbols[0]] = *value;
      }
    }
  }
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const ir::Value& input = graph.value(graph.inputs()[i]);
    for (std::size_t dim = 0; dim < inputs[i].rank(); ++dim) {
      const std::int64_t expected = TRY(input.type.dims[dim].evaluate(values));
      if (inputs[i].size(dim) == expected) continue;
      return fail(ErrorCode::kInvalidArgument, "input '{}': size {} is {}, expected {}", input.name,
                  dim, inputs[i].size(dim), input.type.dims[dim].to_string());
    }
  }
  return values;
}

}  // namespace tessera::quantize
