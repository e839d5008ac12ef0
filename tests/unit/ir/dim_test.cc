// SPDX-License-Identifier: MIT
#include "ir/dim.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <random>

namespace tessera::ir {
namespace {

const Dim h = Dim::symbol("h");
const Dim w = Dim::symbol("w");

TEST(Dim, PolynomialsAreCanonical) {
  EXPECT_EQ((h + 1) * (h - 1), h * h - 1);
  EXPECT_EQ(h + w - h, w);
  EXPECT_EQ(h - h, Dim(0));
  EXPECT_TRUE((h * 0 + 7).is_constant());
  EXPECT_NE(h, w);
  EXPECT_NE(h, Dim(1));
}

TEST(Dim, DivisionByAConstantTakesOutWhatItCan) {
  EXPECT_EQ(floor_div(Dim(4) * h - 2, 2) + 1, Dim(2) * h);
  EXPECT_EQ(floor_div(Dim(3) * h + 5, 1), Dim(3) * h + 5);
  EXPECT_EQ(floor_div(Dim(6) * h + w, 3), Dim(2) * h + floor_div(w, 3));
  EXPECT_EQ(floor_div(h - 1, 2) + 1, floor_div(h + 1, 2));
  EXPECT_EQ(floor_div(Dim(2) * h + 3, 4), floor_div(h + 1, 2));
  EXPECT_EQ(floor_div(floor_div(h, 2) + 1, 3), floor_div(h + 2, 6));
  EXPECT_EQ(floor_div(Dim(-7), 2), Dim(-4));
  EXPECT_EQ(floor_div(h, -2), floor_div(Dim(-1) * h, 2));
}

TEST(Dim, RemainderByAConstantTakesOutWhatItCan) {
  EXPECT_EQ(mod(Dim(4) * h + 6, 4), Dim(2));
  EXPECT_EQ(mod(Dim(5) * h + 9, 4), mod(h + 1, 4));
  EXPECT_EQ(mod(Dim(2) * h, 4), Dim(2) * mod(h, 2));
  EXPECT_EQ(mod(mod(h, 8), 4), mod(h, 4));
  EXPECT_EQ(mod(Dim(-7), 2), Dim(1));
  EXPECT_EQ(mod(Dim(7), -2), Dim(-1));
}

TEST(Dim, ExactQuotientsOfPolynomials) {
  EXPECT_EQ(floor_div(Dim(3) * h * w, h * w), Dim(3));
  EXPECT_EQ(floor_div(h * w + w, h + 1), w);
  EXPECT_EQ(floor_div(0, h), Dim(0));
  EXPECT_EQ(mod(h * w, w), Dim(0));
  EXPECT_EQ(floor_div(h + w, w).to_string(), "(h + w)//w");
}

TEST(Dim, MaxAndMin) {
  EXPECT_EQ(max(h, h + 1), h + 1);
  EXPECT_EQ(min(h, h + 1), h);
  EXPECT_EQ(max(Dim(3), 5), Dim(5));
  EXPECT_EQ(min(Dim(3), 5), Dim(3));
  EXPECT_EQ(max(h, w), max(w, h));
  EXPECT_NE(max(h, w), min(h, w));
}

TEST(Dim, Prints) {
  EXPECT_EQ(h.to_string(), "h");
  EXPECT_EQ((Dim(4) * Dim::symbol("s18")).to_string(), "4*s18");
  EXPECT_EQ(floor_div(h + 1, 2).to_string(), "(h + 1)//2");
  EXPECT_EQ((Dim(1) - h * w).to_string(), "-h*w + 1");
  EXPECT_EQ((w - floor_div(h, 2)).to_string(), "w - h//2");
  EXPECT_EQ((Dim(2) * floor_div(h, 2) * w).to_string(), "2*w*(h//2)");
  EXPECT_EQ((Dim(-1) * floor_div(h, 2)).to_string(), "-(h//2)");
  EXPECT_EQ(mod(h + w, 3).to_string(), "(h + w) % 3");
  EXPECT_EQ(max(1, h).to_string(), "max(1, h)");
}

TEST(Dim, ParsesWithPythonsPrecedences) {
  EXPECT_EQ(Dim::parse("1 + 2*h//2 - -3").value(), h + 4);
  EXPECT_EQ(Dim::parse("2*(h + w) - 2*w").value(), Dim(2) * h);
  EXPECT_EQ(Dim::parse("-7//2").value(), Dim(-4));
  EXPECT_EQ(Dim::parse("h%4").value(), mod(h, 4));
  EXPECT_EQ(Dim::parse("h % w").value(), mod(h, w));
  EXPECT_EQ(Dim::parse("h%(w+1)").value(), mod(h, w + 1));
  EXPECT_EQ(Dim::parse("min(h, max(1, w))").value(), min(h, max(1, w)));
  EXPECT_EQ(Dim::parse("-9223372036854775808").value(), Dim(INT64_MIN));
}

TEST(Dim, ParseErrorsNameThePlace) {
  const auto message = [](std::string_view text) {
    const auto dim = Dim::parse(text);
    return dim ? "parsed as " + dim->to_string() : dim.error().message;
  };
  EXPECT_EQ(message(""), "line 1, column 1: expected a name, found the end");
  EXPECT_EQ(message("h +"), "line 1, column 4: expected a name, found the end");
  EXPECT_EQ(message("h // 0"), "line 1, column 3: division by zero");
  EXPECT_EQ(message("h w"), "line 1, column 3: expected the end, found 'w'");
  EXPECT_EQ(message("none"), "line 1, column 1: 'none' is no name for a symbol");
  EXPECT_EQ(message("h + 9223372036854775808"),
            "line 1, column 5: 9223372036854775808 does not fit 64 bits");
  EXPECT_EQ(message("h ^ 2"), "line 1, column 3: unexpected character");
}

TEST(Dim, OverflowStaysAtTheLimit) {
  EXPECT_EQ(Dim(INT64_MAX) + 1, Dim(INT64_MAX));
  EXPECT_EQ(Dim(INT64_MIN) - 1, Dim(INT64_MIN));
  EXPECT_EQ(Dim(INT64_MAX) * -2, Dim(INT64_MIN));
  EXPECT_EQ(floor_div(Dim(INT64_MIN), -1), Dim(INT64_MAX));
  EXPECT_EQ(mod(Dim(INT64_MIN), -1), Dim(0));
  const Dim large = Dim(INT64_MIN) * h;
  EXPECT_EQ(Dim::parse((w + large).to_string()).value(), w + large);
}

TEST(Dim, ExpressionsDoNotGrowWithoutBound) {
  Dim product = 1, square = h + 1, nested = h;
  for (int i = 0; i < 100; ++i) {
    product = product * (Dim::symbol(std::format("a{}", i)) + Dim::symbol(std::format("b{}", i)));
    square = square * square;
    nested = max(nested * w, nested * Dim::symbol("v"));
  }
  EXPECT_EQ(product * 0, Dim(0));
  for (const Dim& large : {product, square, nested, product - product, floor_div(product, 2),
                           floor_div(product, product), max(product, h)}) {
    EXPECT_EQ(large.evaluate({{"h", 1}}).error().message,
              "a size is an expression of more than 4096 terms");
    EXPECT_FALSE(large.range({{"h", {1, 2}}}).has_value());
    EXPECT_FALSE(Dim::parse(large.to_string()).has_value());
  }
  std::string text = "1";
  for (char c = 'a'; c <= 'z'; ++c) text += std::format("*({}1 + {}2)", c, c);
  EXPECT_EQ(Dim::parse(text).error().message,
            "line 1, column 1: an expression of more than 4096 terms");
}

TEST(Dim, RangesSaturate) {
  const SymbolRanges ranges = {{"h", {2, 10}}, {"w", {0, DimRange::kUnbounded}}};
  const auto range = [&](const Dim& dim) { return dim.range(ranges).value(); };
  EXPECT_EQ(range(h + 1), (DimRange{3, 11}));
  EXPECT_EQ(range(floor_div(h + 1, 2)), (DimRange{1, 5}));
  EXPECT_EQ(range(w * h + 1), (DimRange{1, DimRange::kUnbounded}));
  EXPECT_EQ(range(Dim(-2) * w), (DimRange{INT64_MIN, 0}));
  EXPECT_EQ(range(mod(h, 4)), (DimRange{0, 3}));
  EXPECT_EQ(range(mod(h, 64)), (DimRange{2, 10}));
  EXPECT_EQ(range(max(h, w)), (DimRange{2, DimRange::kUnbounded}));
  EXPECT_EQ(range(min(h, w)), (DimRange{0, 10}));
  EXPECT_EQ(range(floor_div(w, h)), (DimRange{0, DimRange::kUnbounded}));
  EXPECT_EQ(range(floor_div(h, w)), (DimRange{-10, 10}));
  EXPECT_FALSE(Dim::symbol("s").range(ranges).has_value());
}

TEST(Dim, EvaluateFailsWhereThereIsNoValue) {
  EXPECT_EQ(h.evaluate({}).error().message, "the symbol h has no value");
  EXPECT_EQ(floor_div(h, w).evaluate({{"h", 1}, {"w", 0}}).error().message, "w is 0 and divides h");
  EXPECT_EQ((h * h).evaluate({{"h", INT64_MAX}}).error().message,
            "the value of h*h is above 64 bits");
}

TEST(Dim, SubstituteAndSymbols) {
  EXPECT_EQ(floor_div(h * w, 4).substitute({{"h", Dim(4) * w}}), w * w);
  EXPECT_EQ((max(h, w) + h).substitute({{"h", 3}, {"w", 5}}), Dim(8));
  EXPECT_EQ(floor_div(max(w, h), 2).symbols(), (std::vector<std::string>{"h", "w"}));
  EXPECT_TRUE(Dim(3).symbols().empty());
}

// A random expression, once as a Dim and once as a function of the symbols' values.
struct Expression {
  Dim dim;
  std::function<std::int64_t(const SymbolValues&)> value;
};

std::int64_t floor_quotient(std::int64_t a, std::int64_t b) {
  std::int64_t quotient = a / b;
  while (quotient * b > a) --quotient;
  return quotient;
}

class RandomExpressions {
 public:
  explicit RandomExpressions(unsigned seed) : random_(seed) {}

  int number(int min, int max) { return std::uniform_int_distribution(min, max)(random_); }

  Expression make(int depth) {
    if (depth == 0) return leaf();
    const Expression a = make(depth - 1), b = make(number(0, depth - 1));
    const std::int64_t divisor = number(1, 9);
    switch (number(0, 6)) {
      case 0:
        return {a.dim + b.dim, [=](auto& v) { return a.value(v) + b.value(v); }};
      case 1:
        return {a.dim - b.dim, [=](auto& v) { return a.value(v) - b.value(v); }};
      case 2:
        return {a.dim * b.dim, [=](auto& v) { return a.value(v) * b.value(v); }};
      case 3:
        return {floor_div(a.dim, divisor),
                [=](auto& v) { return floor_quotient(a.value(v), divisor); }};
      case 4:
        return {mod(a.dim, divisor), [=](auto& v) {
                  return a.value(v) - divisor * floor_quotient(a.value(v), divisor);
                }};
      case 5:
        return {max(a.dim, b.dim), [=](auto& v) { return std::max(a.value(v), b.value(v)); }};
      default:
        return {min(a.dim, b.dim), [=](auto& v) { return std::min(a.value(v), b.value(v)); }};
    }
  }

 private:
  Expression leaf() {
    const std::int64_t constant = number(-9, 9);
    const int which = number(0, 3);
    if (which == 0) return {constant, [=](auto&) { return constant; }};
    const std::string name(1, "ahw"[which - 1]);
    return {Dim::symbol(name), [=](const SymbolValues& v) { return v.at(name); }};
  }

  std::mt19937 random_;
};

TEST(DimProperties, CanonicalFormsKeepTheValueTheTextAndTheRange) {
  for (unsigned seed = 0; seed < 2000; ++seed) {
    RandomExpressions random(seed);
    const Expression expression = random.make(3);
    const std::string text = expression.dim.to_string();
    SCOPED_TRACE(text);
    const auto parsed = Dim::parse(text);
    ASSERT_TRUE(parsed.has_value()) << parsed.error().message;
    EXPECT_EQ(*parsed, expression.dim);
    EXPECT_EQ(parsed->to_string(), text);
    const SymbolRanges ranges = {{"a", {0, 5}}, {"h", {1, 20}}, {"w", {-7, 7}}};
    const DimRange range = expression.dim.range(ranges).value();
    for (int i = 0; i < 20; ++i) {
      const SymbolValues values = {
          {"a", random.number(0, 5)}, {"h", random.number(1, 20)}, {"w", random.number(-7, 7)}};
      const std::int64_t expected = expression.value(values);
      EXPECT_EQ(expression.dim.evaluate(values).value(), expected);
      EXPECT_LE(range.min, expected);
      EXPECT_GE(range.max, expected);
      std::map<std::string, Dim> constants;
      for (const auto& [name, value] : values) constants.emplace(name, value);
      EXPECT_EQ(expression.dim.substitute(constants), Dim(expected));
    }
  }
}

TEST(DimProperties, EqualPolynomialsCompareEqual) {
  for (unsigned seed = 0; seed < 500; ++seed) {
    RandomExpressions random(seed);
    const Dim a = random.make(2).dim, b = random.make(2).dim, c = random.make(2).dim;
    const std::int64_t k = random.number(1, 9);
    EXPECT_EQ(a * (b + c), c * a + b * a);
    EXPECT_EQ((a + b) - b, a);
    EXPECT_EQ(floor_div(Dim(k) * a + b, k), a + floor_div(b, k));
    EXPECT_EQ(mod(Dim(k) * a + b, k), mod(b, k));
  }
}

}  // namespace
}  // namespace tessera::ir
