// SPDX-License-Identifier: MIT
#include "ir/verify.h"

#include <gtest/gtest.h>

#include "unit/ir/test_operators.h"

namespace tessera::ir {
namespace {

class VerifyTest : public testing::Test {
 protected:
  VerifyTest() { graph.set_outputs({b}); }
  std::string message() const {
    const auto result = verify(graph);
    return result ? "" : result.error().message;
  }
  Node& node_of(ValueId value) { return graph.node(graph.value(value).producer); }

  Graph graph;
  ValueId x = graph.add_input("x", {DType::kF32, {2}});
  ValueId a = graph.add_call(kSame, {x}).value();
  ValueId b = graph.add_call(kSame, {a}).value();
};

TEST_F(VerifyTest, AcceptsALegalGraph) { EXPECT_EQ(message(), ""); }

TEST_F(VerifyTest, UseBeforeDefinition) {
  node_of(a).arguments = {b};
  EXPECT_EQ(message(), "test::same: %same_1 is used before its definition");
}

TEST_F(VerifyTest, ErasedOperand) {
  const ValueId c = graph.add_call(kSame, {x}).value();
  graph.erase_node(graph.value(c).producer);
  node_of(b).arguments = {c};
  EXPECT_EQ(message(), "test::same: an operand was erased");
}

TEST_F(VerifyTest, ErasedOutput) {
  const ValueId c = graph.add_call(kSame, {x}).value();
  graph.erase_node(graph.value(c).producer);
  graph.set_outputs({c});
  EXPECT_EQ(message(), "an output does not exist");
}

TEST_F(VerifyTest, WrongArgumentKind) {
  node_of(b).arguments = {Dim(1)};
  EXPECT_EQ(message(), "test::same: argument 0 'self': expected a tensor, found an integer");
}

TEST_F(VerifyTest, NamesUsedTwice) {
  graph.value(b).name = "x";
  EXPECT_EQ(message(), "test::same: two values are named %x");
}

TEST_F(VerifyTest, ConstantOfAnotherType) {
  const ValueId c = graph.add_constant("c", Tensor::zeros(DType::kF32, {2}).value());
  graph.value(c).type.dtype = DType::kI8;
  EXPECT_EQ(message(), "the constant %c: i8[2] has data of the type f32[2]");
}

TEST_F(VerifyTest, ResultOfAnotherNode) {
  graph.value(b).producer = graph.value(a).producer;
  EXPECT_EQ(message(), "test::same: a result does not name this node as its producer");
}

TEST_F(VerifyTest, IllegalSymbol) {
  graph.symbols["none"] = {0, 1};
  EXPECT_EQ(message(), "the symbol 'none' in 0..1 has no legal name or an empty range");
}

TEST_F(VerifyTest, NeitherOperatorNorDelegate) {
  const NodeId id = graph.add_delegate_call(std::make_shared<Delegate>(), {}, {});
  graph.node(id).op = &kSame;
  EXPECT_EQ(message(), "test::same: a node is a call of an operator or of a delegate");
}

}  // namespace
}  // namespace tessera::ir
