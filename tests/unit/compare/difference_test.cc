// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "compare/difference_sums.h"
#include "compare/layer_value.h"
#include "compare/output_sums.h"

namespace tessera::compare {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

Tensor floats(const Shape& shape, const std::vector<float>& elements) {
  return Tensor::of<float>(shape, elements);
}

TensorDifference difference_of(const std::vector<float>& a, const std::vector<float>& b) {
  DifferenceSums sums;
  const Shape shape = {static_cast<std::int64_t>(a.size())};
  sums.add(floats(shape, a), floats(shape, b));
  return sums.difference();
}

TEST(Difference, HasTheNumbersOfItsDefinitions) {
  const TensorDifference difference = difference_of({3, -4, 0, 1}, {3, -2, 1, 1});
  EXPECT_EQ(difference.num_elements, 4u);
  EXPECT_EQ(difference.max_error, 2);
  EXPECT_EQ(difference.mean_error, 0.75);
  EXPECT_EQ(difference.relative_error, 0.5);
  EXPECT_DOUBLE_EQ(difference.sqnr_db, 10 * std::log10(26.0 / 5.0));
  EXPECT_DOUBLE_EQ(difference.cosine, 18 / (std::sqrt(26.0) * std::sqrt(15.0)));
  EXPECT_EQ(difference.min, -4);
  EXPECT_EQ(difference.max, 3);
}

TEST(Difference, KnowsEqualTensors) {
  const TensorDifference difference = difference_of({1, kNan, kInfinity}, {1, kNan, kInfinity});
  EXPECT_EQ(difference.max_error, 0);
  EXPECT_EQ(difference.num_not_finite, 0u);
  EXPECT_EQ(difference.sqnr_db, kInfinity);
  EXPECT_EQ(difference.cosine, 1);
  EXPECT_EQ(difference_of({0, 0}, {0, 0}).relative_error, 0);
}

TEST(Difference, CountsWhatIsFiniteInOneOnly) {
  const TensorDifference difference =
      difference_of({1, kNan, kInfinity, 2}, {kNan, 1, -kInfinity, 2});
  EXPECT_EQ(difference.num_not_finite, 3u);
  EXPECT_EQ(difference.sqnr_db, -kInfinity);
}

TEST(Difference, OfAllBlocksAndInputs) {
  DifferenceSums sums, parts;
  const std::vector<float> ones(3000, 1), twos(3000, 2);
  sums.add(floats({3000}, ones), floats({3000}, twos));
  parts.add(sums);
  parts.add(sums);
  EXPECT_EQ(parts.difference().num_elements, 6000u);
  EXPECT_EQ(parts.difference().mean_error, 1);
  EXPECT_EQ(parts.mean_squared_error(), 1);
}

TEST(LayerValue, TurnsIntegersIntoWhatTheyStandFor) {
  const std::vector<std::int8_t> elements = {-128, 3, 127};
  const Tensor tensor = Tensor::of<std::int8_t>({3}, elements);
  const Tensor numbers = real_numbers(tensor, xnnpack::PerTensorQuant{0.5f, 3}).value();
  EXPECT_EQ(numbers.elements<float>()[0], -65.5f);
  EXPECT_EQ(numbers.elements<float>()[1], 0);
  EXPECT_EQ(numbers.elements<float>()[2], 62);
}

TEST(LayerValue, ComparesAcrossLayouts) {
  // The same image of 2 channels, 2 rows and 3 columns.
  const LayerValue planes{floats({1, 2, 2, 3}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11})};
  const LayerValue pixels{floats({1, 2, 3, 2}, {0, 6, 1, 7, 2, 8, 3, 9, 4, 10, 5, 11}), true};
  for (const auto& [a, b] : {std::pair(planes, pixels), std::pair(pixels, planes),
                             std::pair(pixels, pixels), std::pair(planes, planes)}) {
    LayerSums sums;
    EXPECT_TRUE(add_difference(a, b, sums).value());
    EXPECT_EQ(sums.all.difference().num_elements, 12u);
    EXPECT_EQ(sums.all.difference().max_error, 0);
  }
}

TEST(LayerValue, TakesTheLayoutThatFitsWhereSizesDoNotSay) {
  std::vector<float> planes(8), pixels(8);
  for (std::size_t c = 0; c < 2; ++c) {
    for (std::size_t i = 0; i < 4; ++i) {
      planes[c * 4 + i] = pixels[i * 2 + c] = static_cast<float>(c * 4 + i);
    }
  }
  LayerSums sums;
  EXPECT_TRUE(
      add_difference({floats({1, 2, 2, 2}, planes)}, {floats({1, 2, 2, 2}, pixels), true}, sums)
          .value());
  EXPECT_EQ(sums.all.difference().max_error, 0);
}

TEST(LayerValue, RefusesOtherSizes) {
  LayerSums sums;
  EXPECT_TRUE(add_difference({floats({2, 1}, {1, 2})}, {floats({1, 2}, {1, 2})}, sums).value());
  EXPECT_FALSE(add_difference({floats({2}, {1, 2})}, {floats({3}, {1, 2, 3})}, sums).value());
  EXPECT_EQ(sums.all.difference().num_elements, 2u);
}

/// Channel c of b is that of a times factors[c], plus noise.
std::pair<Tensor, Tensor> scaled_images(const std::vector<float>& factors, std::int64_t side,
                                        float noise) {
  const auto channels = static_cast<std::int64_t>(factors.size());
  const Shape shape = {1, channels, side, side};
  std::vector<float> a, b;
  for (const float factor : factors) {
    for (std::int64_t i = 0; i < side * side; ++i) {
      a.push_back(static_cast<float>(i % 7) - 3);
      b.push_back(a.back() * factor + (i % 2 == 0 ? noise : -noise));
    }
  }
  return {floats(shape, a), floats(shape, b)};
}

TEST(ChannelSums, LeaveOutAFactorForEachChannel) {
  const auto [a, b] = scaled_images({1, 2, 0.25f}, 8, 0.001f);
  LayerSums sums;
  EXPECT_TRUE(add_difference({a}, {b}, sums).value());
  EXPECT_TRUE(add_difference({a}, {b}, sums).value());
  LayerComparison layer{.difference = sums.all.difference(),
                        .scaled_sqnr_db = sums.channels.scaled_sqnr_db()};
  EXPECT_LT(layer.difference.sqnr_db, 10);
  EXPECT_TRUE(layer.is_scaled());
  EXPECT_GT(layer.sqnr_db(), 50);
  const CompareReport report{.layers = {layer}};
  EXPECT_EQ(report.first_below(20), nullptr);
  EXPECT_EQ(report.first_below(1000), report.layers.data());
}

TEST(ChannelSums, DoNotHideNoise) {
  const auto [a, b] = scaled_images({1, 1, 1}, 8, 0.5f);
  LayerSums sums;
  EXPECT_TRUE(add_difference({a}, {b}, sums).value());
  const LayerComparison layer{.difference = sums.all.difference(),
                              .scaled_sqnr_db = sums.channels.scaled_sqnr_db()};
  EXPECT_FALSE(layer.is_scaled());
  EXPECT_EQ(layer.sqnr_db(), layer.difference.sqnr_db);
  EXPECT_NEAR(*layer.scaled_sqnr_db, layer.difference.sqnr_db, 1);
}

TEST(ChannelSums, NeedPixels) {
  const auto [a, b] = scaled_images({1, 2}, 3, 0);
  LayerSums sums;
  EXPECT_TRUE(add_difference({a}, {b}, sums).value());
  EXPECT_FALSE(sums.channels.scaled_sqnr_db().has_value());
  EXPECT_TRUE(add_difference({floats({1}, {1})}, {floats({1}, {1})}, sums).value());
  EXPECT_FALSE(sums.channels.scaled_sqnr_db().has_value());
}

TEST(Outputs, SayWhatTheirPeakIs) {
  OutputSums range, image, bytes;
  range.add(floats({1, 3}, {-1, 0, 3}), floats({1, 3}, {-1, 0, 2}));
  EXPECT_EQ(range.comparison(true).peak, 4);
  EXPECT_EQ(range.comparison(true).peak_name, "range of the first program's output");
  EXPECT_DOUBLE_EQ(range.comparison(true).psnr_db, 10 * std::log10(16 / (1.0 / 3)));
  image.add(floats({1, 1, 1, 2}, {0, 0.5}), floats({1, 1, 1, 2}, {0, 0.25}));
  EXPECT_EQ(image.comparison(true).peak, 1);
  EXPECT_EQ(image.comparison(false).peak, 0.5);
  const std::vector<std::uint8_t> samples = {0, 255};
  bytes.add(Tensor::of<std::uint8_t>({2}, samples), Tensor::of<std::uint8_t>({2}, samples));
  EXPECT_EQ(bytes.comparison(false).peak, 255);
  EXPECT_EQ(bytes.comparison(false).psnr_db, kInfinity);
}

TEST(Outputs, CountRowsWhoseLargestElementsAgree) {
  OutputSums sums;
  sums.add(floats({2, 3}, {1, 3, 2, 5, 4, 3}), floats({2, 3}, {0, 9, 1, 1, 2, 3}));
  sums.add(floats({1, 3}, {1, 1, 1}), floats({1, 3}, {2, 2, 2}));
  EXPECT_EQ(sums.comparison(false).num_rows, 3u);
  EXPECT_EQ(sums.comparison(false).num_rows_that_agree, 2u);
  OutputSums column;
  column.add(floats({2, 1}, {1, 2}), floats({2, 1}, {1, 2}));
  EXPECT_EQ(column.comparison(false).num_rows, 0u);
}

}  // namespace
}  // namespace tessera::compare
