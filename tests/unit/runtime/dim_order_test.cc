// SPDX-License-Identifier: MIT
// Programs and callers with tensors that are channels last in memory.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "unit/runtime/plan_builder.h"

namespace tessera {
namespace {

using testing::PlanBuilder;

const Shape kShape{1, 2, 2, 3};

Tensor counting() {
  Tensor tensor = *Tensor::empty(DType::kF32, kShape);
  std::iota(tensor.data<float>(), tensor.data<float>() + tensor.num_elements(), 0.0f);
  return tensor;
}

std::vector<float> elements(const Tensor& tensor) {
  const Tensor contiguous = tensor.contiguous().value();
  return {contiguous.elements<float>().begin(), contiguous.elements<float>().end()};
}

/// y = x[:, [0, 1]] permuted to [1, 3, 2, 2] with y and x in any order.
Result<std::unique_ptr<Method>> permuting(const DimOrder& x_order, const DimOrder& y_order) {
  PlanBuilder builder;
  const auto add = [&](const Shape& sizes, const DimOrder& order, std::uint64_t offset) {
    pte::TensorValue value = PlanBuilder::tensor_value(sizes);
    for (std::size_t i = 0; i < sizes.rank(); ++i) {
      value.dim_order[i] = static_cast<std::uint8_t>(order[i]);
    }
    value.allocation = pte::Allocation{1, offset};
    return builder.add(value);
  };
  const auto x = add(kShape, x_order, 0), y = add({1, 3, 2, 2}, y_order, 64);
  pte::IntList dims;
  for (const std::int64_t dim : {0, 3, 2, 1}) dims.items.push_back(builder.add(dim));
  builder.call("aten::permute_copy.out", {x, builder.add(dims), y, y});
  builder.returns({x}, {y});
  return builder.load_method();
}

TEST(DimOrders, KernelsSeeContiguousTensors) {
  const DimOrder last = DimOrder::channels_last(4);
  const std::vector<float> expected = {0, 6, 3, 9, 1, 7, 4, 10, 2, 8, 5, 11};
  for (const DimOrder& x_order : {DimOrder(), last}) {
    for (const DimOrder& y_order : {DimOrder(), last}) {
      const auto method = permuting(x_order, y_order);
      ASSERT_TRUE(method.has_value()) << method.error().message;
      testing::expect_ok((*method)->set_input(0, counting()));
      testing::expect_ok((*method)->execute());
      EXPECT_EQ((*method)->output(0)->dim_order(), y_order);
      EXPECT_EQ(elements(*(*method)->output(0)), expected);
    }
  }
}

TEST(DimOrders, CallersMayHaveAnother) {
  const DimOrder last = DimOrder::channels_last(4);
  const auto method = permuting({}, {}).value();
  Tensor image = Tensor::empty(DType::kF32, kShape)->with_dim_order(last);
  // Channels last in memory: 0 6 1 7 ... for the same sizes and elements.
  for (int pixel = 0; pixel < 6; ++pixel) {
    for (int channel = 0; channel < 2; ++channel) {
      image.data<float>()[pixel * 2 + channel] = static_cast<float>(channel * 6 + pixel);
    }
  }
  std::vector<float> memory(12);
  testing::expect_ok(method->bind_input(0, image));
  testing::expect_ok(method->bind_output(0, memory.data(), 48, last));
  for (int run = 0; run < 2; ++run) {
    testing::expect_ok(method->execute());
    EXPECT_EQ(memory, std::vector<float>({0, 1, 2, 6, 7, 8, 3, 4, 5, 9, 10, 11}));
    EXPECT_EQ(method->output(0)->dim_order(), last);
  }
  testing::expect_ok(method->bind_output(0, memory.data(), 48));
  testing::expect_ok(method->execute());
  EXPECT_EQ(memory, std::vector<float>({0, 6, 3, 9, 1, 7, 4, 10, 2, 8, 5, 11}));
}

/// Pointwise kernels work on memory in any order that all their tensors share.
TEST(DimOrders, PointwiseKernelsNeedNoCopies) {
  PlanBuilder builder;
  pte::TensorValue value = PlanBuilder::tensor_value(kShape);
  value.dim_order = {0, 2, 3, 1};
  value.allocation = pte::Allocation{1, 0};
  const auto x = builder.add(value);
  value.allocation = pte::Allocation{1, 64};
  const auto y = builder.add(value);
  builder.neg(x, y);
  builder.returns({x}, {y});
  const auto method = builder.load_method().value();
  testing::expect_ok(method->set_input(0, counting()));
  testing::expect_ok(method->execute());
  std::vector<float> expected = elements(counting());
  for (float& element : expected) element = -element;
  EXPECT_EQ(elements(*method->output(0)), expected);
}

}  // namespace
}  // namespace tessera
