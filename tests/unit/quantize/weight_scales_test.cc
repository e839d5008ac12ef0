// SPDX-License-Identifier: MIT
#include "quantize/weight_scales.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/random.h"

namespace tessera::quantize {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;

Tensor tensor(const Shape& shape, std::vector<float> elements) {
  return Tensor::of(shape, std::span<const float>(elements));
}

std::vector<int> integers(const Tensor& weight, ScaleAxis axis, std::span<const float> scales,
                          int limit = kWeightLimit) {
  const auto quantized = quantize_weight(weight, axis, scales, limit);
  const auto elements = quantized.value().elements<std::int8_t>();
  return {elements.begin(), elements.end()};
}

TEST(SymmetricScales, OneForEachIndexOfTheAxis) {
  const Tensor weight = tensor({2, 3}, {127, -254, 1, -12.7f, 2.54f, 0});
  EXPECT_THAT(symmetric_scales(weight, 0), ElementsAre(2.0f, 12.7f / 127));
  EXPECT_THAT(symmetric_scales(weight, 1), ElementsAre(1.0f, 2.0f, 1.0f / 127));
  EXPECT_THAT(symmetric_scales(weight, std::nullopt), ElementsAre(2.0f));
  EXPECT_THAT(symmetric_scales(weight, std::nullopt, 7), ElementsAre(254.0f / 7));

  // Rounded to even: 63.5, -127, 0.5.
  EXPECT_THAT(integers(weight, 0, symmetric_scales(weight, 0)),
              ElementsAre(64, -127, 0, -127, 25, 0));
  EXPECT_THAT(integers(weight, 1, symmetric_scales(weight, 1)),
              ElementsAre(127, -127, 127, -13, 1, 0));
}

TEST(SymmetricScales, ChannelsOfZerosHaveAValidScale) {
  const Tensor weight = tensor({3, 2}, {0, 0, 127, -1, 1, 2});
  EXPECT_THAT(symmetric_scales(weight, 0), ElementsAre(1.0f, 1.0f, 2.0f / 127));
  EXPECT_THAT(symmetric_scales(tensor({2}, {0, 0}), 0), ElementsAre(1.0f / 127, 1.0f / 127));
  EXPECT_THAT(integers(tensor({2}, {0, 0}), 0, std::vector{1.0f, 1.0f}), ElementsAre(0, 0));
  EXPECT_THAT(symmetric_scales(tensor({0, 2}, {}), 0), ElementsAre());
  EXPECT_THAT(symmetric_scales(tensor({2, 0}, {}), 0), ElementsAre(1.0f / 127, 1.0f / 127));
  EXPECT_THAT(symmetric_scales(tensor({2}, {1e-30f, -1e-30f}), 0),
              ElementsAre(kSmallestWeightScale, kSmallestWeightScale));
}

TEST(SymmetricScales, IgnoresWhatIsNotFinite) {
  const float infinity = std::numeric_limits<float>::infinity();
  const Tensor weight =
      tensor({4}, {std::numeric_limits<float>::quiet_NaN(), -infinity, 127, infinity});
  EXPECT_THAT(symmetric_scales(weight, std::nullopt), ElementsAre(1.0f));
  EXPECT_THAT(integers(weight, std::nullopt, std::vector{1.0f}), ElementsAre(0, -127, 127, 127));
}

double squared_error(const Tensor& weight, const std::vector<float>& scales, int limit) {
  const Tensor quantized = quantize_weight(weight, 0, scales, limit).value();
  const Tensor back = dequantize_weight(quantized, 0, scales).value();
  double sum = 0;
  for (std::int64_t i = 0; i < weight.num_elements(); ++i) {
    const double difference =
        static_cast<double>(weight.data<float>()[i]) - static_cast<double>(back.data<float>()[i]);
    sum += difference * difference;
  }
  return sum;
}

TEST(LeastErrorScales, AreNeverWorseAndBetterForFewBits) {
  Random random(1);
  std::vector<float> elements;
  for (int i = 0; i < 8 * 256; ++i) {
    double sum = -6;
    for (int j = 0; j < 12; ++j) sum += random.unit();
    elements.push_back(static_cast<float>(sum));
  }
  const Tensor weight = tensor({8, 256}, elements);
  EXPECT_LE(squared_error(weight, least_error_scales(weight, 0), 127),
            squared_error(weight, symmetric_scales(weight, 0), 127));
  EXPECT_LT(squared_error(weight, least_error_scales(weight, 0, 7), 7),
            squared_error(weight, symmetric_scales(weight, 0, 7), 7) * 0.9);
  const Tensor even = tensor({1, 3}, {-127, 0, 127});  // nothing to gain
  EXPECT_THAT(least_error_scales(even, 0), ElementsAreArray(symmetric_scales(even, 0)));
}

}  // namespace
}  // namespace tessera::quantize
