// SPDX-License-Identifier: MIT
#include "xnnpack/builder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ir/graph.h"
#include "xnnpack/delegate.h"
#include "xnnpack/payload.h"

namespace tessera::xnnpack {
namespace {

using ir::Dim;
using ::testing::ElementsAre;

Result<std::vector<ir::TensorType>> infer_same(const ir::TypeArguments& arguments) {
  return std::vector{arguments.tensor(0)};
}

ir::ValueId operand(const ir::NodeView& view, std::size_t i) {
  return std::get<ir::ValueId>(view.node.arguments[i]);
}

/// x + x in the layout that x has.
Result<void> lower_twice(const ir::NodeView& view, Builder& builder) {
  const auto x = operand(view, 0);
  const Layout layout = builder.layout_of(x);
  const auto in = builder.input(x, layout);
  const auto out = builder.output(view.node.results[0], layout);
  builder.add_node({.kind = NodeKind::kAdd, .inputs = {in, in}, .outputs = {out}});
  return {};
}

/// Negation in NHWC, as a convolution would be.
Result<void> lower_negate_nhwc(const ir::NodeView& view, Builder& builder) {
  const auto in = builder.input(operand(view, 0), Layout::kNhwc);
  const auto out = builder.output(view.node.results[0], Layout::kNhwc);
  builder.add_node({.kind = NodeKind::kNegate, .inputs = {in}, .outputs = {out}});
  return {};
}

/// Clamp to [0, 4], into the operand's node if that is possible.
Result<void> lower_clamp(const ir::NodeView& view, Builder& builder) {
  const auto x = operand(view, 0);
  if (builder.fuse_clamp(x, view.node.results[0], 0, 4)) return {};
  const Layout layout = builder.layout_of(x);
  const auto in = builder.input(x, layout);
  const auto out = builder.output(view.node.results[0], layout);
  builder.add_node({.kind = NodeKind::kClamp,
                    .inputs = {in},
                    .outputs = {out},
                    .output_min = 0,
                    .output_max = 4});
  return {};
}

/// x * y, both in NHWC if they have four dims.
Result<void> lower_product(const ir::NodeView& view, Builder& builder) {
  const auto a = builder.input(operand(view, 0), Layout::kNhwc);
  const auto b = builder.input(operand(view, 1), Layout::kNhwc);
  const auto out = builder.output(view.node.results[0], Layout::kNhwc);
  builder.add_node({.kind = NodeKind::kMultiply, .inputs = {a, b}, .outputs = {out}});
  return {};
}

const ir::Operator kTwice = {.schema = "test::twice(Tensor x) -> Tensor",
                             .infer = infer_same,
                             .xnnpack = {nullptr, lower_twice}};
const ir::Operator kNegateNhwc = {.schema = "test::negate(Tensor x) -> Tensor",
                                  .infer = infer_same,
                                  .xnnpack = {nullptr, lower_negate_nhwc}};
const ir::Operator kClamp = {.schema = "test::clamp(Tensor x) -> Tensor",
                             .infer = infer_same,
                             .xnnpack = {nullptr, lower_clamp}};
const ir::Operator kProduct = {.schema = "test::product(Tensor x, Tensor y) -> Tensor",
                               .infer = infer_same,
                               .xnnpack = {nullptr, lower_product}};

/// A graph with an input "x" of 1 x 2 x h x 3, h at most 100.
class BuilderTest : public ::testing::Test {
 protected:
  BuilderTest() {
    graph.symbols["h"] = {1, 100};
    x = graph.add_input("x", {DType::kF32, {1, 2, Dim::symbol("h"), 3}});
  }

  ir::ValueId call(const ir::Operator& op, std::vector<ir::Argument> arguments) {
    return graph.add_call(op, std::move(arguments)).value();
  }

  /// Lowers, loads and runs with x = 0, 1, ... 11; the elements of each output.
  std::vector<std::vector<float>> run() {
    auto result = lower(graph);
    EXPECT_TRUE(result) << result.error().to_string();
    if (!result) return {};
    lowered = *std::move(result);
    auto created = Delegate::create(
        lowered.blob,
        [this](std::string_view key) -> Result<std::span<const std::byte>> {
          for (const auto& [name, data] : lowered.named_data) {
            if (name == key) return std::span(data.bytes(), data.num_bytes());
          }
          return fail(ErrorCode::kNotFound, "{}", key);
        },
        nullptr);
    EXPECT_TRUE(created) << created.error().to_string();
    if (!created) return {};
    payload = (*created)->payload();
    std::vector<float> elements(12);
    for (std::size_t i = 0; i < elements.size(); ++i) elements[i] = static_cast<float>(i);
    const Shape shape{1, 2, 2, 3};
    const auto in = Tensor::of<float>(shape, elements);
    EXPECT_TRUE((*created)->reshape(std::span(&shape, 1)));
    std::vector<Tensor> outputs(graph.outputs().size());
    std::vector<Tensor*> pointers;
    for (auto& output : outputs) {
      output = Tensor::zeros(DType::kF32, shape).value();
      pointers.push_back(&output);
    }
    const Tensor* input = &in;
    EXPECT_TRUE((*created)->run(std::span(&input, 1), pointers));
    std::vector<std::vector<float>> results;
    for (const auto& output : outputs) {
      const auto found = output.elements<float>();
      results.emplace_back(found.begin(), found.end());
    }
    return results;
  }

  std::vector<NodeKind> kinds() const {
    std::vector<NodeKind> result;
    for (const auto& node : payload.nodes) result.push_back(node.kind);
    return result;
  }

  ir::Graph graph;
  ir::ValueId x;
  Lowered lowered;
  Payload payload;  ///< without inline constants
};

TEST_F(BuilderTest, WritesUpperBoundsAndNoTransposesWithoutNeed) {
  graph.set_outputs({call(kTwice, {x})});
  EXPECT_THAT(run(), ElementsAre(ElementsAre(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22)));
  EXPECT_THAT(kinds(), ElementsAre(NodeKind::kAdd));
  EXPECT_THAT(payload.values[0].dims, ElementsAre(1, 2, 100, 3));
}

TEST_F(BuilderTest, TransposesOncePerEdge) {
  const auto a = call(kNegateNhwc, {x});
  const auto b = call(kTwice, {a});
  graph.set_outputs({call(kNegateNhwc, {b})});
  EXPECT_THAT(run(), ElementsAre(ElementsAre(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22)));
  EXPECT_THAT(kinds(), ElementsAre(NodeKind::kStaticTranspose, NodeKind::kNegate, NodeKind::kAdd,
                                   NodeKind::kNegate, NodeKind::kStaticTranspose));
  EXPECT_THAT(payload.values[2].dims, ElementsAre(1, 100, 3, 2));
}

TEST_F(BuilderTest, OutputsMayBeReadInsideRepeatedAndInputs) {
  const auto a = call(kNegateNhwc, {x});
  const auto b = call(kTwice, {a});
  const auto c = call(kTwice, {x});
  const auto d = call(kNegateNhwc, {c});
  graph.set_outputs({a, x, b, a, c, d, x});
  const auto out = run();
  ASSERT_EQ(out.size(), 7u);
  const float factors[] = {-1, 1, -2, -1, 2, -2, 1};
  for (std::size_t i = 0; i < out.size(); ++i) {
    for (std::size_t j = 0; j < 12; ++j) {
      EXPECT_EQ(out[i][j], factors[i] * static_cast<float>(j)) << i << " " << j;
    }
  }
}

TEST_F(BuilderTest, FusesAClampIntoTheNodeBefore) {
  graph.set_outputs({call(kClamp, {call(kTwice, {x})})});
  EXPECT_THAT(run(), ElementsAre(ElementsAre(0, 2, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4)));
  EXPECT_THAT(kinds(), ElementsAre(NodeKind::kAdd));
  EXPECT_EQ(payload.nodes[0].output_max, 4);
}

TEST_F(BuilderTest, DoesNotFuseWhatOthersReadOrNodesThatCannotClamp) {
  const auto a = call(kTwice, {x});
  const auto clamped = call(kClamp, {a});
  const auto negated = call(kNegateNhwc, {x});
  graph.set_outputs({clamped, a, call(kClamp, {negated}), call(kClamp, {x})});
  const auto out = run();
  ASSERT_EQ(out.size(), 4u);
  EXPECT_THAT(out[0], ElementsAre(0, 2, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4));
  EXPECT_EQ(out[1][5], 10);
  EXPECT_THAT(out[2], ::testing::Each(0));
  EXPECT_THAT(out[3], ElementsAre(0, 1, 2, 3, 4, 4, 4, 4, 4, 4, 4, 4));
  EXPECT_EQ(std::ranges::count(kinds(), NodeKind::kClamp), 3);
}

TEST_F(BuilderTest, ConstantsAreStoredOnceByContentInTheLayoutInUse) {
  const std::vector<float> factors = {1, 2, 3, 4, 5, 6};
  const auto a = graph.add_constant("a", Tensor::of<float>({1, 2, 1, 3}, factors));
  const auto b = graph.add_constant("b", Tensor::of<float>({1, 2, 1, 3}, factors));
  graph.set_outputs({call(kProduct, {call(kProduct, {x, a}), b})});
  const auto out = run();
  ASSERT_EQ(out.size(), 1u);
  for (std::size_t i = 0; i < 12; ++i) {
    const float factor = factors[i / 6 * 3 + i % 3];
    EXPECT_EQ(out[0][i], static_cast<float>(i) * factor * factor);
  }
  ASSERT_EQ(lowered.named_data.size(), 1u);
  const auto& [key, data] = lowered.named_data[0];
  EXPECT_EQ(key.size(), 32u);
  EXPECT_THAT(data.elements<float>(), ElementsAre(1, 4, 2, 5, 3, 6));
}

TEST_F(BuilderTest, RefusesSizesWithoutAnUpperBound) {
  graph.symbols["h"] = {1, ir::DimRange::kUnbounded};
  graph.set_outputs({call(kTwice, {x})});
  const auto result = lower(graph);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kNotSupported);
}

}  // namespace
}  // namespace tessera::xnnpack
