// SPDX-License-Identifier: MIT
#include "compile/import_symbols.h"

#include <algorithm>
#include <optional>

#include "base/try.h"

namespace tessera {
namespace {

using ir::Dim;
using ir::DimRange;

struct Multiple {
  std::string symbol;
  std::int64_t factor = 1;
};

/// Takes s and c*s apart.
std::optional<Multiple> as_multiple(const Dim& dim) {
  const auto symbols = dim.symbols();
  if (symbols.size() != 1) return std::nullopt;
  const auto factor = dim.evaluate({{symbols[0], 1}});
  if (!factor || *factor < 1 || dim != Dim(*factor) * Dim::symbol(symbols[0])) return std::nullopt;
  return Multiple{symbols[0], *factor};
}

std::string print_bound(std::int64_t bound, std::int64_t factor) {
  return bound == DimRange::kUnbounded ? "any" : std::to_string(bound * factor);
}

Result<Multiple> overridden_symbol(std::span<const InputDims> inputs, const DimOverride& wanted) {
  const auto input = std::ranges::find(inputs, wanted.input, &InputDims::name);
  if (input == inputs.end()) {
    std::string names;
    for (const InputDims& each : inputs) names += (names.empty() ? "" : ", ") + each.name;
    return fail(ErrorCode::kInvalidArgument, "the model has no input '{}', just {}", wanted.input,
                names);
  }
  if (wanted.dim >= input->dims.size()) {
    return fail(ErrorCode::kInvalidArgument, "input '{}' has {} dimensions", wanted.input,
                input->dims.size());
  }
  const Dim& dim = input->dims[wanted.dim];
  if (dim.is_constant()) {
    return fail(ErrorCode::kInvalidArgument,
                "this size was fixed to {} when the model was exported", dim.constant());
  }
  if (auto multiple = as_multiple(dim)) return *multiple;
  return fail(ErrorCode::kInvalidArgument,
              "this size is {}; just a symbol or a multiple of one can be given a range",
              dim.to_string());
}

Result<void> apply(std::span<const InputDims> inputs, const DimOverride& wanted,
                   ir::SymbolRanges& ranges) {
  const auto [symbol, factor] = TRY(overridden_symbol(inputs, wanted));
  if (wanted.min < 0 || wanted.min > wanted.max) {
    return fail(ErrorCode::kInvalidArgument, "{}..{} is no range of sizes", wanted.min, wanted.max);
  }
  if (wanted.min % factor != 0 || wanted.max % factor != 0) {
    return fail(ErrorCode::kInvalidArgument, "{}..{}: the model takes multiples of {} here",
                wanted.min, wanted.max, factor);
  }
  DimRange& range = ranges.at(symbol);
  if (wanted.min / factor < range.min || wanted.max / factor > range.max) {
    return fail(ErrorCode::kInvalidArgument, "{}..{} is not within the exported range {}..{}",
                wanted.min, wanted.max, print_bound(range.min, factor),
                print_bound(range.max, factor));
  }
  range = {.min = wanted.min / factor, .max = wanted.max / factor};
  return {};
}

Result<void> check_bounded(std::span<const InputDims> inputs, const ir::SymbolRanges& ranges) {
  for (const InputDims& input : inputs) {
    for (std::size_t i = 0; i < input.dims.size(); ++i) {
      for (const std::string& symbol : input.dims[i].symbols()) {
        if (ranges.at(symbol).max != DimRange::kUnbounded) continue;
        return fail(ErrorCode::kInvalidArgument,
                    "dimension {} of input '{}' ({}) has no upper bound, which memory planning "
                    "needs; give it one with --dim {}:{}=MIN..MAX or export with Dim(..., max=...)",
                    i, input.name, input.dims[i].to_string(), input.name, i);
      }
    }
  }
  return {};
}

}  // namespace

Result<ir::SymbolRanges> resolve_ranges(
    std::span<const InputDims> inputs,
    const std::map<std::string, pt2::Range, std::less<>>& exported_ranges,
    std::span<const DimOverride> overrides) {
  ir::SymbolRanges ranges;
  for (const InputDims& input : inputs) {
    for (const Dim& dim : input.dims) {
      for (const std::string& symbol : dim.symbols()) ranges.try_emplace(symbol);
    }
  }
  // Keys that are expressions ("4*s18") repeat what the symbols' own ranges say.
  for (auto& [symbol, range] : ranges) {
    const auto found = exported_ranges.find(symbol);
    if (found == exported_ranges.end()) continue;
    range.min = std::max<std::int64_t>(found->second.min.value_or(0), 0);
    range.max = found->second.max.value_or(DimRange::kUnbounded);
    if (range.min > range.max) {
      return fail(ErrorCode::kInvalidProgram, "the range of {} is {}..{}", symbol, range.min,
                  range.max);
    }
  }
  for (const DimOverride& wanted : overrides) {
    if (auto applied = apply(inputs, wanted, ranges); !applied) {
      return with_context(std::move(applied).error(),
                          std::format("--dim {}:{}", wanted.input, wanted.dim));
    }
  }
  TRY(check_bounded(inputs, ranges));
  return ranges;
}

}  // namespace tessera
