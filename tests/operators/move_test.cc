// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "base/thread_pool.h"
#include "compile/emit_pte.h"
#include "compile/plan_memory.h"
#include "operators/call.h"
#include "ops/registry.h"
#include "tessera/program.h"

/// Operators that move elements, on tensors large enough that threads, blocks and long runs matter,
/// and with indices that are wrong.
namespace tessera::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Call call_of(std::string_view name, std::string_view arguments) {
  return make_call(*ops::find_operator(name), 0, arguments);
}

struct LargeCall {
  std::string_view name, arguments;
};

constexpr LargeCall kLargeCalls[] = {
    {"aten::permute_copy", "(f32[2,3,150,171], [0,2,3,1])"},
    {"aten::permute_copy", "(u8[2,150,171,5], [0,3,1,2])"},
    {"aten::transpose_copy.int", "(f64[333,257], 0, 1)"},
    {"aten::flip", "(f16[50000], [0])"},
    {"aten::roll", "(f32[300,301], [7,-9], [0,1])"},
    {"aten::expand_copy", "(f32[1,70000], [3,70000], false)"},
    {"aten::slice_copy.Tensor", "(f32[400,401], 1, 3, 390, 2)"},
    {"aten::pixel_shuffle", "(f32[1,12,90,91], 2)"},
    {"aten::reflection_pad2d", "(f32[3,180,181], [3,4,5,6])"},
    {"aten::upsample_bilinear2d.vec", "(f32[1,3,90,91], none, false, [2.0, 2.0])"},
    {"aten::upsample_nearest2d.vec", "(f32[1,3,90,91], none, [2.0, 2.0])"},
    {"aten::_upsample_bilinear2d_aa", "(f32[1,3,190,191], [70,80], false, none, none)"},
    {"aten::grid_sampler_2d", "(f32[1,3,40,41], f32[1,90,91,2], 0, 0, false)"},
    {"aten::index.Tensor", "(f32[40,21,41], [none, bool[21]])"},
};

TEST(LargeMoves, GiveTheSameBitsOnThreeThreads) {
  ThreadPool pool(3);
  ir::KernelContext one_thread, three_threads(&pool);
  for (const LargeCall& large : kLargeCalls) {
    const Call call = call_of(large.name, large.arguments);
    const auto one = run_kernel(call, one_thread), three = run_kernel(call, three_threads);
    ASSERT_TRUE(one.has_value() && three.has_value()) << call.description();
    EXPECT_TRUE(has_same_bits((*one)[0], (*three)[0])) << call.description();
  }
}

/// There and back again: blocks at the edges have other sizes.
TEST(LargeMoves, TransposingTwiceGivesTheTensor) {
  ir::KernelContext context;
  for (const std::string_view type :
       {"u8[3,67,129]", "f16[3,67,129]", "f32[3,67,129]", "f64[3,67,129]"}) {
    const Call call = call_of("aten::permute_copy", std::format("({}, [2,0,1])", type));
    const auto there = run_kernel(call, context);
    ASSERT_TRUE(there.has_value());
    const auto back = run_kernel(
        with_tensors(call_of("aten::permute_copy", std::format("({}, [1,2,0])", type)), *there),
        context);
    ASSERT_TRUE(back.has_value());
    EXPECT_TRUE(has_same_bits((*back)[0], call.tensors[0])) << type;
    EXPECT_FALSE(has_same_bits((*there)[0], call.tensors[0])) << type;
  }
}

std::string error_with_index(std::string_view name, std::string_view arguments, std::size_t tensor,
                             std::int64_t index) {
  Call call = call_of(name, arguments);
  for (std::int64_t i = 0; i < call.tensors[tensor].num_elements(); ++i) {
    call.tensors[tensor].data<std::int64_t>()[i] = i == 1 ? index : 0;
  }
  ir::KernelContext context;
  const auto results = run_kernel(call, context);
  return results ? "" : results.error().message;
}

TEST(WrongIndices, AreRefusedByTheKernel) {
  for (const std::int64_t index : {std::int64_t{4}, std::int64_t{-5}, INT64_MAX, INT64_MIN}) {
    EXPECT_THAT(error_with_index("aten::index.Tensor", "(f32[4,5], [i64[3]])", 1, index),
                HasSubstr(std::format("index {} is outside of -4 to 3", index)));
    EXPECT_THAT(
        error_with_index("aten::index_put", "(f32[5,4], [none, i64[3]], f32[], true)", 1, index),
        HasSubstr("is outside of -4 to 3"));
  }
  for (const std::int64_t index : {std::int64_t{4}, std::int64_t{-1}, INT64_MAX, INT64_MIN}) {
    EXPECT_THAT(
        error_with_index("aten::embedding", "(f32[4,5], i64[3], -1, false, false)", 1, index),
        HasSubstr(std::format("index {} at 1, expected 0 to 3", index)));
    EXPECT_THAT(error_with_index("aten::gather", "(f32[4], 0, i64[3], false)", 1, index),
                HasSubstr(std::format("argument 'index' has {}, expected 0 to 3", index)));
    EXPECT_THAT(error_with_index("aten::scatter_add", "(f32[4], 0, i64[3], f32[3])", 1, index),
                HasSubstr(std::format("argument 'index' has {}, expected 0 to 3", index)));
  }
  EXPECT_THAT(error_with_index("aten::repeat_interleave.Tensor", "(i64[3], 5)", 0, -1),
              HasSubstr("argument 'repeats' has -1 at 1"));
  EXPECT_THAT(error_with_index("aten::repeat_interleave.Tensor", "(i64[3], 5)", 0, INT64_MAX),
              HasSubstr("argument 'repeats' has"));
}

TEST(MaskedScatter, NeedsAsManyElementsAsAreChosen) {
  Call call = call_of("aten::masked_scatter", "(f32[3], bool[3], f32[2])");
  std::ranges::fill(std::span(call.tensors[1].data<bool>(), 3), true);
  ir::KernelContext context;
  const auto results = run_kernel(call, context);
  ASSERT_FALSE(results.has_value());
  EXPECT_EQ(results.error().message, "argument 'source' has 2 elements, 'mask' chooses 3");
}

/// index_put_ writes into its first argument.
TEST(IndexPut, WorksInPlace) {
  Call call = call_of("aten::index_put", "(i32[4], [i64[2]], i32[2], true)");
  std::ranges::copy(std::array{10, 20, 30, 40}, call.tensors[0].data<std::int32_t>());
  std::ranges::copy(std::array<std::int64_t, 2>{-1, 3}, call.tensors[1].data<std::int64_t>());
  std::ranges::copy(std::array{1, 2}, call.tensors[2].data<std::int32_t>());
  std::vector<Tensor> tensors = call.tensors;
  const std::vector<ir::KernelArguments::Argument> arguments = {
      &tensors[0], std::vector{&tensors[1]}, &tensors[2], true};
  ir::KernelContext context;
  std::array outputs = {tensors[0]};
  ASSERT_TRUE(call.op->kernel(context, ir::KernelArguments(arguments), outputs).has_value());
  EXPECT_THAT(tensors[0].elements<std::int32_t>(), ElementsAre(10, 20, 30, 43));
}

/// What follows an operator whose sizes depend on elements has room for the upper bound and runs
/// with the sizes that are there.
TEST(SizesFromElements, FlowThroughAProgram) {
  const auto graph = ir::parse_graph(
      "graph forward(%x: f32[4], %m: bool[4]) {\n"
      "  %a: f32[4] = aten::masked_select(%x, %m)\n"
      "  %b: f32[4] = aten::neg(%a)\n"
      "  return %b\n}\n",
      ops::find_operator);
  ASSERT_TRUE(graph.has_value()) << graph.error().message;
  const auto plan = compiler::plan_memory(*graph);
  ASSERT_TRUE(plan.has_value()) << plan.error().message;
  const auto files = compiler::emit_pte({{{*graph, *plan}}});
  ASSERT_TRUE(files.has_value()) << files.error().message;
  const auto program = Program::load(files->program);
  ASSERT_TRUE(program.has_value()) << program.error().message;
  const auto method = *(*program)->load_method();
  const auto run = [&](std::array<bool, 4> mask) -> std::vector<float> {
    const std::array x = {1.0F, 2.0F, 3.0F, 4.0F};
    EXPECT_TRUE(method->set_input(0, Tensor::of<float>(Shape{4}, x)).has_value());
    EXPECT_TRUE(method->set_input(1, Tensor::of<bool>(Shape{4}, mask)).has_value());
    const auto executed = method->execute();
    EXPECT_TRUE(executed.has_value()) << executed.error().message;
    const Tensor output = *method->output(0);
    return {output.elements<float>().begin(), output.elements<float>().end()};
  };
  EXPECT_THAT(run({true, false, false, true}), ElementsAre(-1, -4));
  EXPECT_THAT(run({false, false, false, false}), ElementsAre());
  EXPECT_THAT(run({true, true, false, true}), ElementsAre(-1, -2, -4));
}

}  // namespace
}  // namespace tessera::testing
