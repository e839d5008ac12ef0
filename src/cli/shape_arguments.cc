// SPDX-License-Identifier: MIT
#include "cli/shape_arguments.h"

#include <algorithm>
#include <regex>
#include <set>

#include "base/try.h"
#include "runtime/program_impl.h"

namespace tessera::cli {
namespace {

constexpr std::string_view kForms = "expected INPUT:SIZE,SIZE,... or NAME=SIZE,NAME=SIZE,...";
/// std::regex takes stack by the length of the text.
constexpr std::size_t kMaxTextLength = 1000;

std::vector<std::string> split(const std::string& text) {
  static const std::regex kComma(",");
  return {std::sregex_token_iterator(text.begin(), text.end(), kComma, -1), {}};
}

/// Sizes have at most 18 digits, so that all of them fit 64 bits.
Result<void> parse_sizes(const std::string& text, const std::smatch& match,
                         ShapeArguments& arguments) {
  const std::vector<std::string> sizes = split(match[2]);
  if (sizes.size() > Shape::kMaxRank) {
    return fail(ErrorCode::kInvalidArgument, "--shape {}: {} sizes, at most {} are possible", text,
                sizes.size(), Shape::kMaxRank);
  }
  Shape shape;
  for (const std::string& size : sizes) shape.push_back(std::stoll(size));
  const std::size_t input = std::stoul(match[1]);
  if (!arguments.inputs.emplace(input, shape).second) {
    return fail(ErrorCode::kInvalidArgument, "--shape gives the sizes of input {} twice", input);
  }
  return {};
}

Result<void> parse_symbols(const std::string& text, ShapeArguments& arguments) {
  static const std::regex kPair(R"(([A-Za-z_]\w*)=(\d{1,18}))");
  for (const std::string& pair : split(text)) {
    std::smatch match;
    if (!std::regex_match(pair, match, kPair)) {
      return fail(ErrorCode::kInvalidArgument, "--shape {}: {}", text, kForms);
    }
    if (!arguments.symbols.emplace(match[1], std::stoll(match[2])).second) {
      return fail(ErrorCode::kInvalidArgument, "--shape gives {} twice", match[1].str());
    }
  }
  return {};
}

Result<void> check_symbols(const ShapeArguments& arguments,
                           const std::optional<ir::Signature>& signature) {
  if (arguments.symbols.empty()) return {};
  const std::string& first = arguments.symbols.begin()->first;
  if (!signature || signature->symbols.empty()) {
    return fail(ErrorCode::kInvalidArgument,
                "--shape {}=...: the program names no sizes, expected INPUT:SIZE,SIZE,...", first);
  }
  std::string names;
  for (const auto& [name, range] : signature->symbols) {
    names += std::format("{}{}", names.empty() ? "" : ", ", name);
  }
  for (const auto& [name, value] : arguments.symbols) {
    const auto found = signature->symbols.find(name);
    if (found == signature->symbols.end()) {
      return fail(ErrorCode::kInvalidArgument, "--shape {}={}: the program's sizes are {}", name,
                  value, names);
    }
    const ir::DimRange& range = found->second;
    if (value < range.min || value > range.max) {
      return fail(ErrorCode::kInvalidArgument, "--shape {}={}: expected {}..{}", name, value,
                  range.min, range.max);
    }
  }
  return {};
}

/// Sizes of one input from its symbols, where one that was not given has its largest value.
Result<InputSizes> sizes_from_symbols(const ir::TensorType& type, const ir::Signature& signature,
                                      const ShapeArguments& arguments) {
  ir::SymbolValues values = arguments.symbols;
  InputSizes sizes;
  for (const ir::Dim& dim : type.dims) {
    for (const std::string& symbol : dim.symbols()) {
      if (!arguments.symbols.contains(symbol)) sizes.is_upper_bound = true;
      values.try_emplace(symbol, signature.symbols.at(symbol).max);
    }
    sizes.shape.push_back(TRY(dim.evaluate(values)));
  }
  return sizes;
}

/// The sizes are checked here, before memory is taken for them; which of them go together is
/// checked when the method runs.
Result<void> check_given(std::size_t input, const Shape& shape, const TensorInfo& info) {
  bool fits = shape.rank() == info.max_sizes.rank();
  for (std::size_t dim = 0; fits && dim < shape.rank(); ++dim) {
    fits = shape[dim] >= info.min_sizes[dim] && shape[dim] <= info.max_sizes[dim];
  }
  if (fits) return {};
  return fail(ErrorCode::kInvalidArgument, "--shape {}:{}: input {} is {}, sizes {} to {}", input,
              shape.to_string(), input, info.type_string, info.min_sizes.to_string(),
              info.max_sizes.to_string());
}

}  // namespace

Result<ShapeArguments> ShapeArguments::parse(std::span<const std::string> texts) {
  static const std::regex kSizes(R"((\d{1,4}):(\d{1,18}(?:,\d{1,18})*))");
  ShapeArguments arguments;
  for (const std::string& text : texts) {
    if (text.empty() || text.size() > kMaxTextLength) {
      return fail(ErrorCode::kInvalidArgument, "--shape '{:.100}': {}", text, kForms);
    }
    std::smatch match;
    if (std::regex_match(text, match, kSizes)) {
      TRY(parse_sizes(text, match, arguments));
    } else {
      TRY(parse_symbols(text, arguments));
    }
  }
  return arguments;
}

Result<std::vector<InputSizes>> resolve_sizes(const Program& program, const std::string& method,
                                              const ShapeArguments& arguments) {
  const std::vector<TensorInfo> infos = TRY(program.inputs(method));
  const auto& signature = TRY(program.impl().find_method(method))->signature;
  TRY(check_symbols(arguments, signature));
  if (!arguments.inputs.empty() && arguments.inputs.rbegin()->first >= infos.size()) {
    return fail(ErrorCode::kInvalidArgument, "--shape: no input {}, method '{}' has {}",
                arguments.inputs.rbegin()->first, method, infos.size());
  }
  std::vector<InputSizes> sizes;
  for (std::size_t i = 0; i < infos.size(); ++i) {
    if (const auto given = arguments.inputs.find(i); given != arguments.inputs.end()) {
      TRY(check_given(i, given->second, infos[i]));
      sizes.push_back({given->second, false});
    } else if (signature) {
      sizes.push_back(TRY(sizes_from_symbols(signature->inputs[i], *signature, arguments)));
    } else {
      sizes.push_back({infos[i].max_sizes, infos[i].min_sizes != infos[i].max_sizes});
    }
  }
  return sizes;
}

}  // namespace tessera::cli
