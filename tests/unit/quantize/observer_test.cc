// SPDX-License-Identifier: MIT
#include "quantize/observer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/random.h"
#include "quantize/affine_params.h"

namespace tessera::quantize {
namespace {

constexpr Observer kKinds[] = {Observer::kMinMax, Observer::kHistogram, Observer::kPercentile,
                               Observer::kMse};
constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

/// A bell curve (sum of uniform numbers) of standard deviation 1, and a few numbers far out.
std::vector<float> bell_with_outliers(std::size_t count, float outlier, std::uint64_t seed = 1) {
  Random random(seed);
  std::vector<float> elements;
  for (std::size_t i = 0; i < count; ++i) {
    double sum = -6;
    for (int j = 0; j < 12; ++j) sum += random.unit();
    elements.push_back(static_cast<float>(sum));
  }
  elements[count / 3] = outlier;
  elements[count / 2] = -outlier;
  return elements;
}

ValueRange range_of(Observer kind, std::span<const float> elements) {
  RangeObserver observer(kind);
  observer.observe(elements);
  return observer.range();
}

/// What the range is chosen for, measured on the elements themselves.
double squared_error(std::span<const float> elements, const ValueRange& range) {
  const AffineParams params = affine_params(range);
  double sum = 0;
  for (const float x : elements) {
    const double q =
        std::clamp(std::nearbyint(static_cast<double>(x) / static_cast<double>(params.scale)) +
                       params.zero_point,
                   -128.0, 127.0);
    const double difference =
        static_cast<double>(x) - static_cast<double>(params.scale) * (q - params.zero_point);
    sum += difference * difference;
  }
  return sum;
}

TEST(RangeObserver, SeesNothing) {
  for (const Observer kind : kKinds) {
    RangeObserver observer(kind);
    EXPECT_EQ(observer.range(), (ValueRange{0, 0}));
    observer.observe({});
    const float bad[] = {kNaN, kInfinity, -kInfinity};
    observer.observe(bad);
    EXPECT_EQ(observer.range(), (ValueRange{0, 0}));
    EXPECT_EQ(observer.num_non_finite(), 3u);
    EXPECT_EQ(observer.num_elements(), 0u);
  }
}

TEST(RangeObserver, MinMaxIsExact) {
  EXPECT_EQ(range_of(Observer::kMinMax, std::vector{0.5f, -0.3f, 7.25f}),
            (ValueRange{-0.3f, 7.25f}));
  EXPECT_EQ(range_of(Observer::kMinMax, std::vector{2.0f}), (ValueRange{2, 2}));
}

TEST(RangeObserver, IgnoresWhatIsNotFinite) {
  std::vector<float> elements = bell_with_outliers(10'000, 5);
  for (const Observer kind : kKinds) {
    const ValueRange clean = range_of(kind, elements);
    std::vector<float> with = elements;
    for (std::size_t i = 0; i < with.size(); i += 100) {
      with.insert(with.begin() + static_cast<std::ptrdiff_t>(i),
                  i % 200 == 0 ? kNaN : (i % 300 == 0 ? kInfinity : -kInfinity));
    }
    RangeObserver observer(kind);
    observer.observe(with);
    EXPECT_EQ(observer.range(), clean);
    EXPECT_EQ(observer.num_elements(), elements.size());
    EXPECT_EQ(observer.num_non_finite(), with.size() - elements.size());
  }
}

/// Small pieces whose ranges grow and lie apart, in any order, seen by one or merged from several.
TEST(RangeObserver, DoesNotDependOnOrder) {
  std::vector<std::vector<float>> pieces;
  Random random(3);
  for (int i = 0; i < 40; ++i) {
    const double size = std::exp2(random.unit() * 30 - 20), middle = (random.unit() - 0.5) * size;
    std::vector<float> piece(1 + random.next() % 500);
    for (float& x : piece) x = static_cast<float>(middle + (random.unit() - 0.5) * size);
    pieces.push_back(piece);
  }
  pieces.push_back({-0.0f, std::numeric_limits<float>::denorm_min(),
                    -std::numeric_limits<float>::denorm_min(), 1e-30f, -1e-30f});
  for (const Observer kind : kKinds) {
    RangeObserver forward(kind), backward(kind), merged(kind);
    std::vector<float> all;
    for (const auto& piece : pieces) {
      forward.observe(piece);
      RangeObserver single(kind);
      single.observe(piece);
      merged.merge(single);
      all.insert(all.end(), piece.begin(), piece.end());
    }
    for (auto piece = pieces.rbegin(); piece != pieces.rend(); ++piece) backward.observe(*piece);
    EXPECT_EQ(forward.range(), range_of(kind, all));
    EXPECT_EQ(forward.range(), backward.range());
    EXPECT_EQ(forward.range(), merged.range());
    EXPECT_EQ(forward.num_elements(), all.size());
  }
}

/// Every observer's range lies within what was seen, with numbers of any size.
TEST(RangeObserver, StaysWithinExtrema) {
  const float largest = std::numeric_limits<float>::max();
  const std::vector<std::vector<float>> cases = {
      {-largest, largest}, {largest},
      {0, 0, 0},           {5, 5.0000005f, 6},
      {-1e-30f, 1e-30f},   {std::numeric_limits<float>::denorm_min()},
      {-3, -2, -1},        {1e6f, 1e6f + 0.0625f},
      {-1e-20f, 1e20f},
  };
  for (const Observer kind : kKinds) {
    for (const auto& elements : cases) {
      const ValueRange range = range_of(kind, elements);
      // The mean squared error's search includes zero, as the integers will.
      EXPECT_GE(range.min, std::min(0.0f, std::ranges::min(elements)));
      EXPECT_LE(range.max, std::max(0.0f, std::ranges::max(elements)));
      EXPECT_LE(range.min, range.max);
    }
  }
}

TEST(RangeObserver, CutsTailsWhereThatIsBetter) {
  const std::vector<float> elements = bell_with_outliers(2'000'000, 30);
  const double whole = squared_error(elements, range_of(Observer::kMinMax, elements));
  for (const Observer kind : {Observer::kHistogram, Observer::kMse}) {
    const ValueRange range = range_of(kind, elements);
    EXPECT_LT(squared_error(elements, range), whole * 0.5);
    EXPECT_LT(range.max, 20);
    EXPECT_GT(range.max, 3);
    EXPECT_LT(range.min, -3);
  }
}

/// The search is not worse than any range out of a fine grid but by what a bin hides.
TEST(RangeObserver, MseFindsTheLeastError) {
  std::vector<float> elements = bell_with_outliers(20'000, 9);
  for (float& x : elements) x = std::max(x, -0.25f);  // one-sided, as after an activation
  double least = kInfinity;
  for (int low = 1; low <= 4; ++low) {
    for (int high = 1; high <= 200; ++high) {
      const ValueRange range{-0.25f * static_cast<float>(low) / 4,
                             9 * static_cast<float>(high) / 200};
      least = std::min(least, squared_error(elements, range));
    }
  }
  EXPECT_LE(squared_error(elements, range_of(Observer::kMse, elements)), least * 1.02);
}

/// Nothing is gained by cutting a uniform distribution, however many zeros there are.
TEST(RangeObserver, KeepsEvenDistributions) {
  Random random(5);
  std::vector<float> elements(100'000);
  for (std::size_t i = 0; i < elements.size(); ++i) {
    elements[i] = i % 3 == 0 ? static_cast<float>(random.unit() * 6) : 0;
  }
  for (const Observer kind : {Observer::kHistogram, Observer::kMse, Observer::kPercentile}) {
    const ValueRange range = range_of(kind, elements);
    EXPECT_NEAR(range.max, 6, 0.05);
    EXPECT_NEAR(range.min, 0, 0.01);
  }
}

TEST(RangeObserver, PercentilesAreQuantiles) {
  std::vector<float> elements(100'001);
  for (std::size_t i = 0; i < elements.size(); ++i) elements[i] = static_cast<float>(i) / 1000 - 50;
  const ValueRange range = range_of(Observer::kPercentile, elements);
  EXPECT_NEAR(range.min, -49.99, 0.002);
  EXPECT_NEAR(range.max, 49.99, 0.002);
}

/// One element more on a grid of 128 levels: fewer levels cut deeper.
TEST(RangeObserver, FewerLevelsCutDeeper) {
  const std::vector<float> elements = bell_with_outliers(100'000, 8);
  RangeObserver coarse(Observer::kMse, 16), fine(Observer::kMse, 256);
  coarse.observe(elements);
  fine.observe(elements);
  EXPECT_LT(coarse.range().max, fine.range().max);
}

}  // namespace
}  // namespace tessera::quantize
