// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <map>

#include "base/try.h"
#include "operators/call.h"
#include "operators/run_delegate.h"
#include "operators/tolerance.h"
#include "ops/registry.h"
#include "passes/passes.h"

/// The delegate made of one call gives what the kernel gives, or the rule's check says why not.
namespace tessera::testing {
namespace {

std::optional<std::string> check(const ir::Graph& graph) {
  const ir::Node& node = graph.node(graph.nodes().front());
  const ir::NodeTypes types(graph, node);
  const auto arguments = types.arguments();
  return node.op->xnnpack.check({graph, node, arguments, types.results()});
}

/// All tensors as inputs, and each one as the only input.
std::vector<std::vector<bool>> choices_of_constants(std::size_t num_tensors) {
  std::vector<std::vector<bool>> choices = {std::vector<bool>(num_tensors, false)};
  for (std::size_t input = 0; num_tensors > 1 && input < num_tensors; ++input) {
    choices.emplace_back(num_tensors, true);
    choices.back()[input] = false;
  }
  return choices;
}

/// What kernels make of the call; of an operator without one, those of what it decomposes into.
Result<std::vector<Tensor>> run_portable(const Call& call) {
  ir::KernelContext context;
  if (call.op->kernel != nullptr) return run_kernel(call, context);
  ir::Graph graph = TRY(make_graph(call));
  TRY(passes::decompose(graph));
  return evaluate(graph, call.tensors);
}

/// Runs the call as a delegate in each of the ways that the check allows and counts them.
int compare(const Call& call) {
  const auto expected = run_portable(call);
  EXPECT_TRUE(expected.has_value()) << call.description();
  int num_runs = 0;
  for (const auto& is_constant : choices_of_constants(call.tensors.size())) {
    const auto graph = make_graph(call, is_constant, 1);
    EXPECT_TRUE(graph.has_value()) << call.description();
    if (const auto reason = check(*graph)) {
      EXPECT_FALSE(reason->empty()) << call.description();
      continue;
    }
    std::vector<Tensor> inputs;
    for (std::size_t i = 0; i < is_constant.size(); ++i) {
      if (!is_constant[i]) inputs.push_back(call.tensors[i]);
    }
    const auto found = run_delegate(*graph, inputs);
    EXPECT_TRUE(found.has_value()) << call.description() << ": " << found.error().message;
    if (!found) continue;
    const Tolerance tolerance = xnnpack_tolerance(found->dtype());
    EXPECT_EQ(difference(*found, (*expected)[0], tolerance), "") << call.description();
    ++num_runs;
  }
  return num_runs;
}

TEST(Xnnpack, GivesWhatTheKernelGives) {
  std::map<std::string, int> num_runs;
  for (const Call& call : all_calls()) {
    if (call.op->xnnpack.check != nullptr) num_runs[call.name()] += compare(call);
  }
  for (const auto& [name, count] : num_runs) {
    EXPECT_GT(count, 0) << name << ": no sample was delegated";
  }
}

struct Rejection {
  std::string_view name;
  std::string_view arguments;
  std::string_view reason;
};

/// With the first tensor as input and the others as constants.
TEST(Xnnpack, ChecksSayWhyNot) {
  const Rejection kRejections[] = {
      {"aten::relu", "(f64[3])", "a tensor is f64"},
      {"aten::relu", "(f32[3,0])", "a tensor is empty"},
      {"aten::relu", "(f32[])", "a tensor has no dimensions"},
      {"aten::relu", "(f32[1,1,1,1,1,1,2])", "a tensor has 7 dimensions"},
      {"aten::clamp", "(f32[3], 1.0, 1.0)", "the lower bound 1 is not below the upper bound 1"},
      {"aten::add.Tensor", "(f32[3], f32[3], 2)", "alpha is 2"},
      {"aten::mul.Tensor", "(f32[3], i64[3])", "a tensor is i64"},
      {"aten::exp", "(i32[3])", "a tensor is i32"},
      {"aten::gelu", "(f32[3], \"tanh\")", "the approximation is by tanh"},
      {"aten::leaky_relu", "(f32[3], 1e+39)", "the slope is not finite"},
      {"aten::pow.Tensor_Scalar", "(f32[3], 3)", "the exponent is 3, not 2"},
      {"aten::convolution",
       "(f32[1,2,8,8], f32[2,3,3,3], none, [1,1], [0,0], [2,2], true, [1,0], 1)",
       "output padding 1 is not below stride 1"},
      {"aten::max_pool2d_with_indices", "(f32[1,2,9,9], [2,2], [3,3], [0,0], [1,1], false)",
       "stride 3 is above pooling 2"},
      {"aten::max_pool2d_with_indices", "(f32[1,2,9,9], [1,1], [1,1], [0,0], [1,1], false)",
       "the window is 1x1"},
      {"aten::avg_pool2d", "(f32[1,2,9,9], [2,2], [2,2], [0,0], true, true, none)",
       "ceil_mode lets windows stick out"},
      {"aten::avg_pool2d", "(f32[1,2,9,9], [2,2], [2,2], [0,0], false, true, 3)",
       "the divisor is not the window's size"},
      {"aten::upsample_bilinear2d.vec", "(f32[1,2,10,10], none, false, [1.75, 2.0])",
       "scale 0.5714285714285714 is not the ratio 0.5882352941176471 of the sizes"},
      {"aten::cat", "([f32[2,3]], 0)", "there is nothing to concatenate"},
      {"aten::mean.dim", "(f32[1,2,3,4], [0,2], true, none)",
       "the mean is not over neighbouring dimensions"},
      {"aten::_softmax", "(f32[2,3,4], 1, false)",
       "it is neither along the last dimension nor over the channels of an image"},
      {"aten::slice_copy.Tensor", "(f32[2,9], 1, 0, 9, 2)",
       "the step 2 does not divide the constant size"},
      {"aten::roll", "(f32[2,9], [1], [])", "it is rolled as one row"},
      {"aten::view_copy", "(f32[1,1], [])", "the result has no dimensions"},
      {"aten::constant_pad_nd", "(f32[5], [-1,0], 0)", "padding -1 is negative"},
  };
  for (const Rejection& rejection : kRejections) {
    const Call call = make_call(*ops::find_operator(rejection.name), 0, rejection.arguments);
    std::vector<bool> is_constant(call.tensors.size(), true);
    is_constant[0] = false;
    const auto graph = make_graph(call, is_constant, 1);
    ASSERT_TRUE(graph.has_value()) << rejection.arguments << graph.error().message;
    EXPECT_EQ(check(*graph), rejection.reason) << rejection.name << rejection.arguments;
  }
}

TEST(Xnnpack, ChecksWantConstantWeights) {
  const auto reason_with_inputs_only = [](std::string_view name, std::string_view arguments) {
    return check(make_graph(make_call(*ops::find_operator(name), 0, arguments)).value());
  };
  EXPECT_EQ(reason_with_inputs_only(
                "aten::convolution",
                "(f32[1,2,8,8], f32[3,2,3,3], none, [1,1], [0,0], [1,1], false, [0,0], 1)"),
            "the weight is no constant");
  EXPECT_EQ(reason_with_inputs_only("aten::addmm", "(f32[5], f32[2,3], f32[3,5], 1, 1)"),
            "the right matrix is no constant");
  EXPECT_EQ(reason_with_inputs_only("aten::max_pool2d_with_indices",
                                    "(f32[1,2,8,8], [2,2], [2,2], [0,0], [1,1], false)"),
            "the indices are used");
}

}  // namespace
}  // namespace tessera::testing
