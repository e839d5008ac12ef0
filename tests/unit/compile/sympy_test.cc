// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>

#include "compile/sympy_expression.h"

namespace tessera {
namespace {

using ::testing::HasSubstr;

std::string parsed(std::string_view text) {
  const auto dim = parse_sympy(text);
  return dim ? dim->to_string() : dim.error().message;
}

std::int64_t value(std::string_view text, std::int64_t s0, std::int64_t s1 = 1) {
  const auto dim = parse_sympy(text);
  EXPECT_TRUE(dim.has_value()) << dim.error().message;
  return dim ? dim->evaluate({{"s0", s0}, {"s1", s1}}).value_or(-1) : -1;
}

TEST(Sympy, BothNotationsAreTheSame) {
  EXPECT_EQ(parsed("Symbol('s53', positive=True, integer=True)"), "s53");
  EXPECT_EQ(parsed("Mul(Integer(4), Symbol('s18', positive=True, integer=True))"), "4*s18");
  EXPECT_EQ(*parse_sympy("4*s18"), *parse_sympy("Mul(Integer(4), Symbol('s18'))"));
  EXPECT_EQ(*parse_sympy("(s0//2)"), *parse_sympy("FloorDiv(Symbol('s0'), Integer(2))"));
  EXPECT_EQ(*parse_sympy("Max(1, s0 + 1)"),
            *parse_sympy("Max(Integer(1), Add(Symbol('s0'), Integer(1)))"));
  EXPECT_EQ(parsed("Integer(-3)"), "-3");
}

TEST(Sympy, TheSizeOfAStridedConvolution) {
  constexpr std::string_view kText =
      "Add(FloorDiv(Add(Symbol('s0', integer=True), Integer(-1)), Integer(2)), Integer(1))";
  EXPECT_EQ(value(kText, 7), 4);
  EXPECT_EQ(value(kText, 8), 4);
  EXPECT_EQ(value(kText, 9), 5);
}

TEST(Sympy, PrecedenceIsPythons) {
  EXPECT_EQ(parsed("2 + 3*4 - 1"), "13");
  EXPECT_EQ(parsed("-2**2"), "-4");
  EXPECT_EQ(parsed("7 - 2 - 1"), "4");
  EXPECT_EQ(parsed("-7 // 2"), "-4");
  EXPECT_EQ(parsed("-7 % 3"), "2");
  EXPECT_EQ(parsed("(1 + 2)*3"), "9");
  EXPECT_EQ(value("3*s0**2 + s1", 5, 2), 77);
}

TEST(Sympy, TorchsFunctions) {
  EXPECT_EQ(value("ModularIndexing(Symbol('s0'), Integer(3), Integer(4))", 17), 1);
  EXPECT_EQ(value("PythonMod(Symbol('s0'), Integer(5))", 17), 2);
  EXPECT_EQ(value("CleanDiv(Symbol('s0'), Integer(4))", 20), 5);
  EXPECT_EQ(value("CeilDiv(Symbol('s0'), Integer(4))", 17), 5);
  EXPECT_EQ(value("Min(Symbol('s0'), Symbol('s1'), Integer(9))", 12, 11), 9);
  EXPECT_EQ(value("PowByNatural(Symbol('s0'), Integer(3))", 4), 64);
}

TEST(Sympy, FractionsInsideAreExact) {
  EXPECT_EQ(value("floor(Mul(Rational(1, 2), Symbol('s0')))", 9), 4);
  EXPECT_EQ(value("ceiling(s0/2)", 9), 5);
  EXPECT_EQ(value("CeilToInt(IntTrueDiv(Symbol('s0'), Integer(4)))", 9), 3);
  EXPECT_EQ(value("TruncToInt(Mul(Float('2.5', precision=53), ToFloat(Symbol('s0'))))", 3), 7);
  EXPECT_EQ(value("TruncToInt(Mul(Float('0.5', precision=53), ToFloat(s0 - 10)))", 3), -3);
  EXPECT_EQ(
      value("Mul(Pow(Integer(2), Integer(-1)), Symbol('s0'), Add(Symbol('s0'), Integer(1)))", 4),
      10);
  EXPECT_EQ(*parse_sympy("2*(s0/2)"), *parse_sympy("s0"));
}

TEST(Sympy, WhatIsWrongIsSaid) {
  EXPECT_THAT(parsed("Add(Integer(1)"), HasSubstr("ends too early"));
  EXPECT_THAT(parsed("s0 s1"), HasSubstr("'s1' at character 3"));
  EXPECT_THAT(parsed("Piecewise(s0, s1)"), HasSubstr("function Piecewise of 2 arguments"));
  EXPECT_THAT(parsed("FloorDiv(s0, Integer(0))"), HasSubstr("a division by 0"));
  EXPECT_THAT(parsed("Mod(s0, Integer(-2))"), HasSubstr("a division by -2"));
  EXPECT_THAT(parsed("Pow(s0, Integer(1000))"), HasSubstr("exponent 1000"));
  EXPECT_THAT(parsed("Mul(Integer(2), int_oo)"), HasSubstr("'int_oo' is no integer"));
  EXPECT_THAT(parsed("Float('0.1', precision=53)"), HasSubstr("'0.1'"));
  EXPECT_THAT(parsed("Symbol('a b')"), HasSubstr("symbol's name"));
  EXPECT_THAT(parsed("99999999999999999999"), HasSubstr("99999999999999999999"));
  EXPECT_THAT(parsed(""), HasSubstr("ends too early"));
  EXPECT_THAT(parsed(std::string(1000, '(')), HasSubstr("brackets"));
  EXPECT_THAT(parsed(std::string(100000, '-')), HasSubstr("characters"));
}

}  // namespace
}  // namespace tessera
