// SPDX-License-Identifier: MIT
#include "ir/schema.h"

#include <gtest/gtest.h>

#include "ir/graph.h"

namespace tessera::ir {
namespace {

TEST(Schema, TakesApart) {
  const Schema schema =
      parse_schema(
          "aten::foo.Tensor_out(Tensor(a!) self, Tensor? weight, SymInt[2] stride=[], int[2] "
          "padding=0, *, Scalar alpha=1, ScalarType? dtype=None, float[]? scales=None, str "
          "mode=\"a, b\") -> (Tensor, Tensor(a!) out)")
          .value();
  EXPECT_EQ(schema.full_name(), "aten::foo.Tensor_out");
  EXPECT_EQ(schema.name, "aten::foo");
  EXPECT_EQ(schema.num_results, 2);
  ASSERT_EQ(schema.arguments.size(), 8u);
  EXPECT_EQ(schema.arguments[0].kind, ArgumentKind::kTensor);
  EXPECT_FALSE(schema.arguments[0].is_optional);
  EXPECT_TRUE(schema.arguments[1].is_optional);
  EXPECT_EQ(schema.arguments[2].kind, ArgumentKind::kIntList);
  EXPECT_EQ(schema.arguments[2].list_size, 2);
  EXPECT_EQ(schema.arguments[2].default_text, "[]");
  EXPECT_EQ(schema.arguments[3].default_text, "0");
  EXPECT_EQ(schema.arguments[4].kind, ArgumentKind::kScalar);
  EXPECT_EQ(schema.arguments[5].kind, ArgumentKind::kInt);
  EXPECT_EQ(schema.arguments[6].kind, ArgumentKind::kFloatList);
  EXPECT_TRUE(schema.arguments[6].is_optional);
  EXPECT_EQ(schema.arguments[7].default_text, "\"a, b\"");
}

TEST(Schema, Results) {
  EXPECT_EQ(parse_schema("a::b(*, int n) -> Tensor")->num_results, 1);
  EXPECT_EQ(parse_schema("a::b(Tensor x) -> Tensor[]")->num_results, Schema::kResultList);
  EXPECT_EQ(parse_schema("a::b(Tensor x) -> ()")->num_results, 0);
}

TEST(Schema, Errors) {
  const auto message = [](std::string_view text) {
    const auto schema = parse_schema(text);
    return schema ? "parsed" : schema.error().message;
  };
  EXPECT_EQ(message("aten(Tensor x) -> Tensor"), "line 1, column 5: expected '::', found '('");
  EXPECT_EQ(message("a::b(Tenser x) -> Tensor"), "line 1, column 6: unknown type 'Tenser'");
  EXPECT_EQ(message("a::b(str[] x) -> Tensor"), "line 1, column 6: unknown type 'str'");
  EXPECT_EQ(message("a::b(int n=[1"), "line 1, column 14: the default does not end");
  EXPECT_EQ(message("a::b(int n=) -> Tensor"), "line 1, column 12: expected a default");
  EXPECT_EQ(message("a::b(Tensor x)"), "line 1, column 15: expected '->', found the end");
}

TEST(DefaultArgument, ReadsTheSchemasText) {
  const auto default_of = [](std::string_view declaration) {
    const auto schema = parse_schema(std::format("a::b({}) -> Tensor", declaration));
    return default_argument(schema.value().arguments[0]);
  };
  EXPECT_EQ(default_of("int[2] padding=0").value(), Argument(Dims{0, 0}));
  EXPECT_EQ(default_of("int[2] stride=[]").value(), Argument(Dims{}));
  EXPECT_EQ(default_of("float[] reals=[]").value(), Argument(std::vector<double>{}));
  EXPECT_EQ(default_of("float eps=1e-05").value(), Argument(1e-5));
  EXPECT_EQ(default_of("float eps=1").value(), Argument(1.0));
  EXPECT_EQ(default_of("Scalar alpha=-1").value(), Argument(Dim(-1)));
  EXPECT_EQ(default_of("bool flag=True").value(), Argument(true));
  EXPECT_EQ(default_of("Tensor? bias=None").value(), Argument(std::monostate()));
  EXPECT_EQ(default_of("int reduction=Mean").value(), Argument(Dim(1)));
  EXPECT_EQ(default_of("str mode=\"none\"").value(), Argument(std::string("none")));
  EXPECT_EQ(default_of("int n").error().message, "the argument 'n' is missing");
  EXPECT_EQ(default_of("int n=2.5").error().message, "the argument 'n' has the default '2.5'");
}

}  // namespace
}  // namespace tessera::ir
