// SPDX-License-Identifier: MIT
#include "ir/schema.h"

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <mutex>
#include <optional>

#include "base/check.h"
#include "base/try.h"
#include "ir/lexer.h"
#include "ir/operator.h"

namespace tessera::ir {
namespace {

std::optional<ArgumentKind> kind_from_name(std::string_view name) {
  static const std::map<std::string_view, ArgumentKind> kinds = {
      {"Tensor", ArgumentKind::kTensor},    {"int", ArgumentKind::kInt},
      {"SymInt", ArgumentKind::kInt},       {"ScalarType", ArgumentKind::kInt},
      {"MemoryFormat", ArgumentKind::kInt}, {"Layout", ArgumentKind::kInt},
      {"float", ArgumentKind::kFloat},      {"Scalar", ArgumentKind::kScalar},
      {"bool", ArgumentKind::kBool},        {"str", ArgumentKind::kString},
      {"Device", ArgumentKind::kString}};
  const auto found = kinds.find(name);
  return found == kinds.end() ? std::nullopt : std::optional(found->second);
}

std::optional<ArgumentKind> list_of(ArgumentKind kind) {
  switch (kind) {
    case ArgumentKind::kTensor:
      return ArgumentKind::kTensorList;
    case ArgumentKind::kInt:
      return ArgumentKind::kIntList;
    case ArgumentKind::kFloat:
      return ArgumentKind::kFloatList;
    case ArgumentKind::kBool:
      return ArgumentKind::kBoolList;
    default:
      return std::nullopt;
  }
}

// "(a!)" behind Tensor: what aliases what, which Tessera's graphs do not need.
Result<void> skip_alias(TokenStream& tokens) {
  if (!tokens.accept("(")) return {};
  while (!tokens.is(")") && tokens.peek().kind != TokenKind::kEnd) tokens.next();
  return tokens.expect(")");
}

// "Tensor", "Tensor?", "SymInt[2]?", "Tensor(a!)[]"
Result<SchemaArgument> parse_argument_type(TokenStream& tokens) {
  const Token token = tokens.peek();
  const std::string name = TRY(tokens.expect_name());
  TRY(skip_alias(tokens));
  auto kind = kind_from_name(name);
  SchemaArgument argument;
  const bool is_optional = tokens.accept("?");
  if (kind && tokens.accept("[")) {
    argument.has_optional_items = is_optional;
    kind = list_of(*kind);
    if (tokens.peek().kind == TokenKind::kInteger) {
      const std::int64_t size = TRY(tokens.expect_integer());
      argument.list_size = static_cast<int>(std::min<std::int64_t>(size, INT32_MAX));
    }
    TRY(tokens.expect("]"));
    TRY(skip_alias(tokens));
  }
  if (!kind) {
    return std::unexpected(TokenStream::error_at(token, std::format("unknown type '{}'", name)));
  }
  argument.kind = *kind;
  argument.is_optional = tokens.accept("?") || (is_optional && !argument.has_optional_items);
  return argument;
}

Result<std::string> parse_default(TokenStream& tokens) {
  const std::size_t begin = tokens.peek().offset;
  std::size_t end = begin;
  for (int depth = 0; depth > 0 || (!tokens.is(",") && !tokens.is(")"));) {
    if (tokens.peek().kind == TokenKind::kEnd) {
      return std::unexpected(tokens.error("the default does not end"));
    }
    depth += tokens.is("[") ? 1 : tokens.is("]") ? -1 : 0;
    end = tokens.next().end;
  }
  if (begin == end) return std::unexpected(tokens.error("expected a default"));
  return std::string(tokens.source(begin, end));
}

Result<std::vector<SchemaArgument>> parse_arguments(TokenStream& tokens) {
  std::vector<SchemaArgument> arguments;
  TRY(tokens.expect("("));
  while (!tokens.accept(")")) {
    if (!arguments.empty()) TRY(tokens.expect(","));
    if (tokens.accept("*")) {
      if (arguments.empty()) TRY(tokens.expect(","));
      continue;
    }
    SchemaArgument argument = TRY(parse_argument_type(tokens));
    argument.name = TRY(tokens.expect_name());
    if (tokens.accept("=")) {
      argument.has_default = true;
      argument.default_text = TRY(parse_default(tokens));
    }
    arguments.push_back(std::move(argument));
  }
  return arguments;
}

Result<int> parse_results(TokenStream& tokens) {
  if (!tokens.accept("(")) {
    const SchemaArgument only = TRY(parse_argument_type(tokens));
    return only.kind == ArgumentKind::kTensorList ? Schema::kResultList : 1;
  }
  int num_results = 0;
  while (!tokens.accept(")")) {
    if (num_results++ > 0) TRY(tokens.expect(","));
    TRY(parse_argument_type(tokens));
    if (tokens.peek().kind == TokenKind::kName) tokens.next();
  }
  return num_results;
}

// ATen's code generator bundles these four; see SchemaArgument::is_in_out_variant.
void mark_tensor_options(std::vector<SchemaArgument>& arguments) {
  constexpr std::array<std::string_view, 4> kOptions = {kDTypeArgument, "layout", "device",
                                                        "pin_memory"};
  const auto is_option = [&](const SchemaArgument& argument) {
    return std::ranges::contains(kOptions, argument.name);
  };
  if (std::ranges::count_if(arguments, is_option) != std::ssize(kOptions)) return;
  for (SchemaArgument& argument : arguments) argument.is_in_out_variant = !is_option(argument);
}

}  // namespace

std::size_t Schema::num_out_variant_arguments() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(arguments, &SchemaArgument::is_in_out_variant));
}

Result<Schema> parse_schema(std::string_view text) {
  TokenStream tokens = TRY(TokenStream::open(text));
  Schema schema;
  schema.name = TRY(tokens.expect_name());
  TRY(tokens.expect("::"));
  schema.name += "::" + TRY(tokens.expect_name());
  if (tokens.accept(".")) schema.overload = TRY(tokens.expect_name());
  schema.arguments = TRY(parse_arguments(tokens));
  mark_tensor_options(schema.arguments);
  TRY(tokens.expect("->"));
  schema.num_results = TRY(parse_results(tokens));
  TRY(tokens.expect_end());
  return schema;
}

const Schema& schema_of(const Operator& op) {
  static std::mutex mutex;
  static std::map<std::string, std::unique_ptr<const Schema>, std::less<>> schemas;
  const std::scoped_lock lock(mutex);
  auto found = schemas.find(op.schema);
  if (found == schemas.end()) {
    auto schema = parse_schema(op.schema);
    CHECK(schema.has_value(), "schema '{}': {}", op.schema, schema.error().message);
    found = schemas.emplace(op.schema, std::make_unique<const Schema>(*std::move(schema))).first;
  }
  return *found->second;
}

}  // namespace tessera::ir
