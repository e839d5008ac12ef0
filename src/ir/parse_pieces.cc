// SPDX-License-Identifier: MIT
#include <charconv>
#include <limits>

#include "base/try.h"
#include "ir/parser.h"

namespace tessera::ir {
namespace {

bool is_type(const TokenStream& tokens) {
  return tokens.peek().kind == TokenKind::kName && dtype_from_name(tokens.peek().text) &&
         tokens.is("[", 1);
}

// A real number with an optional sign, or nothing.
std::optional<double> accept_real(TokenStream& tokens) {
  const bool is_negative = tokens.is("-");
  const Token token = tokens.peek(is_negative);
  double value = 0;
  if (token.kind == TokenKind::kReal) {
    std::from_chars(token.text.data(), token.text.data() + token.text.size(), value);
  } else if (tokens.is("inf", is_negative)) {
    value = std::numeric_limits<double>::infinity();
  } else if (tokens.is("nan", is_negative)) {
    value = std::numeric_limits<double>::quiet_NaN();
  } else {
    return std::nullopt;
  }
  if (is_negative) tokens.next();
  tokens.next();
  return is_negative ? -value : value;
}

template <class T, class Elements>
std::vector<T> all_as(const Elements& elements) {
  std::vector<T> values;
  for (const Literal& element : elements) values.push_back(std::get<T>(element));
  return values;
}

}  // namespace

Result<TensorType> parse_type(TokenStream& tokens) {
  if (!is_type(tokens)) return std::unexpected(tokens.error("expected a type like f32[1,3,h,w]"));
  TensorType type{*dtype_from_name(tokens.next().text), {}};
  tokens.next();
  while (!tokens.accept("]")) {
    if (!type.dims.empty()) TRY(tokens.expect(","));
    if (type.rank() == Shape::kMaxRank) {
      return std::unexpected(tokens.error(std::format("more than {} dimensions", Shape::kMaxRank)));
    }
    type.dims.push_back(TRY(parse_dim(tokens)));
  }
  return type;
}

Result<SymbolRanges> parse_ranges(TokenStream& tokens) {
  SymbolRanges ranges;
  if (!tokens.accept("where")) return ranges;
  do {
    const Token token = tokens.peek();
    const std::string name = TRY(tokens.expect_name());
    TRY(tokens.expect("in"));
    DimRange range;
    range.min = TRY(tokens.expect_integer());
    TRY(tokens.expect(".."));
    if (tokens.peek().kind == TokenKind::kInteger || tokens.is("-")) {
      range.max = TRY(tokens.expect_integer());
    }
    if (range.max < range.min) {
      return std::unexpected(
          TokenStream::error_at(token, std::format("the range of {} is empty", name)));
    }
    if (!is_symbol_name(name) || !ranges.emplace(name, range).second) {
      return std::unexpected(TokenStream::error_at(
          token, std::format("'{}' is no name for a symbol or has a range already", name)));
    }
  } while (tokens.accept(","));
  return ranges;
}

Result<Literal> parse_literal(TokenStream& tokens) {
  if (tokens.accept("none")) return std::monostate();
  if (tokens.accept("true")) return true;
  if (tokens.accept("false")) return false;
  if (tokens.peek().kind == TokenKind::kString) return tokens.next().text;
  if (const auto real = accept_real(tokens)) return *real;
  return TRY(parse_dim(tokens));
}

Result<ListLiteral> gather(const TokenStream& tokens, const std::vector<Literal>& elements) {
  std::size_t num_dims = 0, num_bools = 0;
  for (const Literal& element : elements) {
    num_dims += std::holds_alternative<Dim>(element);
    num_bools += std::holds_alternative<bool>(element);
  }
  if (num_dims == elements.size()) return all_as<Dim>(elements);
  if (num_bools == elements.size()) return all_as<bool>(elements);
  std::vector<double> reals;
  for (const Literal& element : elements) {
    if (const auto* dim = std::get_if<Dim>(&element); dim != nullptr && dim->is_constant()) {
      reals.push_back(static_cast<double>(dim->constant()));
    }
    if (const auto* real = std::get_if<double>(&element)) reals.push_back(*real);
  }
  if (reals.size() == elements.size()) return reals;
  return std::unexpected(tokens.error("the elements of a list must be of one kind"));
}

Result<TensorType> parse_type(std::string_view text) {
  TokenStream tokens = TRY(TokenStream::open(text));
  TensorType type = TRY(parse_type(tokens));
  TRY(tokens.expect_end());
  return type;
}

Result<std::vector<SampleArgument>> parse_sample(std::string_view text) {
  TokenStream tokens = TRY(TokenStream::open(text));
  const auto parse_tensor = [](TokenStream& stream) -> Result<std::optional<TensorType>> {
    if (!is_type(stream)) return std::nullopt;
    return TRY(parse_type(stream));
  };
  std::vector<SampleArgument> arguments;
  TRY(tokens.expect("("));
  while (!tokens.accept(")")) {
    if (!arguments.empty()) TRY(tokens.expect(","));
    arguments.push_back(TRY((parse_argument<SampleArgument, TensorType>(tokens, parse_tensor))));
  }
  TRY(tokens.expect_end());
  return arguments;
}

namespace {

Result<std::vector<TensorType>> parse_types(TokenStream& tokens) {
  std::vector<TensorType> types;
  TRY(tokens.expect("("));
  while (!tokens.accept(")")) {
    if (!types.empty()) TRY(tokens.expect(","));
    types.push_back(TRY(parse_type(tokens)));
  }
  return types;
}

}  // namespace

Result<Signature> parse_signature(std::string_view text) {
  TokenStream tokens = TRY(TokenStream::open(text));
  Signature signature;
  signature.inputs = TRY(parse_types(tokens));
  if (tokens.accept("->")) signature.outputs = TRY(parse_types(tokens));
  signature.symbols = TRY(parse_ranges(tokens));
  TRY(tokens.expect_end());
  return signature;
}

Signature signature_of(const Graph& graph) {
  Signature signature{{}, graph.symbols};
  for (const ValueId id : graph.inputs()) signature.inputs.push_back(graph.value(id).type);
  for (const ValueId id : graph.outputs()) signature.outputs.push_back(graph.value(id).type);
  return signature;
}

}  // namespace tessera::ir
