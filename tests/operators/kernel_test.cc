// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <map>

#include "ir/verify.h"
#include "operators/call.h"
#include "operators/goldens.h"
#include "operators/tolerance.h"
#include "ops/in_place.h"
#include "ops/registry.h"
#include "passes/passes.h"

namespace tessera::testing {
namespace {

/// The lists of samples, as the folder has them. TESSERA_BLESS=1 writes them anew.
TEST(Goldens, HaveEverySample) {
  std::map<std::string, std::string> wanted;
  for (const ops::Family& family : ops::all_families()) {
    std::string& list = wanted[std::string(family.name)];
    for (const ir::Operator& op : family.operators) {
      for (std::size_t i = 0; i < op.samples.size() && !op.is_random; ++i) {
        const Call call = make_call(op, i, op.samples[i].arguments);
        const auto line = golden_line(call);
        ASSERT_TRUE(line.has_value()) << call.description() << ": " << line.error().message;
        list += *line + "\n";
      }
    }
  }
  if (std::getenv("TESSERA_BLESS") != nullptr) {
    for (const auto& [family, list] : wanted) {
      std::ofstream(std::string(TESSERA_TEST_DATA) + "/goldens/" + family + ".txt") << list;
    }
    return;  // now tools/make_goldens.py has to compute the results
  }
  const auto goldens = Goldens::load();
  ASSERT_TRUE(goldens.has_value()) << goldens.error().message;
  for (const auto& [family, list] : wanted) {
    EXPECT_EQ(goldens->list(family), list)
        << family << ": run this test with TESSERA_BLESS=1, then tools/make_goldens.py";
  }
}

void expect_golden(const Goldens& goldens, const Call& call, const std::vector<Tensor>& found) {
  const auto expected = goldens.results(golden_line(call).value_or(""));
  ASSERT_TRUE(expected.has_value()) << expected.error().message;
  ASSERT_EQ(found.size(), expected->size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    EXPECT_EQ(difference(found[i], (*expected)[i], kernel_tolerance(found[i].dtype())), "")
        << call.description() << " result " << i;
  }
}

/// Kernel = PyTorch, types as infer says, nothing written outside (run_kernel checks both).
TEST(Kernel, GivesWhatPyTorchGives) {
  const auto goldens = Goldens::load();
  ASSERT_TRUE(goldens.has_value()) << goldens.error().message;
  ir::KernelContext context;
  for (const Call& call : all_calls()) {
    if (call.op->kernel == nullptr || call.op->is_random) continue;
    const auto found = run_kernel(call, context);
    ASSERT_TRUE(found.has_value()) << call.description() << ": " << found.error().message;
    expect_golden(*goldens, call, *found);
  }
}

/// Operators outside core ATen: what they decompose into = PyTorch.
TEST(Decomposition, GivesWhatPyTorchGives) {
  const auto goldens = Goldens::load();
  ASSERT_TRUE(goldens.has_value()) << goldens.error().message;
  for (const Call& call : all_calls()) {
    if (call.op->decompose == nullptr) continue;
    auto graph = make_graph(call);
    ASSERT_TRUE(graph.has_value()) << call.description() << ": " << graph.error().message;
    const ir::NodeId node = graph->nodes().front();
    const auto decomposed = call.op->decompose(*graph, node);
    ASSERT_TRUE(decomposed.has_value()) << call.description() << ": " << decomposed.error().message;
    EXPECT_FALSE(graph->is_alive(node)) << call.description();
    const auto finished = passes::decompose(*graph);  // of what it has become
    ASSERT_TRUE(finished.has_value()) << call.description() << ": " << finished.error().message;
    const auto verified = ir::verify(*graph);
    EXPECT_TRUE(verified.has_value()) << call.description() << ": " << verified.error().message;
    const auto found = evaluate(*graph, call.tensors);
    ASSERT_TRUE(found.has_value()) << call.description() << ": " << found.error().message;
    expect_golden(*goldens, call, *found);
  }
}

TEST(Kernel, GivesTheSameBitsOnThreeThreads) {
  ThreadPool pool(3);
  ir::KernelContext one_thread, three_threads(&pool);
  for (const Call& call : all_calls()) {
    if (call.op->kernel == nullptr || call.op->is_random) continue;
    const auto one = run_kernel(call, one_thread), three = run_kernel(call, three_threads);
    ASSERT_TRUE(one.has_value() && three.has_value()) << call.description();
    for (std::size_t i = 0; i < one->size(); ++i) {
      EXPECT_TRUE(has_same_bits((*one)[i], (*three)[i])) << call.description();
    }
  }
}

/// What the planner relies on when it puts a result into the memory of an operand.
TEST(Kernel, GivesTheSameBitsInPlace) {
  ThreadPool pool(3);
  ir::KernelContext one_thread, three_threads(&pool);
  int num_checked = 0;
  for (const Call& call : all_calls()) {
    if (call.op->kernel == nullptr || call.op->is_random) continue;
    if (!ops::may_run_in_place(*call.op)) continue;
    const auto expected = run_kernel(call, one_thread);
    ASSERT_TRUE(expected.has_value()) << call.description();
    ASSERT_EQ(expected->size(), 1u) << call.description();
    for (std::size_t i = 0; i < call.tensors.size(); ++i) {
      if (ir::type_of(call.tensors[i]) != ir::type_of((*expected)[0])) continue;
      for (ir::KernelContext* context : {&one_thread, &three_threads}) {
        const auto found = run_kernel_in_place(call, i, *context);
        ASSERT_TRUE(found.has_value()) << call.description() << ": " << found.error().message;
        EXPECT_TRUE(has_same_bits(*found, (*expected)[0])) << call.description() << " over " << i;
        ++num_checked;
      }
    }
  }
  EXPECT_GT(num_checked, 500);
}

/// A tensor large enough that the threads really share the work.
TEST(Kernel, ConvolutionGivesTheSameBitsOnThreeThreads) {
  const Call call =
      make_call(*ops::find_operator("aten::convolution"), 0,
                "(f32[2,8,65,67], f32[12,4,3,3], f32[12], [1,1], [1,1], [1,1], false, [0,0], 2)");
  ThreadPool pool(3);
  ir::KernelContext one_thread, three_threads(&pool);
  const auto one = run_kernel(call, one_thread), three = run_kernel(call, three_threads);
  ASSERT_TRUE(one.has_value() && three.has_value());
  EXPECT_TRUE(has_same_bits((*one)[0], (*three)[0]));
}

/// Operators have a kernel with a name in program files, or a decomposition, or both.
TEST(Registry, EveryOperatorCanRunOrDecompose) {
  for (const ir::Operator* op : ops::all_operators()) {
    EXPECT_NE(op->infer, nullptr) << op->schema;
    EXPECT_TRUE(op->kernel != nullptr || op->decompose != nullptr) << op->schema;
    EXPECT_EQ(op->out_name.empty(), op->kernel == nullptr) << op->schema;
    EXPECT_EQ(op->xnnpack.check == nullptr, op->xnnpack.lower == nullptr) << op->schema;
    EXPECT_EQ(ops::find_operator(ir::schema_of(*op).full_name()), op);
    if (!op->out_name.empty()) {
      EXPECT_EQ(ops::find_out_variant(op->out_name), op);
    }
  }
  EXPECT_EQ(ops::find_operator("aten::nothing"), nullptr);
  EXPECT_EQ(ops::find_out_variant("aten::nothing.out"), nullptr);
}

}  // namespace
}  // namespace tessera::testing
