// SPDX-License-Identifier: MIT
#include "tessera/program.h"

#include <gtest/gtest.h>

#include "base/try.h"
#include "compile/emit_pte.h"
#include "compile/plan_memory.h"
#include "operators/call.h"
#include "ops/registry.h"

namespace tessera::testing {
namespace {

Result<std::vector<Tensor>> run_as_program(const ir::Graph& graph, std::span<const Tensor> inputs) {
  const compiler::MemoryPlan plan = TRY(compiler::plan_memory(graph));
  const auto files = TRY(compiler::emit_pte({{{graph, plan}}}));
  const auto program = TRY(Program::load(files.program));
  const auto method = TRY(program->load_method());
  for (std::size_t i = 0; i < inputs.size(); ++i) TRY(method->set_input(i, inputs[i]));
  TRY(method->execute());
  std::vector<Tensor> results;
  for (std::size_t i = 0; i < method->num_outputs(); ++i) {
    const Tensor view = TRY(method->output(i));
    results.push_back(
        Tensor::of_bytes(view.dtype(), view.shape(), {view.bytes(), view.num_bytes()}));
  }
  return results;
}

/// A program file that is just the call computes the bits that the kernel computes.
TEST(Program, GivesTheBitsOfTheKernel) {
  ir::KernelContext context;
  for (const Call& call : all_calls()) {
    if (call.op->kernel == nullptr || call.op->is_random) continue;
    const auto expected = run_kernel(call, context);
    const auto graph = make_graph(call);
    ASSERT_TRUE(graph.has_value()) << call.description();
    const auto found = run_as_program(*graph, call.tensors);
    ASSERT_TRUE(expected.has_value()) << call.description();
    ASSERT_TRUE(found.has_value()) << call.description() << ": " << found.error().message;
    ASSERT_EQ(found->size(), expected->size()) << call.description();
    for (std::size_t i = 0; i < found->size(); ++i) {
      EXPECT_TRUE(has_same_bits((*found)[i], (*expected)[i])) << call.description();
    }
  }
}

/// Arguments that follow from the input's sizes (products, quotients, the larger of two) are
/// computed by the program: it gives what a graph of constant sizes gives.
TEST(Program, ComputesSizesFromItsInputs) {
  const auto text = [](std::string_view h, std::string_view w, std::string_view symbols) {
    return std::format(
        "graph forward(%x: f32[1,4,2*{0}+1,{1}]){2} {{\n"
        "  %a: f32[1,4,2*{0}+1,{1}], %m: f32[1,2], %r: f32[1,2] = aten::native_group_norm(%x, "
        "none, none, 1, 4, 2*{0}*{1}+{1}, 2, 1e-05)\n"
        "  %b: f32[1,4,{0},{1}//2] = aten::avg_pool2d(%a, [2,2], [2,2], [0,0], false, true, none)\n"
        "  %c: f32[{0},4*({1}//2)] = aten::view_copy(%b, [{0},4*({1}//2)])\n"
        "  %d: f32[max({0},4)] = aten::full([max({0},4)], 1.5, 6, none, none, none)\n"
        "  %e: f32[{0},4*({1}//2)] = aten::relu(%c)\n"
        "  return %e, %d\n}}\n",
        h, w, symbols);
  };
  const auto symbolic =
      ir::parse_graph(text("h", "w", " where h in 1..8, w in 2..9"), ops::find_operator);
  ASSERT_TRUE(symbolic.has_value()) << symbolic.error().message;
  for (const auto& [h, w] : {std::pair(3, 5), {8, 9}, {1, 2}}) {
    const auto fixed =
        ir::parse_graph(text(std::to_string(h), std::to_string(w), ""), ops::find_operator);
    ASSERT_TRUE(fixed.has_value()) << fixed.error().message;
    Tensor input = Tensor::zeros(DType::kF32, {1, 4, 2 * h + 1, w}).value();
    for (std::int64_t i = 0; i < input.num_elements(); ++i) {
      input.data<float>()[i] = static_cast<float>((i * 37) % 23 - 11);
    }
    const auto found = run_as_program(*symbolic, {{input}});
    const auto expected = run_as_program(*fixed, {{input}});
    ASSERT_TRUE(found.has_value()) << found.error().message;
    ASSERT_TRUE(expected.has_value()) << expected.error().message;
    for (std::size_t i = 0; i < 2; ++i) EXPECT_TRUE(has_same_bits((*found)[i], (*expected)[i]));
  }
}

}  // namespace
}  // namespace tessera::testing
