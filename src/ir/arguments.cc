// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>

#include "base/try.h"
#include "ir/graph.h"
#include "ir/parser.h"

namespace tessera::ir {
namespace {

std::string_view name_of_kind(const Argument& argument) {
  static constexpr std::array<std::string_view, std::variant_size_v<Argument>> kNames = {
      "none",      "a tensor", "a list of tensors",  "an integer",      "a real number",
      "a boolean", "a string", "a list of integers", "a list of reals", "a list of booleans"};
  return kNames[argument.index()];
}

std::string_view name_of_kind(ArgumentKind kind) {
  switch (kind) {
    case ArgumentKind::kTensor:
      return "a tensor";
    case ArgumentKind::kTensorList:
      return "a list of tensors";
    case ArgumentKind::kInt:
      return "an integer";
    case ArgumentKind::kFloat:
    case ArgumentKind::kScalar:
      return "a number";
    case ArgumentKind::kBool:
      return "a boolean";
    case ArgumentKind::kString:
      return "a string";
    case ArgumentKind::kIntList:
      return "a list of integers";
    case ArgumentKind::kFloatList:
      return "a list of reals";
    case ArgumentKind::kBoolList:
      return "a list of booleans";
  }
  return "";
}

bool fits(const Argument& argument, const SchemaArgument& wanted) {
  const auto is = [&]<class T>(std::type_identity<T>) {
    return std::holds_alternative<T>(argument);
  };
  const bool is_number = is(std::type_identity<double>()) ||
                         (is(std::type_identity<Dim>()) && std::get<Dim>(argument).is_constant());
  if (is(std::type_identity<std::monostate>())) return wanted.is_optional;
  switch (wanted.kind) {
    case ArgumentKind::kTensor:
      return is(std::type_identity<ValueId>());
    case ArgumentKind::kTensorList:
      return is(std::type_identity<std::vector<ValueId>>()) &&
             (wanted.has_optional_items ||
              !std::ranges::contains(std::get<std::vector<ValueId>>(argument), kNoTensor));
    case ArgumentKind::kInt:
      return is(std::type_identity<Dim>());
    case ArgumentKind::kFloat:
      return is_number;
    case ArgumentKind::kScalar:
      return is_number || is(std::type_identity<bool>());
    case ArgumentKind::kBool:
      return is(std::type_identity<bool>());
    case ArgumentKind::kString:
      return is(std::type_identity<std::string>());
    case ArgumentKind::kIntList:
      return is(std::type_identity<Dims>());
    case ArgumentKind::kFloatList:
      return is(std::type_identity<std::vector<double>>());
    case ArgumentKind::kBoolList:
      return is(std::type_identity<std::vector<bool>>());
  }
  return false;
}

// What the default's text says by itself, before the argument's kind is looked at.
Result<Argument> parse_default_text(const std::string& text) {
  if (text == "None") return std::monostate();
  if (text == "True" || text == "False") return text == "True";
  if (text == "Mean") return Dim(1);  // of the losses' `reduction`
  if (text == "contiguous_format") return Dim(0);
  TokenStream tokens = TRY(TokenStream::open(text));
  const auto no_tensor = [](TokenStream&) -> Result<std::optional<ValueId>> {
    return std::nullopt;
  };
  Argument argument = TRY((parse_argument<Argument, ValueId>(tokens, no_tensor)));
  TRY(tokens.expect_end());
  return argument;
}

}  // namespace

Argument of_kind(Argument argument, ArgumentKind kind) {
  if (const auto* dims = std::get_if<Dims>(&argument); dims != nullptr && dims->empty()) {
    if (kind == ArgumentKind::kTensorList) return std::vector<ValueId>();
    if (kind == ArgumentKind::kFloatList) return std::vector<double>();
    if (kind == ArgumentKind::kBoolList) return std::vector<bool>();
  }
  return argument;
}

Result<Argument> default_argument(const SchemaArgument& argument) {
  const auto failure = [&] {
    return fail(ErrorCode::kNotSupported, "the argument '{}' has the default '{}'", argument.name,
                argument.default_text);
  };
  if (!argument.has_default) {
    return fail(ErrorCode::kInvalidArgument, "the argument '{}' is missing", argument.name);
  }
  auto parsed = parse_default_text(argument.default_text);
  if (!parsed) return failure();
  Argument value = of_kind(*std::move(parsed), argument.kind);
  if (argument.kind == ArgumentKind::kIntList && std::holds_alternative<Dim>(value)) {
    const Dim each = std::get<Dim>(value);
    value = Dims(static_cast<std::size_t>(std::clamp(argument.list_size, 1, 16)), each);
  }
  if (argument.kind == ArgumentKind::kFloat && std::holds_alternative<Dim>(value) &&
      std::get<Dim>(value).is_constant()) {
    value = static_cast<double>(std::get<Dim>(value).constant());
  }
  if (!fits(value, argument)) return failure();
  return value;
}

Result<void> check_arguments(const Operator& op, const std::vector<Argument>& arguments) {
  const Schema& schema = schema_of(op);
  if (arguments.size() != schema.arguments.size()) {
    return fail(ErrorCode::kInvalidArgument, "expected {} arguments, found {}",
                schema.arguments.size(), arguments.size());
  }
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const SchemaArgument& wanted = schema.arguments[i];
    if (fits(arguments[i], wanted)) continue;
    const auto* tensors = std::get_if<std::vector<ValueId>>(&arguments[i]);
    const bool has_none = tensors != nullptr && std::ranges::contains(*tensors, kNoTensor);
    return fail(ErrorCode::kInvalidArgument, "argument {} '{}': expected {}, found {}{}", i,
                wanted.name, name_of_kind(wanted.kind), name_of_kind(arguments[i]),
                has_none ? " with none in it" : "");
  }
  return {};
}

}  // namespace tessera::ir
