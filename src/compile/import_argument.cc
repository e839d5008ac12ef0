// SPDX-License-Identifier: MIT
#include "compile/import_argument.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>
#include <type_traits>

#include "base/try.h"

namespace tessera {
namespace {

using ir::ArgumentKind;
using ir::Dim;
using Converted = Result<std::optional<ir::Argument>>;

std::string_view describe(ArgumentKind kind) {
  switch (kind) {
    case ArgumentKind::kTensor:
      return "a tensor";
    case ArgumentKind::kTensorList:
      return "a list of tensors";
    case ArgumentKind::kInt:
      return "an integer";
    case ArgumentKind::kFloat:
      return "a number";
    case ArgumentKind::kScalar:
      return "a number";
    case ArgumentKind::kBool:
      return "true or false";
    case ArgumentKind::kString:
      return "a string";
    case ArgumentKind::kIntList:
      return "a list of integers";
    case ArgumentKind::kFloatList:
      return "a list of numbers";
    case ArgumentKind::kBoolList:
      return "a list of true and false";
  }
  return "an argument";
}

/// An integer where the schema may also want a float, or a list with one or n of it.
ir::Argument place_integer(const ir::SchemaArgument& wanted, Dim value) {
  if (wanted.kind != ArgumentKind::kIntList) return value;
  return ir::Dims(static_cast<std::size_t>(std::clamp(wanted.list_size, 1, 8)), value);
}

/// Turns one argument of the archive into what `wanted` asks for; nothing if it does not fit.
class Converter {
 public:
  Converter(const ir::SchemaArgument& wanted, const NameScope& scope)
      : wanted_(wanted), scope_(scope) {}

  Converted operator()(std::monostate) const {
    if (!wanted_.is_optional) return std::nullopt;
    return ir::Argument();
  }
  Converted operator()(const pt2::TensorName& tensor) const {
    if (!is(ArgumentKind::kTensor)) return std::nullopt;
    return ir::Argument(TRY(scope_.tensor(tensor.name)));
  }
  Converted operator()(const std::vector<pt2::TensorName>& tensors) const {
    if (tensors.empty()) return empty_list();
    if (!is(ArgumentKind::kTensorList)) return std::nullopt;
    std::vector<ir::ValueId> values;
    for (const auto& tensor : tensors) values.push_back(TRY(scope_.tensor(tensor.name)));
    return ir::Argument(std::move(values));
  }
  Converted operator()(const std::vector<std::optional<pt2::TensorName>>& tensors) const {
    if (tensors.empty()) return empty_list();
    if (!is(ArgumentKind::kTensorList)) return std::nullopt;
    std::vector<ir::ValueId> values;
    for (const auto& tensor : tensors) {
      if (!tensor && !wanted_.has_optional_items) return std::nullopt;
      values.push_back(tensor ? TRY(scope_.tensor(tensor->name)) : ir::kNoTensor);
    }
    return ir::Argument(std::move(values));
  }

  Converted operator()(std::int64_t value) const {
    if (is(ArgumentKind::kTensor)) return constant(value);
    if (is(ArgumentKind::kFloat)) return ir::Argument(static_cast<double>(value));
    if (is(ArgumentKind::kFloatList)) {
      return ir::Argument(std::vector<double>{static_cast<double>(value)});
    }
    return integer(Dim(value));
  }
  Converted operator()(const pt2::SymbolName& symbol) const {
    return integer(TRY(scope_.symbol(symbol.name)));
  }
  Converted operator()(const std::vector<std::variant<std::int64_t, pt2::SymbolName>>& list) const {
    if (list.empty()) return empty_list();
    if (is(ArgumentKind::kFloatList)) return as_reals(list);
    if (!is(ArgumentKind::kIntList)) return std::nullopt;
    ir::Dims dims;
    for (const auto& element : list) {
      const auto* number = std::get_if<std::int64_t>(&element);
      dims.push_back(number != nullptr
                         ? Dim(*number)
                         : TRY(scope_.symbol(std::get<pt2::SymbolName>(element).name)));
    }
    return ir::Argument(std::move(dims));
  }

  Converted operator()(double value) const {
    if (is(ArgumentKind::kTensor)) return constant(static_cast<float>(value));
    if (!is(ArgumentKind::kFloat) && !is(ArgumentKind::kScalar)) return std::nullopt;
    return ir::Argument(value);
  }
  Converted operator()(const std::vector<double>& values) const {
    if (values.empty()) return empty_list();
    if (!is(ArgumentKind::kFloatList)) return std::nullopt;
    return ir::Argument(values);
  }
  Converted operator()(bool value) const {
    if (is(ArgumentKind::kTensor)) return constant(value);
    if (!is(ArgumentKind::kBool) && !is(ArgumentKind::kScalar)) return std::nullopt;
    return ir::Argument(value);
  }
  Converted operator()(const std::vector<bool>& values) const {
    if (values.empty()) return empty_list();
    if (!is(ArgumentKind::kBoolList)) return std::nullopt;
    return ir::Argument(values);
  }
  Converted operator()(const std::string& text) const {
    if (!is(ArgumentKind::kString)) return std::nullopt;
    return ir::Argument(text);
  }
  Converted operator()(const std::vector<std::string>&) const { return std::nullopt; }

  Converted operator()(DType dtype) const { return integer(Dim(static_cast<int>(dtype))); }
  Converted operator()(pt2::MemoryFormat format) const {
    return integer(Dim(static_cast<int>(format)));
  }
  Converted operator()(pt2::StridedLayout) const { return integer(Dim(0)); }
  Converted operator()(const pt2::Device& device) const {
    if (wanted_.is_optional) return ir::Argument();  // everything happens on the CPU
    return (*this)(device.type);
  }
  Converted operator()(const pt2::OtherArgument& other) const {
    return fail(ErrorCode::kNotSupported, "arguments of kind '{}' are not supported", other.kind);
  }

 private:
  bool is(ArgumentKind kind) const { return wanted_.kind == kind; }

  /// torch.tensor(value): rank 0, and real numbers in the default type.
  template <class T>
  Converted constant(T value) const {
    return ir::Argument(scope_.constant(Tensor::of<T>(Shape{}, std::span<const T>(&value, 1))));
  }

  Converted integer(Dim value) const {
    if (!is(ArgumentKind::kInt) && !is(ArgumentKind::kScalar) && !is(ArgumentKind::kIntList)) {
      return std::nullopt;
    }
    return place_integer(wanted_, std::move(value));
  }

  /// Python's [] has no element type, so it may come as a list of anything.
  Converted empty_list() const {
    switch (wanted_.kind) {
      case ArgumentKind::kTensorList:
        return ir::Argument(std::vector<ir::ValueId>());
      case ArgumentKind::kIntList:
        return ir::Argument(ir::Dims());
      case ArgumentKind::kFloatList:
        return ir::Argument(std::vector<double>());
      case ArgumentKind::kBoolList:
        return ir::Argument(std::vector<bool>());
      default:
        return std::nullopt;
    }
  }

  static Converted as_reals(const std::vector<std::variant<std::int64_t, pt2::SymbolName>>& list) {
    std::vector<double> reals;
    for (const auto& element : list) {
      const auto* number = std::get_if<std::int64_t>(&element);
      if (number == nullptr) return std::nullopt;
      reals.push_back(static_cast<double>(*number));
    }
    return ir::Argument(std::move(reals));
  }

  const ir::SchemaArgument& wanted_;
  const NameScope& scope_;
};

template <class T>
std::optional<T> parse_whole(std::string_view text) {
  T value{};
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size()) return std::nullopt;
  return value;
}

/// A schema's default is read as if the archive had passed it.
std::optional<pt2::Argument> parse_default(std::string_view text) {
  if (text == "None") return pt2::Argument();
  if (text == "True" || text == "False") return pt2::Argument(text == "True");
  if (text == "contiguous_format") return pt2::Argument(pt2::MemoryFormat::kContiguous);
  if (text == "preserve_format") return pt2::Argument(pt2::MemoryFormat::kPreserve);
  if (const auto integer = parse_whole<std::int64_t>(text)) return pt2::Argument(*integer);
  if (const auto real = parse_whole<double>(text)) return pt2::Argument(*real);
  if (text.size() < 2) return std::nullopt;
  std::string_view inside = text.substr(1, text.size() - 2);
  if (text.front() == text.back() && (text.front() == '\'' || text.front() == '"')) {
    return pt2::Argument(std::string(inside));
  }
  if (text.front() != '[' || text.back() != ']') return std::nullopt;
  std::vector<std::variant<std::int64_t, pt2::SymbolName>> list;
  while (!inside.empty()) {
    const auto comma = std::min(inside.find(','), inside.size());
    const auto number = parse_whole<std::int64_t>(inside.substr(0, comma));
    if (!number) return std::nullopt;
    list.emplace_back(*number);
    inside.remove_prefix(std::min(comma + 1, inside.size()));
    while (inside.starts_with(' ')) inside.remove_prefix(1);
  }
  return pt2::Argument(std::move(list));
}

Result<ir::Argument> convert(const ir::SchemaArgument& wanted, const pt2::Argument& found,
                             const NameScope& scope) {
  auto converted = std::visit(Converter(wanted, scope), found);
  if (!converted) {
    return with_context(std::move(converted).error(), std::format("argument '{}'", wanted.name));
  }
  if (*converted) return **std::move(converted);
  return fail(ErrorCode::kInvalidProgram, "argument '{}': expected {}, found another kind",
              wanted.name, describe(wanted.kind));
}

Result<ir::Argument> default_of(const ir::SchemaArgument& wanted, const NameScope& scope) {
  if (!wanted.has_default) {
    return fail(ErrorCode::kInvalidProgram, "argument '{}' is missing", wanted.name);
  }
  const auto parsed = parse_default(wanted.default_text);
  CHECK(parsed.has_value(), "default '{}' of '{}'", wanted.default_text, wanted.name);
  return convert(wanted, *parsed, scope);
}

}  // namespace

Result<std::vector<ir::Argument>> import_arguments(const ir::Schema& schema, const pt2::Node& node,
                                                   const NameScope& scope) {
  std::vector<ir::Argument> arguments;
  for (const ir::SchemaArgument& wanted : schema.arguments) {
    const auto found = std::ranges::find(node.arguments, wanted.name, &pt2::NamedArgument::name);
    arguments.push_back(found == node.arguments.end() ? TRY(default_of(wanted, scope))
                                                      : TRY(convert(wanted, found->value, scope)));
  }
  for (const pt2::NamedArgument& argument : node.arguments) {
    if (!std::ranges::contains(schema.arguments, argument.name, &ir::SchemaArgument::name)) {
      return fail(ErrorCode::kInvalidProgram, "{} has no argument '{}'", schema.full_name(),
                  argument.name);
    }
    if (std::ranges::count(node.arguments, argument.name, &pt2::NamedArgument::name) > 1) {
      return fail(ErrorCode::kInvalidProgram, "argument '{}' is passed twice", argument.name);
    }
  }
  return arguments;
}

}  // namespace tessera
