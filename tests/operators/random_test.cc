// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <cmath>

#include "ir/kernel_context.h"
#include "operators/call.h"
#include "ops/dispatch.h"
#include "ops/registry.h"

/// Operators whose results no reference can give: what can be said of their elements.
namespace tessera::testing {
namespace {

std::vector<double> elements(const Tensor& tensor) {
  std::vector<double> values;
  ops::dispatch<ops::AllTypes>(tensor.dtype(), [&]<class T>() {
    for (const T element : tensor.elements<T>()) values.push_back(static_cast<double>(element));
  });
  return values;
}

double mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

std::vector<Tensor> run(std::string_view name, std::string_view arguments,
                        ir::KernelContext& context) {
  const ir::Operator* op = ops::find_operator(name);
  EXPECT_NE(op, nullptr) << name;
  auto results = run_kernel(make_call(*op, 0, arguments), context);
  EXPECT_TRUE(results.has_value()) << name << arguments;
  return *std::move(results);
}

TEST(Random, UniformNumbersFillTheirRange) {
  ir::KernelContext context;
  for (const std::string_view dtype : {"6", "7", "5", "15"}) {
    const auto values = elements(
        run("aten::rand", std::format("([4000], {}, none, none, none)", dtype), context)[0]);
    EXPECT_GE(*std::ranges::min_element(values), 0.0);
    EXPECT_LT(*std::ranges::max_element(values), 1.0);
    EXPECT_NEAR(mean(values), 0.5, 0.03);
    EXPECT_LT(*std::ranges::min_element(values), 0.01);
    EXPECT_GT(*std::ranges::max_element(values), 0.98);
  }
}

TEST(Random, NormalNumbersHaveMeanZeroAndVarianceOne) {
  ir::KernelContext context;
  auto values = elements(run("aten::randn", "([5000], none, none, none, none)", context)[0]);
  EXPECT_NEAR(mean(values), 0, 0.06);
  for (double& value : values) value *= value;
  EXPECT_NEAR(mean(values), 1, 0.08);
}

TEST(Random, ContextsGiveTheSameSequenceAndGoOn) {
  ir::KernelContext first, second;
  const Tensor a = run("aten::rand", "([7], none, none, none, none)", first)[0];
  const Tensor b = run("aten::rand", "([7], none, none, none, none)", second)[0];
  const Tensor c = run("aten::rand", "([7], none, none, none, none)", first)[0];
  EXPECT_TRUE(has_same_bits(a, b));
  EXPECT_FALSE(has_same_bits(a, c));
}

TEST(Random, DropoutScalesWhatStays) {
  ir::KernelContext context;
  const Call call =
      make_call(*ops::find_operator("aten::native_dropout"), 0, "(f32[4000], 0.25, true)");
  const auto results = run_kernel(call, context);
  ASSERT_TRUE(results.has_value());
  const auto in = call.tensors[0].elements<float>(), out = (*results)[0].elements<float>();
  const auto mask = (*results)[1].elements<bool>();
  int kept = 0;
  for (std::size_t i = 0; i < in.size(); ++i) {
    kept += mask[i];
    EXPECT_FLOAT_EQ(out[i], mask[i] ? in[i] / 0.75F : 0.0F);
  }
  EXPECT_NEAR(kept, 3000, 120);
}

TEST(Random, DropoutWithoutTrainingIsACopy) {
  ir::KernelContext context;
  const Call call =
      make_call(*ops::find_operator("aten::native_dropout"), 0, "(f16[50], 0.5, false)");
  const auto results = run_kernel(call, context);
  ASSERT_TRUE(results.has_value());
  EXPECT_TRUE(has_same_bits((*results)[0], call.tensors[0]));
  for (const bool stays : (*results)[1].elements<bool>()) EXPECT_TRUE(stays);
}

}  // namespace
}  // namespace tessera::testing
