// SPDX-License-Identifier: MIT
#include "compile/sympy_fraction.h"

#include "base/try.h"

namespace tessera {
namespace {

using ir::Dim;
using Arguments = std::span<const SympyFraction>;

constexpr std::int64_t kMaxDenominator = std::int64_t{1} << 31;
constexpr std::int64_t kMaxExponent = 16;

Result<std::int64_t> common_denominator(std::int64_t a, std::int64_t b) {
  if (a > kMaxDenominator / b) {
    return fail(ErrorCode::kNotSupported, "a fraction's denominator is above {}", kMaxDenominator);
  }
  return a * b;
}

Result<SympyFraction> ceiling(const SympyFraction& a) {
  return SympyFraction{ir::ceil_div(a.numerator, a.denominator)};
}

/// Toward zero.
Result<SympyFraction> truncate(const SympyFraction& a) {
  if (a.denominator == 1) return a;
  return SympyFraction{max(floor_of(a), Dim(0)) +
                       min(ir::ceil_div(a.numerator, a.denominator), Dim(0))};
}

Result<SympyFraction> floor(const SympyFraction& a) { return SympyFraction{floor_of(a)}; }
Result<SympyFraction> same(const SympyFraction& a) { return a; }

Result<SympyFraction> ceil_divide(const SympyFraction& a, const SympyFraction& b) {
  const SympyFraction less_one = TRY(add(b, {.numerator = -1}));
  return floor_divide(TRY(add(a, less_one)), b);
}

Result<SympyFraction> larger(const SympyFraction& a, const SympyFraction& b) {
  return SympyFraction{max(floor_of(a), floor_of(b))};
}
Result<SympyFraction> smaller(const SympyFraction& a, const SympyFraction& b) {
  return SympyFraction{min(floor_of(a), floor_of(b))};
}

struct UnaryFunction {
  std::string_view name;
  Result<SympyFraction> (*call)(const SympyFraction&);
};
constexpr UnaryFunction kUnaryFunctions[] = {
    {"Integer", same},      {"Identity", same},       {"ToFloat", same},
    {"floor", floor},       {"FloorToInt", floor},    {"ceiling", ceiling},
    {"CeilToInt", ceiling}, {"TruncToInt", truncate}, {"TruncToFloat", truncate},
};

struct BinaryFunction {
  std::string_view name;
  bool takes_more;  ///< any number of arguments, from the left
  Result<SympyFraction> (*call)(const SympyFraction&, const SympyFraction&);
};
constexpr BinaryFunction kBinaryFunctions[] = {
    {"Add", true, add},
    {"Mul", true, multiply},
    {"Max", true, larger},
    {"Min", true, smaller},
    {"Rational", false, divide},
    {"IntTrueDiv", false, divide},
    {"FloatTrueDiv", false, divide},
    {"Pow", false, power},
    {"PowByNatural", false, power},
    {"FloatPow", false, power},
    {"FloorDiv", false, floor_divide},
    {"CleanDiv", false, floor_divide},
    {"CeilDiv", false, ceil_divide},
    {"Mod", false, modulo},
    {"PythonMod", false, modulo},
};

}  // namespace

Dim floor_of(const SympyFraction& a) {
  return a.denominator == 1 ? a.numerator : floor_div(a.numerator, Dim(a.denominator));
}

Result<SympyFraction> add(const SympyFraction& a, const SympyFraction& b) {
  if (a.denominator == b.denominator) {
    return SympyFraction{a.numerator + b.numerator, a.denominator};
  }
  return SympyFraction{a.numerator * Dim(b.denominator) + b.numerator * Dim(a.denominator),
                       TRY(common_denominator(a.denominator, b.denominator))};
}

Result<SympyFraction> multiply(const SympyFraction& a, const SympyFraction& b) {
  return SympyFraction{a.numerator * b.numerator,
                       TRY(common_denominator(a.denominator, b.denominator))};
}

Result<SympyFraction> divide(const SympyFraction& a, const SympyFraction& b) {
  if (!b.numerator.is_constant() || b.numerator.constant() <= 0 ||
      b.numerator.constant() > kMaxDenominator) {
    return fail(ErrorCode::kNotSupported, "an exact division by {}, which is no positive constant",
                b.numerator.to_string());
  }
  return multiply(a, {.numerator = b.denominator, .denominator = b.numerator.constant()});
}

Result<SympyFraction> power(const SympyFraction& base, const SympyFraction& exponent) {
  if (exponent.denominator != 1 || !exponent.numerator.is_constant() ||
      exponent.numerator.constant() < -kMaxExponent ||
      exponent.numerator.constant() > kMaxExponent) {
    return fail(ErrorCode::kNotSupported, "the exponent {} is not a whole number of at most {}",
                exponent.numerator.to_string(), kMaxExponent);
  }
  const std::int64_t count = exponent.numerator.constant();
  SympyFraction result{.numerator = 1};
  for (std::int64_t i = 0; i < count; ++i) result = TRY(multiply(result, base));
  for (std::int64_t i = count; i < 0; ++i) result = TRY(divide(result, base));
  return result;
}

Result<SympyFraction> floor_divide(const SympyFraction& a, const SympyFraction& b) {
  if (b.numerator.is_constant() && b.numerator.constant() <= 0) {
    return fail(ErrorCode::kInvalidProgram, "a division by {}", b.numerator.constant());
  }
  return SympyFraction{
      floor_div(a.numerator * Dim(b.denominator), b.numerator * Dim(a.denominator))};
}

Result<SympyFraction> modulo(const SympyFraction& a, const SympyFraction& b) {
  const Dim divisor = floor_of(b);
  if (divisor.is_constant() && divisor.constant() <= 0) {
    return fail(ErrorCode::kInvalidProgram, "a remainder of a division by {}", divisor.constant());
  }
  return SympyFraction{mod(floor_of(a), divisor)};
}

Result<SympyFraction> call_sympy_function(std::string_view name, Arguments arguments) {
  for (const UnaryFunction& function : kUnaryFunctions) {
    if (function.name == name && arguments.size() == 1) return function.call(arguments[0]);
  }
  for (const BinaryFunction& function : kBinaryFunctions) {
    const bool fits = arguments.size() == 2 || (function.takes_more && !arguments.empty());
    if (function.name != name || !fits) continue;
    SympyFraction result = arguments[0];
    for (const SympyFraction& argument : arguments.subspan(1)) {
      result = TRY(function.call(result, argument));
    }
    return result;
  }
  if (name == "ModularIndexing" && arguments.size() == 3) {
    return modulo(TRY(floor_divide(arguments[0], arguments[1])), arguments[2]);
  }
  return fail(ErrorCode::kNotSupported, "the function {} of {} arguments is unknown", name,
              arguments.size());
}

}  // namespace tessera
