// SPDX-License-Identifier: MIT
#include "ops/expression.h"

#include <array>
#include <charconv>
#include <deque>

#include "base/check.h"
#include "base/try.h"
#include "ops/convert.h"
#include "ops/registry.h"
#include "ops/rewriter.h"

namespace tessera::ops {
namespace {

using ir::ArgumentKind;
using ir::Schema;

/// Evaluates an expression over what stands for tensors: types, or values of a graph. The text is
/// part of Tessera, so whatever is wrong with it aborts.
template <class Calls>
class Evaluator {
 public:
  using Argument = typename Calls::Argument;
  Evaluator(std::string_view text, Calls& calls) : rest_(text), calls_(calls) {}

  /// The outermost call, for `finish` instead of `call`.
  Result<void> run() {
    const ir::Operator& op = callee();
    return calls_.finish(op, TRY(arguments_of(op)));
  }

 private:
  const ir::Operator& callee() {
    const std::string_view name = rest_.substr(0, rest_.find('('));
    const ir::Operator* op = find_operator(name);
    CHECK(op != nullptr, "no operator '{}' in an expression", name);
    rest_.remove_prefix(name.size() + 1);
    return *op;
  }

  Result<std::vector<Argument>> arguments_of(const ir::Operator& op) {
    const Schema& schema = ir::schema_of(op);
    std::vector<Argument> arguments;
    while (!take(')')) {
      CHECK(arguments.size() < schema.arguments.size(), "too many arguments of {}", op.schema);
      const ArgumentKind kind = schema.arguments[arguments.size()].kind;
      arguments.push_back(TRY(argument(kind == ArgumentKind::kTensor)));
      take(',');
      while (take(' ')) {
      }
    }
    while (arguments.size() < schema.arguments.size()) {
      arguments.push_back(
          calls_.plain(TRY(ir::default_argument(schema.arguments[arguments.size()]))));
    }
    return arguments;
  }

  Result<Argument> argument(bool is_tensor) {
    CHECK(!rest_.empty(), "an expression ends too early");
    if (rest_.starts_with("aten::")) {
      const ir::Operator& op = callee();
      return calls_.call(op, TRY(arguments_of(op)));
    }
    if (take('$')) {
      const Argument given = calls_.given(static_cast<std::size_t>(number()));
      return is_tensor ? calls_.as_tensor(given) : given;
    }
    if (take('\'')) {
      const std::string_view text = rest_.substr(0, rest_.find('\''));
      rest_.remove_prefix(text.size() + 1);
      return calls_.plain(std::string(text));
    }
    for (const auto& [word, value] : {std::pair("true", true), std::pair("false", false)}) {
      if (take_word(word)) return calls_.plain(value);
    }
    if (take_word("none")) return calls_.plain(std::monostate());
    const bool is_real = rest_.substr(0, rest_.find_first_of(",)")).contains('.');
    const double value = number();
    const ir::Argument constant =
        is_real ? ir::Argument(value) : ir::Argument(ir::Dim(static_cast<std::int64_t>(value)));
    return is_tensor ? calls_.as_tensor(calls_.plain(constant)) : calls_.plain(constant);
  }

  double number() {
    double value = 0;
    const auto [end, error] = std::from_chars(rest_.begin(), rest_.end(), value);
    CHECK(error == std::errc(), "no number at '{}' of an expression", rest_);
    rest_.remove_prefix(static_cast<std::size_t>(end - rest_.begin()));
    return value;
  }

  bool take(char wanted) {
    if (!rest_.starts_with(wanted)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool take_word(std::string_view word) {
    if (!rest_.starts_with(word)) return false;
    rest_.remove_prefix(word.size());
    return true;
  }

  std::string_view rest_;
  Calls& calls_;
};

/// The number that an argument is, if it is one.
template <class Argument>
std::optional<double> number_of(const Argument& argument) {
  if (const auto* real = std::get_if<double>(&argument)) return *real;
  if (const auto* flag = std::get_if<bool>(&argument)) return *flag ? 1.0 : 0.0;
  const auto* dim = std::get_if<ir::Dim>(&argument);
  if (dim == nullptr || !dim->is_constant()) return std::nullopt;
  return static_cast<double>(dim->constant());
}

class TypeCalls {
 public:
  using Argument = ir::TypeArguments::Argument;
  explicit TypeCalls(const ir::TypeArguments& given) : given_(given) {}

  const Argument& given(std::size_t position) const { return given_[position]; }
  Argument as_tensor(const Argument& argument) {
    if (!number_of(argument)) return argument;
    return &types_.emplace_back(given_.tensor(0).dtype, ir::Dims{});
  }
  /// Expressions and defaults have no tensors of their own.
  Argument plain(const ir::Argument& value) const {
    return std::visit(
        [](const auto& held) -> Argument {
          if constexpr (std::is_convertible_v<decltype(held), Argument>) return held;
          return std::monostate();
        },
        value);
  }
  Result<Argument> call(const ir::Operator& op, const std::vector<Argument>& arguments) {
    auto types = TRY(op.infer(ir::TypeArguments(arguments)));
    return &types_.emplace_back(std::move(types.front()));
  }
  Result<void> finish(const ir::Operator& op, const std::vector<Argument>& arguments) {
    results = TRY(op.infer(ir::TypeArguments(arguments)));
    results.resize(1);
    return {};
  }

  std::vector<ir::TensorType> results;

 private:
  const ir::TypeArguments& given_;
  std::deque<ir::TensorType> types_;
};

class GraphCalls {
 public:
  using Argument = ir::Argument;
  GraphCalls(ir::Graph& graph, ir::NodeId id) : rewriter_(graph, id) {}

  const Argument& given(std::size_t position) const { return rewriter_.argument(position); }
  Argument as_tensor(const Argument& argument) {
    const auto number = number_of(argument);
    if (!number) return argument;
    return rewriter_.number(*number, rewriter_.type_of(rewriter_.tensor(0)).dtype);
  }
  Argument plain(const ir::Argument& value) const { return value; }
  Result<Argument> call(const ir::Operator& op, std::vector<Argument> arguments) {
    return TRY(rewriter_.call(op, std::move(arguments)));
  }
  Result<void> finish(const ir::Operator& op, std::vector<Argument> arguments) {
    return rewriter_.finish(TRY(rewriter_.call(op, std::move(arguments))));
  }

 private:
  Rewriter rewriter_;
};

}  // namespace

Tensor number_tensor(double value, DType dtype) {
  alignas(8) std::array<std::byte, 8> element;
  convert_elements(DType::kF64, &value, dtype, element.data(), 1);
  return Tensor::of_bytes(dtype, {}, std::span<const std::byte>(element.data(), size_of(dtype)));
}

Result<std::vector<ir::TensorType>> infer_expression(std::string_view expression,
                                                     const ir::TypeArguments& arguments) {
  TypeCalls calls(arguments);
  TRY(Evaluator(expression, calls).run());
  return std::move(calls.results);
}

Result<void> decompose_expression(std::string_view expression, ir::Graph& graph, ir::NodeId id) {
  GraphCalls calls(graph, id);
  return Evaluator(expression, calls).run();
}

}  // namespace tessera::ops
