// SPDX-License-Identifier: MIT
#include "ir/text.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "unit/ir/test_operators.h"

namespace tessera::ir {
namespace {

std::string round_trip(const std::string& text, PrintOptions options = {}) {
  const auto graph = parse_graph(text, find_test_operator);
  return graph ? print(*graph, options) : graph.error().message;
}

TEST(Text, PrintsAndParsesExactly) {
  const std::string text =
      R"(graph forward(%x: f32[1,3,h,w]) where h in 256..1024, w in 2.. {
  %w: f32[4,3] = parameter "conv.weight"
  %a: f32[1,3,h,w], %b: f32[1,3,h,w] = test::split(%x) at "head", "model.py:3: \"x\\n\""
  %c: f32[1,3,h,w] = test::add.Tensor(%a, %b, alpha=-2.5) at "head"
  %d: f32[2*h,(w + 1)//2] = test::everything(%c, none, [%a,%b], size=[2*h,(w + 1)//2], i=h + 1, f=inf, s=true, b=false, t="a \"b\"", reals=[1.0,-0.0,1e-05], flags=[true,false], none=[1,2], pair=[], g=nan, mode="", yes=true)
  %e: f32[1,3,h,w] = delegate "XnnpackBackend"(%c, %w) at "head" {
    graph body(%i: f32[1,3,h,w], %w: f32[4,3]) where h in 256..1024, w in 2.. {
      %same: f32[1,3,h,w] = test::same(%i)
      return %same
    }
  }
  return %d, %e
}
)";
  EXPECT_EQ(round_trip(text), text);
}

TEST(Text, EveryArgumentSurvives) {
  Graph graph;
  graph.name = "two words";
  const ValueId x = graph.add_input("x", {DType::kF32, {}});
  const std::vector<Argument> arguments = {x,
                                           std::monostate(),
                                           std::vector<ValueId>{},
                                           Dims{Dim::symbol("h"), 2},
                                           max(Dim::symbol("h"), 2),
                                           1.0,
                                           Dim(INT64_MIN),
                                           true,
                                           "line\n\"quote\"\\",
                                           std::vector<double>{},
                                           std::vector<bool>{},
                                           std::monostate(),
                                           Dims{},
                                           std::numeric_limits<double>::denorm_min(),
                                           "",
                                           false};
  graph.symbols = {{"h", {-3, 3}}};
  graph.set_outputs({graph.add_call(kEverything, arguments).value()});
  const auto parsed = parse_graph(print(graph), find_test_operator);
  ASSERT_TRUE(parsed.has_value()) << parsed.error().message;
  EXPECT_EQ(parsed->name, graph.name);
  EXPECT_EQ(parsed->symbols, graph.symbols);
  EXPECT_EQ(parsed->node(parsed->nodes()[0]).arguments, arguments);
}

TEST(Text, MissingArgumentsTakeTheirDefaults) {
  const auto graph = parse_graph(
      "graph g(%x: f32[2]) { %y: f32[2] = test::add.Tensor(other=%x, self=%x) return %y }",
      find_test_operator);
  ASSERT_TRUE(graph.has_value()) << graph.error().message;
  EXPECT_EQ(graph->node(graph->nodes()[0]).arguments[2], Argument(Dim(1)));
}

template <class T>
void expect_elements_survive(std::vector<T> elements) {
  Graph graph;
  const Shape shape{static_cast<std::int64_t>(elements.size())};
  const Tensor data = Tensor::of<T>(shape, elements);
  graph.set_outputs({graph.add_constant("c", data, "c")});
  const auto parsed = parse_graph(print(graph, {.with_elements = true}), find_test_operator);
  ASSERT_TRUE(parsed.has_value()) << parsed.error().message;
  const Tensor& found = parsed->value(parsed->outputs()[0]).data;
  ASSERT_EQ(found.dtype(), data.dtype());
  EXPECT_EQ(std::memcmp(found.bytes(), data.bytes(), data.num_bytes()), 0);
}

TEST(Text, ElementsSurvive) {
  expect_elements_survive<float>({0.1f, -0.0f, 3.4028235e38f, 1e-45f, INFINITY, -INFINITY, 7});
  expect_elements_survive<double>({0.1, -1e300, 5e-324});
  expect_elements_survive<std::int8_t>({-128, 127});
  expect_elements_survive<std::uint8_t>({0, 255});
  expect_elements_survive<std::int16_t>({-32768, 32767});
  expect_elements_survive<std::uint16_t>({0, 65535});
  expect_elements_survive<std::int32_t>({INT32_MIN, INT32_MAX});
  expect_elements_survive<std::int64_t>({INT64_MIN, INT64_MAX});
}

TEST(Text, ElementsAreShownOnlyOnRequestAndUpToSixteen) {
  const std::string seventeen = "graph g() {\n  %c: i8[17] = parameter \"c\"\n  return %c\n}\n";
  EXPECT_EQ(round_trip(seventeen, {.with_elements = true}), seventeen);
  const std::string two = "graph g() {\n  %c: i8[2] = parameter \"c\" {1, 2}\n  return %c\n}\n";
  EXPECT_EQ(round_trip(two, {.with_elements = true}), two);
  EXPECT_EQ(round_trip(two), "graph g() {\n  %c: i8[2] = parameter \"c\"\n  return %c\n}\n");
}

TEST(Text, Types) {
  EXPECT_EQ(print(parse_type("f32[1, 4,h,w]").value()), "f32[1,4,h,w]");
  EXPECT_EQ(parse_type("i64[]").value(), (TensorType{DType::kI64, {}}));
  EXPECT_EQ(parse_type("f32").error().message,
            "line 1, column 1: expected a type like f32[1,3,h,w]");
  EXPECT_FALSE(parse_type("f32[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]").has_value());
}

TEST(Text, Samples) {
  const auto arguments =
      parse_sample(
          "(f32[2,3], none, [i8[1], none, i8[2]], [1,-1], 2.5, -3, true, \"a\", [1.5, 2], "
          "[true], [], [none])")
          .value();
  const TensorType one{DType::kI8, {1}}, two{DType::kI8, {2}};
  const std::vector<SampleArgument> expected = {TensorType{DType::kF32, {2, 3}},
                                                std::monostate(),
                                                OptionalTypes{one, std::nullopt, two},
                                                Dims{1, -1},
                                                2.5,
                                                Dim(-3),
                                                true,
                                                std::string("a"),
                                                std::vector<double>{1.5, 2},
                                                std::vector<bool>{true},
                                                Dims{},
                                                OptionalTypes{std::nullopt}};
  EXPECT_EQ(arguments, expected);
  EXPECT_TRUE(parse_sample("()").value().empty());
  EXPECT_EQ(parse_sample("([f32[1], 2])").error().message,
            "line 1, column 12: tensors and numbers in one list");
  EXPECT_EQ(parse_sample("([1, none])").error().message,
            "line 1, column 10: tensors and numbers in one list");
}

TEST(Text, Signatures) {
  const std::string text = "(f32[1,3,h,w], i64[]) where h in 1..16384, w in 0..";
  const Signature signature = parse_signature(text).value();
  EXPECT_EQ(print(signature), text);
  EXPECT_EQ(signature.symbols.at("w").max, DimRange::kUnbounded);
  EXPECT_EQ(print(parse_signature("()").value()), "()");
  EXPECT_FALSE(parse_signature("(f32[h]) where h in 5..4").has_value());
  EXPECT_FALSE(parse_signature("(f32[h]) where h in 1..4, h in 1..4").has_value());
  Graph graph;
  graph.symbols = signature.symbols;
  for (const TensorType& type : signature.inputs) graph.add_input("x", type);
  EXPECT_EQ(print(signature_of(graph)), text);
  graph.set_outputs({graph.inputs()[1]});
  const std::string with_output = "(f32[1,3,h,w], i64[]) -> (i64[]) where h in 1..16384, w in 0..";
  EXPECT_EQ(print(signature_of(graph)), with_output);
  EXPECT_EQ(print(parse_signature(with_output).value()), with_output);
}

TEST(Text, BrokenTextsGiveErrors) {
  const std::string text =
      "graph f(%x: f32[h]) where h in 1..4 { %y: f32[h] = test::add.Tensor(%x, %x, alpha=[1.5,2]) "
      "at \"a\" return %y }";
  for (std::size_t length = 0; length < text.size(); ++length) {
    EXPECT_FALSE(parse_graph(text.substr(0, length), find_test_operator).has_value()) << length;
  }
}

}  // namespace
}  // namespace tessera::ir
