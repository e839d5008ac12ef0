// SPDX-License-Identifier: MIT
#include "ir/graph.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ir/text.h"
#include "ir/verify.h"
#include "unit/ir/test_operators.h"

namespace tessera::ir {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const TensorType kType{DType::kF32, {2, Dim::symbol("h")}};

class GraphTest : public testing::Test {
 protected:
  GraphTest() { graph.symbols = {{"h", {1, 8}}}; }
  ValueId same(ValueId value) { return graph.add_call(kSame, {value}).value(); }

  Graph graph;
  ValueId x = graph.add_input("x", kType);
};

TEST_F(GraphTest, NamesAreUniqueAndLegal) {
  EXPECT_EQ(graph.value(graph.add_input("x", kType)).name, "x_1");
  EXPECT_EQ(graph.value(graph.add_input("x", kType)).name, "x_2");
  EXPECT_EQ(graph.value(graph.add_input("a.b-c", kType)).name, "a_b_c");
  EXPECT_EQ(graph.value(graph.add_input("", kType)).name, "value");
  EXPECT_EQ(graph.value(same(x)).name, "same");
  EXPECT_EQ(graph.value(same(x)).name, "same_1");
  EXPECT_EQ(graph.find_value("same_1"), ValueId{6});
  EXPECT_EQ(graph.find_value("y"), std::nullopt);
}

TEST_F(GraphTest, ResultTypesComeFromInfer) {
  const NodeId id = graph.add_node(kSplit, {x}).value();
  ASSERT_EQ(graph.node(id).results.size(), 2u);
  EXPECT_EQ(graph.value(graph.node(id).results[1]).type, kType);
  EXPECT_EQ(graph.value(graph.node(id).results[1]).producer, id);
}

TEST_F(GraphTest, RefusedCallsNameOperatorAndOriginAndLeaveNothing) {
  const Origin origin{"head.0", "model.py:3: x + y"};
  const ValueId y = graph.add_input("y", {DType::kI64, {}});
  EXPECT_EQ(graph.add_node(kAdd, {x, y, Dim(1)}, origin).error().message,
            "test::add.Tensor of module head.0 (model.py:3: x + y): the types differ");
  EXPECT_EQ(graph.add_node(kAdd, {x, y}, {}).error().message,
            "test::add.Tensor: expected 3 arguments, found 2");
  EXPECT_EQ(graph.add_node(kAdd, {x, std::monostate(), Dim(1)}).error().message,
            "test::add.Tensor: argument 1 'other': expected a tensor, found none");
  EXPECT_EQ(graph.add_node(kAdd, {x, x, Dim::symbol("h")}).error().message,
            "test::add.Tensor: argument 2 'alpha': expected a number, found an integer");
  EXPECT_THAT(graph.nodes(), IsEmpty());
}

TEST_F(GraphTest, InsertsBeforeANode) {
  const ValueId last = same(x);
  const NodeId last_node = graph.value(last).producer;
  const ValueId first = graph.add_call(kSame, {x}, {}, last_node).value();
  EXPECT_THAT(graph.nodes(), ElementsAre(graph.value(first).producer, last_node));
  EXPECT_THAT(graph.values(), ElementsAre(x, first, last));
}

TEST_F(GraphTest, UsersComeInOrderAndOnce) {
  const ValueId a = same(x);
  const ValueId b = graph.add_call(kAdd, {a, a, Dim(1)}).value();
  const ValueId c = graph.add_call(kAdd, {b, a, Dim(1)}).value();
  EXPECT_THAT(graph.users(a), ElementsAre(graph.value(b).producer, graph.value(c).producer));
  EXPECT_THAT(graph.users(c), IsEmpty());
}

TEST_F(GraphTest, ReplacesUsesInArgumentsListsAndOutputs) {
  const ValueId a = same(x), b = same(x);
  const NodeId user =
      graph
          .add_node(kEverything, {a, a, std::vector{a, x}, Dims{1, 2}, Dim(1), 1.0, 1.0, true, "t",
                                  std::vector<double>{}, std::vector<bool>{}, std::monostate(),
                                  Dims{3, 3}, 0.5, "m", false})
          .value();
  graph.set_outputs({a, graph.node(user).results[0]});
  graph.replace_all_uses(a, b);
  EXPECT_THAT(tensor_operands(graph.node(user)), ElementsAre(b, b, b, x));
  EXPECT_THAT(graph.outputs(), ElementsAre(b, graph.node(user).results[0]));
  EXPECT_THAT(graph.users(a), IsEmpty());
}

TEST_F(GraphTest, NoTensorInAListIsNoOperand) {
  Node node;
  node.arguments = {std::vector{kNoTensor, ValueId{3}}, ValueId{1}};
  EXPECT_EQ(tensor_operands(node), (std::vector<ValueId>{{3}, {1}}));
  EXPECT_EQ(print(node.arguments[0], graph), "[none,%<erased>]");
  node.op = &kEverything;  // whose `list` is Tensor[]
  std::vector<Argument> arguments = {ValueId{0}, std::monostate(), std::vector{kNoTensor}};
  arguments.resize(schema_of(kEverything).arguments.size());
  EXPECT_EQ(
      check_arguments(kEverything, arguments).error().message,
      "argument 2 'list': expected a list of tensors, found a list of tensors with none in it");
}

TEST_F(GraphTest, ErasesNodes) {
  const ValueId a = same(x), b = same(a);
  const NodeId producer = graph.value(b).producer;
  graph.set_outputs({a});
  graph.erase_node(producer);
  EXPECT_FALSE(graph.is_alive(producer));
  EXPECT_FALSE(graph.is_alive(b));
  EXPECT_NE(same(a), b) << "ids are never used twice";
  EXPECT_DEATH(graph.erase_node(graph.value(a).producer), "is used");
}

TEST_F(GraphTest, ErasesWhatNoOutputNeeds) {
  const ValueId used = graph.add_constant("used", Tensor::zeros(DType::kF32, {2}).value());
  const ValueId unused = graph.add_constant("unused", Tensor::zeros(DType::kF32, {2}).value());
  const ValueId a = same(used);
  same(same(unused));
  graph.set_outputs({a});
  graph.erase_dead();
  EXPECT_THAT(graph.values(), ElementsAre(x, used, a));
}

TEST_F(GraphTest, ReferencesStayValidWhileTheGraphGrows) {
  const ValueId a = same(x);
  const Value& value = graph.value(a);
  const Node& node = graph.node(value.producer);
  const NodeTypes types(graph, node);
  for (int i = 0; i < 1000; ++i) same(a);
  EXPECT_EQ(&value, &graph.value(a));
  EXPECT_EQ(&node, &graph.node(value.producer));
  EXPECT_EQ(types.arguments().tensor(0), kType);
}

TEST_F(GraphTest, InfersAllAgain) {
  auto delegate = std::make_shared<Delegate>();
  const ValueId inner = delegate->body.add_input("i", kType);
  delegate->body.set_outputs({delegate->body.add_call(kSame, {inner}).value()});
  const ValueId a = same(x);
  const NodeId call = graph.add_delegate_call(delegate, {a}, {kType});
  graph.set_outputs(graph.node(call).results);
  graph.value(x).type.dims[1] = Dim(7);
  ASSERT_TRUE(graph.infer_all().has_value());
  EXPECT_EQ(graph.value(graph.outputs()[0]).type, (TensorType{DType::kF32, {2, 7}}));
  EXPECT_TRUE(verify(graph).has_value());
}

TEST(Operator, TypesOfTensors) {
  EXPECT_EQ(type_of(Tensor::zeros(DType::kI8, {2, 3}).value()), (TensorType{DType::kI8, {2, 3}}));
  EXPECT_EQ(constant_shape({DType::kF32, {4, 5}}).value(), (Shape{4, 5}));
  EXPECT_FALSE(constant_shape(kType).has_value());
  EXPECT_FALSE(constant_shape({DType::kF32, {-1}}).has_value());
  EXPECT_FALSE(constant_shape({DType::kF32, Dims(Shape::kMaxRank + 1, Dim(1))}).has_value());
}

}  // namespace
}  // namespace tessera::ir
