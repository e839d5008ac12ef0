// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>

#include <numeric>

#include "base/try.h"
#include "compile/emit_pte.h"
#include "compile/plan_memory.h"
#include "formats/pte.h"
#include "ir/text.h"
#include "ops/registry.h"
#include "tessera/program.h"

/// Reshapes in compiled programs take no memory and copy nothing.
namespace tessera {
namespace {

using ::testing::ElementsAre;

struct Compiled {
  std::vector<std::byte> file;
  std::vector<std::string> operators;  ///< of the kernel calls in their order
  compiler::MemoryPlan plan;
};

Result<Compiled> compile_text(std::string_view text) {
  const ir::Graph graph = TRY(ir::parse_graph(text, ops::find_operator));
  Compiled compiled{.plan = TRY(compiler::plan_memory(graph))};
  compiled.file = TRY(compiler::emit_pte({{{graph, compiled.plan}}})).program;
  const pte::Program program = TRY(pte::read(compiled.file));
  const pte::ExecutionPlan& plan = program.plans[0];
  for (const pte::Instruction& instruction : plan.chains[0]) {
    const auto index = std::get<pte::KernelCall>(instruction).operator_index;
    compiled.operators.push_back(plan.operators[static_cast<std::size_t>(index)]);
  }
  return compiled;
}

Compiled compile_ok(std::string_view text) {
  auto compiled = compile_text(text);
  EXPECT_TRUE(compiled.has_value()) << compiled.error().message;
  return compiled ? *std::move(compiled) : Compiled{};
}

/// -4, -3, ...
Tensor counting(const Shape& shape) {
  std::vector<float> elements(static_cast<std::size_t>(shape.num_elements()));
  std::iota(elements.begin(), elements.end(), -4.0f);
  return Tensor::of(shape, std::span<const float>(elements));
}

std::vector<float> run(Method& method, const Shape& shape) {
  const Tensor input = counting(shape);
  EXPECT_TRUE(method.bind_input(0, input).has_value());
  const auto done = method.execute();
  EXPECT_TRUE(done.has_value()) << done.error().message;
  const auto output = method.output(0);
  if (!done || !output) return {};
  return {output->elements<float>().begin(), output->elements<float>().end()};
}

TEST(Views, OfConstantSizesAreNoInstructions) {
  const Compiled compiled = compile_ok(R"(
graph forward(%x: f32[2,4]) {
  %a: f32[2,4] = aten::neg(%x)
  %b: f32[8] = aten::view_copy(%a, [8])
  %c: f32[1,8] = aten::view_copy(%b, [1,-1])
  %d: f32[1,8] = aten::relu(%c)
  %e: f32[2,4] = aten::view_copy(%d, [2,4])
  %y: f32[2,4] = aten::add.Tensor(%e, %a)
  return %y
})");
  EXPECT_THAT(compiled.operators, ElementsAre("aten::neg.out", "aten::relu.out", "aten::add.out"));
  // %a, which %c sees, lives until the sum, and so does %d.
  EXPECT_EQ(compiled.plan.live_bytes, 2u * 8 * sizeof(float));
  const auto method = Program::load(compiled.file).value()->load_method().value();
  for (int i = 0; i < 2; ++i) {
    EXPECT_THAT(run(*method, {2, 4}), ElementsAre(8, 6, 4, 2, 0, -1, -2, -3));
  }
}

TEST(Views, OfOtherSizesAndOfInputsAreMadeByAnInstruction) {
  const Compiled compiled = compile_ok(R"(
graph forward(%x: f32[n,4]) where n in 1..16 {
  %a: f32[4*n] = aten::view_copy(%x, [4*n])
  %b: f32[4*n] = aten::neg(%a)
  %c: f32[n,2,2] = aten::view_copy(%b, [n,2,2])
  %d: f32[n,4] = aten::view_copy(%c, [n,4])
  %y: f32[n,4] = aten::relu(%d)
  return %y
})");
  const std::string view = "executorch_prim::et_view.default";
  EXPECT_THAT(compiled.operators, ElementsAre("aten::sym_size.int", "executorch_prim::mul.Scalar",
                                              view, "aten::neg.out", view, view, "aten::relu.out"));
  const auto method = Program::load(compiled.file).value()->load_method().value();
  EXPECT_THAT(run(*method, {2, 4}), ElementsAre(4, 3, 2, 1, 0, 0, 0, 0));
  EXPECT_THAT(run(*method, {1, 4}), ElementsAre(4, 3, 2, 1));
  EXPECT_EQ(run(*method, {16, 4}).size(), 64u);
}

TEST(Views, AreNotOutputs) {
  const Compiled compiled = compile_ok(R"(
graph forward(%x: f32[2,2]) {
  %a: f32[2,2] = aten::neg(%x)
  %y: f32[4] = aten::view_copy(%a, [4])
  %z: f32[1,4] = aten::view_copy(%y, [1,4])
  %w: f32[1,4] = aten::relu(%z)
  return %y, %w
})");
  // What sees an output finds it where the caller wants it.
  EXPECT_THAT(compiled.operators,
              ElementsAre("aten::neg.out", "aten::view_copy.out",
                          "executorch_prim::et_view.default", "aten::relu.out"));
  const auto method = Program::load(compiled.file).value()->load_method().value();
  std::vector<float> elsewhere(4), other(4);
  ASSERT_TRUE(method->bind_output(0, elsewhere.data(), 16).has_value());
  ASSERT_TRUE(method->bind_output(1, other.data(), 16).has_value());
  run(*method, {2, 2});
  EXPECT_THAT(elsewhere, ElementsAre(4, 3, 2, 1));
  EXPECT_THAT(other, ElementsAre(4, 3, 2, 1));
}

TEST(Views, OfSizesFromElementsFollowThem) {
  const Compiled compiled = compile_ok(R"(
graph forward(%x: f32[8]) {
  %a: f32[8] = aten::relu(%x)
  %i: i64[8,1] = aten::nonzero(%a)
  %j: i64[8] = aten::view_copy(%i, [-1])
  %y: i64[8] = aten::neg(%j)
  return %y
})");
  EXPECT_THAT(compiled.operators, ElementsAre("aten::relu.out", "aten::nonzero.out",
                                              "executorch_prim::et_view.default", "aten::neg.out"));
  const auto method = Program::load(compiled.file).value()->load_method().value();
  ASSERT_TRUE(method->set_input(0, counting({8})).has_value());
  const auto done = method->execute();
  ASSERT_TRUE(done.has_value()) << done.error().message;
  EXPECT_THAT(method->output(0)->elements<std::int64_t>(), ElementsAre(-5, -6, -7));
}

TEST(InPlace, ElementwiseResultsLieWhereOperandsDie) {
  const Compiled compiled = compile_ok(R"(
graph forward(%x: f32[2,4]) {
  %a: f32[2,4] = aten::neg(%x)
  %b: f32[2,4] = aten::relu(%a)
  %c: f32[8] = aten::view_copy(%b, [8])
  %d: f32[8] = aten::neg(%c)
  %e: f32[8] = aten::add.Tensor(%c, %d)
  %f: f32[8] = aten::add.Tensor(%e, %d)
  %y: f32[8] = aten::neg(%f)
  return %f, %y
})");
  // %x is the caller's, %a to %c, %e and %f are in one place, %d and then %y in another.
  EXPECT_EQ(compiled.plan.live_bytes, 2u * 8 * sizeof(float));
  EXPECT_EQ(compiled.plan.arena_bytes, compiled.plan.live_bytes);
  const auto method = Program::load(compiled.file).value()->load_method().value();
  for (int i = 0; i < 2; ++i) {
    EXPECT_THAT(run(*method, {2, 4}), ElementsAre(-4, -3, -2, -1, 0, 0, 0, 0));
  }
}

TEST(InPlace, OperandsThatAreReadLaterOrBroadcastStay) {
  const Compiled compiled = compile_ok(R"(
graph forward(%x: f32[2,4]) {
  %a: f32[2,4] = aten::neg(%x)
  %r: f32[4] = aten::select_copy.int(%a, 0, 0)
  %s: f32[2,4] = aten::add.Tensor(%r, %a)
  %t: f32[2,4] = aten::mul.Tensor(%s, %s)
  %u: f32[2,4] = aten::sub.Tensor(%t, %s)
  return %u
})");
  const auto method = Program::load(compiled.file).value()->load_method().value();
  // a is 4, 3, 2, 1; 0, -1, -2, -3 and s 8, 6, 4, 2; 4, 2, 0, -2
  EXPECT_THAT(run(*method, {2, 4}), ElementsAre(56, 30, 12, 2, 12, 2, 0, 6));
}

}  // namespace
}  // namespace tessera
