// SPDX-License-Identifier: MIT
#include "tensor/reorder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>
#include <vector>

namespace tessera {
namespace {

/// The element's own index in the order of the sizes, read through the strides.
template <class T>
void expect_counts(const Tensor& tensor) {
  const Shape strides = tensor.dim_order().strides(tensor.shape());
  for (std::int64_t i = 0; i < tensor.num_elements(); ++i) {
    std::int64_t offset = 0, rest = i;
    for (std::size_t dim = tensor.rank(); dim-- > 0; rest /= tensor.size(dim)) {
      offset += rest % tensor.size(dim) * strides[dim];
    }
    ASSERT_EQ(tensor.data<T>()[offset], static_cast<T>(i)) << i;
  }
}

template <class T>
void check_all_orders(const Shape& shape) {
  Tensor counts = *Tensor::empty(dtype_of<T>(), shape);
  std::iota(counts.data<T>(), counts.data<T>() + counts.num_elements(), T{0});
  std::vector<std::uint8_t> order(shape.rank());
  std::iota(order.begin(), order.end(), std::uint8_t{0});
  do {
    Tensor there = Tensor::empty(dtype_of<T>(), shape)->with_dim_order(DimOrder(order));
    reorder(counts, there);
    expect_counts<T>(there);
    const auto back = there.contiguous();
    ASSERT_TRUE(back.has_value());
    EXPECT_EQ(std::memcmp(back->bytes(), counts.bytes(), counts.num_bytes()), 0);
  } while (std::ranges::next_permutation(order).found);
}

TEST(Reorder, GoesThroughEveryOrderAndBack) {
  check_all_orders<std::int16_t>({2, 3, 40, 37});
  check_all_orders<std::uint8_t>({3, 5, 7});
  check_all_orders<std::int64_t>({2, 1, 3, 2, 4});
  check_all_orders<float>({7});
  check_all_orders<float>({});
}

TEST(Reorder, LeavesEmptyTensorsAlone) {
  Tensor to = Tensor::empty(DType::kF32, {2, 0, 3})->with_dim_order(DimOrder::channels_last(3));
  reorder(*Tensor::empty(DType::kF32, {2, 0, 3}), to);
}

TEST(DimOrder, TurnsSizesToMemoryAndBack) {
  const DimOrder order = DimOrder::channels_last(4);
  EXPECT_EQ(order.physical({1, 3, 5, 7}), Shape({1, 5, 7, 3}));
  EXPECT_EQ(order.logical({1, 5, 7, 3}), Shape({1, 3, 5, 7}));
  EXPECT_EQ(order.strides({1, 3, 5, 7}), Shape({105, 1, 21, 3}));
  EXPECT_EQ(DimOrder::channels_last(2), DimOrder());
  constexpr std::array<std::uint8_t, 3> kIdentity = {0, 1, 2};
  EXPECT_TRUE(DimOrder(kIdentity).is_contiguous());
}

}  // namespace
}  // namespace tessera
