// SPDX-License-Identifier: MIT
#include "quantize/model_inputs.h"

#include "base/try.h"

namespace tessera::quantize {
namespace {

/// From one value of the size to the next, if it is a straight line over one symbol; else 1.
std::int64_t step_of(const ir::Dim& dim, const ir::SymbolRanges& ranges) {
  const auto symbols = dim.symbols();
  if (symbols.size() != 1) return 1;
  const auto range = ranges.find(symbols[0]);
  if (range == ranges.end() || range->second.min >= range->second.max) return 1;
  const std::int64_t first = range->second.min;
  const auto at = [&](std::int64_t value) { return dim.evaluate({{symbols[0], value}}); };
  const auto start = at(first), next = at(first + 1), end = at(first + 2);
  if (!start || !next || *next <= *start) return 1;
  const bool is_straight = end && *end - *next == *next - *start;
  return is_straight || range->second.max == first + 1 ? *next - *start : 1;
}

Result<InputSize> size_of(const ir::Dim& dim, const ir::SymbolRanges& ranges) {
  if (dim.is_constant()) return InputSize(dim.constant());
  const ir::DimRange range = TRY(dim.range(ranges));
  return InputSize(dim.to_string(), range.min, range.max, step_of(dim, ranges));
}

}  // namespace

Result<std::vector<ModelInput>> model_inputs(const ir::Graph& graph) {
  std::vector<ModelInput> inputs;
  for (const ir::ValueId id : graph.inputs()) {
    const ir::Value& value = graph.value(id);
    ModelInput input{value.name, value.type.dtype, {}};
    for (const ir::Dim& dim : value.type.dims) {
      auto size = size_of(dim, graph.symbols);
      if (!size) return with_context(std::move(size).error(), "input " + value.name);
      input.sizes.push_back(*std::move(size));
    }
    inputs.push_back(std::move(input));
  }
  return inputs;
}

}  // namespace tessera::quantize
