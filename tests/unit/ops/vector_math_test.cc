// SPDX-License-Identifier: MIT
#include "ops/vector_math.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace tessera::ops {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

/// Distance from the exact result in units in the last place of f32.
double error_in_units(float found, double exact) {
  const auto rounded = static_cast<float>(exact);
  if (found == rounded) return 0;
  const float size = std::max(std::abs(rounded), std::numeric_limits<float>::min());
  const double unit = static_cast<double>(std::nextafter(size, kInfinity)) - size;
  return std::abs(found - exact) / unit;
}

/// The largest error over one float in 9973 of both signs up to `limit`.
template <class Function, class Exact>
double largest_error(float limit, const Function& function, const Exact& exact) {
  double largest = 0;
  for (std::uint32_t bits = 0; bits <= std::bit_cast<std::uint32_t>(limit); bits += 9973) {
    for (const float x : {std::bit_cast<float>(bits), -std::bit_cast<float>(bits)}) {
      largest = std::max(largest, error_in_units(function(x), exact(static_cast<double>(x))));
    }
  }
  return largest;
}

TEST(VectorMath, IsWithinTwoUnitsInTheLastPlace) {
  EXPECT_LT(largest_error(
                88.7F, [](float x) { return vector_exp(x); }, [](double x) { return std::exp(x); }),
            2);
  EXPECT_LT(
      largest_error(
          88.7F, [](float x) { return vector_expm1(x); }, [](double x) { return std::expm1(x); }),
      2);
  EXPECT_LT(largest_error(
                80, [](float x) { return vector_sigmoid(x); },
                [](double x) { return 1 / (1 + std::exp(-x)); }),
            3);
  EXPECT_LT(largest_error(
                20, [](float x) { return vector_tanh(x); }, [](double x) { return std::tanh(x); }),
            3);
  EXPECT_LT(largest_error(
                10, [](float x) { return vector_erf(x); }, [](double x) { return std::erf(x); }),
            2);
}

TEST(VectorMath, KnowsTheEnds) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(vector_exp(kInfinity), kInfinity);
  EXPECT_EQ(vector_exp(-kInfinity), 0);
  EXPECT_EQ(vector_exp(89.0F), kInfinity);
  EXPECT_GT(vector_exp(-103.0F), 0);  // a subnormal number
  EXPECT_EQ(vector_expm1(-kInfinity), -1);
  EXPECT_EQ(vector_expm1(kInfinity), kInfinity);
  EXPECT_EQ(vector_sigmoid(-kInfinity), 0);
  EXPECT_EQ(vector_sigmoid(kInfinity), 1);
  EXPECT_EQ(vector_tanh(kInfinity), 1);
  EXPECT_EQ(vector_tanh(-kInfinity), -1);
  EXPECT_EQ(vector_erf(kInfinity), 1);
  EXPECT_EQ(vector_erf(-kInfinity), -1);
  EXPECT_TRUE(std::signbit(vector_tanh(-0.0F)) && std::signbit(vector_erf(-0.0F)));
  for (const float result : {vector_exp(nan), vector_expm1(nan), vector_sigmoid(nan),
                             vector_tanh(nan), vector_erf(nan)}) {
    EXPECT_TRUE(std::isnan(result));
  }
}

}  // namespace
}  // namespace tessera::ops
