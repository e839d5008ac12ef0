// SPDX-License-Identifier: MIT
#include "runtime/prim_operators.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <optional>

#include "base/try.h"

namespace tessera::runtime {
namespace {

using Inputs = std::span<const Scalar>;

template <class... Args>
std::unexpected<Error> invalid(std::format_string<Args...> format, Args&&... args) {
  return fail(ErrorCode::kInvalidArgument, format, std::forward<Args>(args)...);
}

std::optional<double> real(const Scalar& scalar) {
  if (const auto* integer = std::get_if<std::int64_t>(&scalar))
    return static_cast<double>(*integer);
  if (const auto* value = std::get_if<double>(&scalar)) return *value;
  return std::nullopt;
}

/// Two integers or two real numbers (an integer beside a real number is one).
template <class OnIntegers, class OnReals>
Result<Scalar> on_numbers(Inputs inputs, const OnIntegers& on_integers, const OnReals& on_reals) {
  const auto* a = std::get_if<std::int64_t>(&inputs[0]);
  const auto* b = std::get_if<std::int64_t>(&inputs[1]);
  if (a != nullptr && b != nullptr) return on_integers(*a, *b);
  const auto x = real(inputs[0]), y = real(inputs[1]);
  if (x && y) return on_reals(*x, *y);
  return fail(ErrorCode::kInvalidType, "expected two numbers");
}

/// Integers wrap around.
template <class Function>
Result<Scalar> arithmetic(Inputs inputs) {
  return on_numbers(
      inputs,
      [](std::int64_t a, std::int64_t b) -> Result<Scalar> {
        return static_cast<std::int64_t>(
            Function()(static_cast<std::uint64_t>(a), static_cast<std::uint64_t>(b)));
      },
      [](double a, double b) -> Result<Scalar> { return Function()(a, b); });
}

template <class Function>
Result<Scalar> comparison(Inputs inputs) {
  if (const auto* a = std::get_if<bool>(&inputs[0])) {
    if (const auto* b = std::get_if<bool>(&inputs[1])) return Function()(*a, *b);
  }
  const auto compare = [](auto a, auto b) -> Result<Scalar> { return Function()(a, b); };
  return on_numbers(inputs, compare, compare);
}

template <class Function>
Result<Scalar> integers(Inputs inputs, const Function& function) {
  const auto* a = std::get_if<std::int64_t>(&inputs[0]);
  const auto* b = std::get_if<std::int64_t>(&inputs[1]);
  if (a == nullptr || b == nullptr) return fail(ErrorCode::kInvalidType, "expected two integers");
  return function(*a, *b);
}

Result<Scalar> quotient(std::int64_t a, std::int64_t b) {
  if (b == 0) return invalid("division of {} by zero", a);
  if (b == -1) return static_cast<std::int64_t>(0 - static_cast<std::uint64_t>(a));  // may wrap
  return a / b;
}

Result<Scalar> remainder(std::int64_t a, std::int64_t b) {
  if (b == 0) return invalid("remainder of {} by zero", a);
  if (b == -1) return std::int64_t{0};
  return a % b;
}

Result<Scalar> floor_quotient(std::int64_t a, std::int64_t b) {
  const auto truncated = std::get<std::int64_t>(TRY(quotient(a, b)));
  const bool is_exact = std::get<std::int64_t>(TRY(remainder(a, b))) == 0;
  return is_exact || (a < 0) == (b < 0) ? truncated : truncated - 1;
}

/// Python's a // b: (a - a % b) / b, so that a == (a // b) * b + a % b in spite of rounding.
Result<Scalar> floor_quotient_of_reals(double a, double b) {
  if (b == 0) {
    const double infinity = std::numeric_limits<double>::infinity();
    return std::signbit(a) ? -infinity : infinity;
  }
  const double rest = std::fmod(a, b);
  const double exact = (a - rest) / b;
  return rest != 0 && std::signbit(b) != std::signbit(rest) ? exact - 1 : exact;
}

Result<Scalar> floor_division(Inputs inputs) {
  return on_numbers(inputs, floor_quotient, floor_quotient_of_reals);
}

Result<Scalar> true_division(Inputs inputs) {
  const auto a = real(inputs[0]), b = real(inputs[1]);
  if (!a || !b) return fail(ErrorCode::kInvalidType, "expected two numbers");
  return *a / *b;
}

Result<Scalar> to_float(Inputs inputs) {
  if (const auto* boolean = std::get_if<bool>(&inputs[0])) return *boolean ? 1.0 : 0.0;
  if (const auto value = real(inputs[0])) return *value;
  return fail(ErrorCode::kInvalidType, "expected a number");
}

Result<Scalar> integer_of(double value) {
  constexpr double kLimit = 0x1p63;
  if (value >= -kLimit && value < kLimit) return static_cast<std::int64_t>(value);
  return invalid("{} is no 64-bit integer", value);
}

Result<Scalar> to_int(Inputs inputs) {
  if (const auto* integer = std::get_if<std::int64_t>(&inputs[0])) return *integer;
  if (const auto* boolean = std::get_if<bool>(&inputs[0])) return std::int64_t{*boolean};
  if (const auto* value = std::get_if<double>(&inputs[0])) return integer_of(*value);
  return fail(ErrorCode::kInvalidType, "expected a number");
}

template <double (*kRound)(double)>
Result<Scalar> rounding(Inputs inputs) {
  const auto* value = std::get_if<double>(&inputs[0]);
  if (value == nullptr) return fail(ErrorCode::kInvalidType, "expected a Double");
  return integer_of(kRound(*value));
}

double ceiling(double value) { return std::ceil(value); }
double truncated(double value) { return std::trunc(value); }
/// Halves to even, as Python's round.
double rounded(double value) { return std::nearbyint(value); }

Result<Scalar> negation(Inputs inputs) {
  if (const auto* integer = std::get_if<std::int64_t>(&inputs[0])) {
    return static_cast<std::int64_t>(0 - static_cast<std::uint64_t>(*integer));
  }
  if (const auto* value = std::get_if<double>(&inputs[0])) return -*value;
  return fail(ErrorCode::kInvalidType, "expected a number");
}

Result<Scalar> logical_not(Inputs inputs) {
  if (const auto* boolean = std::get_if<bool>(&inputs[0])) return !*boolean;
  return fail(ErrorCode::kInvalidType, "expected a Bool");
}

Result<Scalar> if_then_else(Inputs inputs) {
  if (const auto* boolean = std::get_if<bool>(&inputs[0])) return inputs[*boolean ? 1 : 2];
  return fail(ErrorCode::kInvalidType, "expected a Bool, then two numbers");
}

Result<Scalar> maximum(Inputs inputs) {
  return integers(inputs, [](auto a, auto b) -> Result<Scalar> { return std::max(a, b); });
}
Result<Scalar> minimum(Inputs inputs) {
  return integers(inputs, [](auto a, auto b) -> Result<Scalar> { return std::min(a, b); });
}
Result<Scalar> integer_division(Inputs inputs) { return integers(inputs, quotient); }
Result<Scalar> modulo(Inputs inputs) { return integers(inputs, remainder); }

using enum PrimKind;

// clang-format off: one line per operator
constexpr PrimOperator kOperators[] = {
    {"aten::sym_size.int", 2, kSize},
    {"aten::sym_numel", 1, kNumel},
    {"aten::_local_scalar_dense", 1, kElement},
    {"executorch_prim::et_view.default", 2, kView},
    {"executorch_prim::et_copy_index.tensor", 3, kCopyIndex},
    {"executorch_prim::add.Scalar", 2, kNumbers, arithmetic<std::plus<>>},
    {"executorch_prim::sub.Scalar", 2, kNumbers, arithmetic<std::minus<>>},
    {"executorch_prim::mul.Scalar", 2, kNumbers, arithmetic<std::multiplies<>>},
    {"executorch_prim::floordiv.Scalar", 2, kNumbers, floor_division},
    {"executorch_prim::truediv.Scalar", 2, kNumbers, true_division},
    {"executorch_prim::floordiv.int", 2, kNumbers, integer_division},
    {"executorch_prim::mod.int", 2, kNumbers, modulo},
    {"executorch_prim::mod.Scalar", 2, kNumbers, modulo},
    {"executorch_prim::sym_max.Scalar", 2, kNumbers, maximum},
    {"executorch_prim::sym_min.Scalar", 2, kNumbers, minimum},
    {"executorch_prim::sym_float.Scalar", 1, kNumbers, to_float},
    {"executorch_prim::sym_int.Scalar", 1, kNumbers, to_int},
    {"executorch_prim::eq.Scalar", 2, kNumbers, comparison<std::equal_to<>>},
    {"executorch_prim::gt.Scalar", 2, kNumbers, comparison<std::greater<>>},
    {"executorch_prim::lt.Scalar", 2, kNumbers, comparison<std::less<>>},
    {"executorch_prim::ge.Scalar", 2, kNumbers, comparison<std::greater_equal<>>},
    {"executorch_prim::le.Scalar", 2, kNumbers, comparison<std::less_equal<>>},
    {"executorch_prim::neg.Scalar", 1, kNumbers, negation},
    {"executorch_prim::sym_not.Scalar", 1, kNumbers, logical_not},
    {"executorch_prim::sym_ite.Scalar", 3, kNumbers, if_then_else},
    {"executorch_prim::ceil.Scalar", 1, kNumbers, rounding<ceiling>},
    {"executorch_prim::round.Scalar", 1, kNumbers, rounding<rounded>},
    {"executorch_prim::trunc.Scalar", 1, kNumbers, rounding<truncated>},
};
// clang-format on

}  // namespace

std::span<const PrimOperator> prim_operators() { return kOperators; }

const PrimOperator* find_prim_operator(std::string_view name) {
  const auto* found = std::ranges::find(kOperators, name, &PrimOperator::name);
  return found == std::end(kOperators) ? nullptr : found;
}

}  // namespace tessera::runtime
