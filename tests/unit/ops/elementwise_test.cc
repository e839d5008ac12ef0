// SPDX-License-Identifier: MIT
#include "ops/elementwise.h"

#include <gtest/gtest.h>

#include <cstring>
#include <limits>

#include "base/thread_pool.h"

namespace tessera::ops {
namespace {

template <class T>
Tensor counting(const Shape& shape) {
  Tensor tensor = *Tensor::empty(dtype_of<T>(), shape);
  for (std::int64_t i = 0; i < tensor.num_elements(); ++i) {
    tensor.data<T>()[i] = static_cast<T>(i % 113);
  }
  return tensor;
}

/// The element of `tensor` that is broadcast to position `index` of a tensor of this shape.
template <class T>
double broadcast_element(const Tensor& tensor, const Shape& shape, std::int64_t index) {
  std::int64_t offset = 0, stride = 1;
  for (std::size_t back = 1; back <= shape.rank(); ++back) {
    const std::int64_t size = shape[shape.rank() - back];
    if (back <= tensor.rank()) {
      const std::int64_t own = tensor.size(tensor.rank() - back);
      if (own > 1) offset += index % size * stride;
      stride *= own;
    }
    index /= size;
  }
  return static_cast<double>(tensor.data<T>()[offset]);
}

/// a + 1000 b in f32, for operands of other types and shapes, on one thread and on three.
template <class A, class B>
void expect_sum(const Shape& shape_a, const Shape& shape_b, const Shape& shape) {
  const Tensor a = counting<A>(shape_a), b = counting<B>(shape_b);
  const Operand operands[] = {{a, DType::kF32}, {b, DType::kF32}};
  Tensor out = *Tensor::empty(DType::kF32, shape);
  ThreadPool pool(3);
  for (ThreadPool* threads : {static_cast<ThreadPool*>(nullptr), &pool}) {
    ir::KernelContext context(threads);
    std::memset(out.bytes(), 0, out.num_bytes());
    run_elementwise<float, float, float>(context, operands, out,
                                         [](float x, float y) { return x + 1000 * y; });
    for (std::int64_t i = 0; i < out.num_elements(); ++i) {
      const double expected =
          broadcast_element<A>(a, shape, i) + 1000 * broadcast_element<B>(b, shape, i);
      ASSERT_EQ(out.data<float>()[i], expected)
          << shape_a.to_string() << " " << shape_b.to_string() << " element " << i;
    }
  }
}

TEST(Elementwise, BroadcastsOverBlocksAndThreads) {
  const Shape shape{2, 3, 100, 111};
  expect_sum<float, float>(shape, shape, shape);
  expect_sum<float, float>(shape, {1, 3, 1, 1}, shape);
  expect_sum<float, float>(shape, {}, shape);
  expect_sum<float, float>({111}, shape, shape);
  expect_sum<float, float>({2, 1, 100, 1}, {3, 1, 111}, shape);
  expect_sum<std::int8_t, Half>({100, 111}, {2, 3, 1, 1}, shape);
  expect_sum<std::int64_t, double>({1, 1, 1, 111}, {2, 1, 100, 111}, shape);
  expect_sum<float, BFloat16>({20000, 1}, {20000, 2}, {20000, 2});
  expect_sum<std::uint8_t, bool>({1, 1}, {7000, 3}, {7000, 3});
}

TEST(Elementwise, RoundsOperandsToTheCommonType) {
  const double tenth[] = {0.1};
  const Tensor number = Tensor::of<double>({}, tenth);
  const Half halves[] = {Half(0.1), Half(0.2)};
  const Tensor tensor = Tensor::of<Half>({2}, halves);
  const Operand operands[] = {{tensor, DType::kF16}, {number, DType::kF16}};
  Tensor out = *Tensor::empty(DType::kBool, {2});
  ir::KernelContext context;
  run_elementwise<std::uint8_t, float, float>(context, operands, out,
                                              [](float a, float b) { return a == b; });
  EXPECT_TRUE(out.data<bool>()[0]);
  EXPECT_FALSE(out.data<bool>()[1]);
}

TEST(ConvertElement, IsDefinedForEveryNumber) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(convert_element<std::int32_t>(-2.9F), -2);
  EXPECT_EQ(convert_element<std::int32_t>(3e9F), std::numeric_limits<std::int32_t>::min());
  EXPECT_EQ(convert_element<std::int64_t>(kInfinity), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(convert_element<std::int32_t>(std::numeric_limits<float>::quiet_NaN()),
            std::numeric_limits<std::int32_t>::min());
  EXPECT_EQ(convert_element<std::uint8_t>(300.7F), 44);
  EXPECT_EQ(convert_element<std::uint8_t>(-1.0), 255);
  EXPECT_EQ(convert_element<std::int8_t>(std::int64_t{200}), -56);
  EXPECT_TRUE(convert_element<bool>(std::numeric_limits<double>::denorm_min()));
  EXPECT_FALSE(convert_element<bool>(-0.0F));
}

}  // namespace
}  // namespace tessera::ops
