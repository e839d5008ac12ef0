// SPDX-License-Identifier: MIT
#include "tessera/program.h"

#include <gtest/gtest.h>

#include "base/try.h"
#include "compile/emit_pte.h"
#include "compile/plan_memory.h"
#include "operators/call.h"

namespace tessera::testing {
namespace {

Result<std::vector<Tensor>> run_as_program(const Call& call) {
  const ir::Graph graph = TRY(make_graph(call));
  const compiler::MemoryPlan plan = TRY(compiler::plan_memory(graph));
  const auto files = TRY(compiler::emit_pte({{{graph, plan}}}));
  const auto program = TRY(Program::load(files.program));
  const auto method = TRY(program->load_method());
  for (std::size_t i = 0; i < call.tensors.size(); ++i) {
    TRY(method->set_input(i, call.tensors[i]));
  }
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
    const auto found = run_as_program(call);
    ASSERT_TRUE(expected.has_value()) << call.description();
    ASSERT_TRUE(found.has_value()) << call.description() << ": " << found.error().message;
    ASSERT_EQ(found->size(), expected->size()) << call.description();
    for (std::size_t i = 0; i < found->size(); ++i) {
      EXPECT_TRUE(has_same_bits((*found)[i], (*expected)[i])) << call.description();
    }
  }
}

}  // namespace
}  // namespace tessera::testing
