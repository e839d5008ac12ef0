// SPDX-License-Identifier: MIT
#include "quantize/affine_params.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace tessera::quantize {
namespace {

TEST(AffineParams, CoversTheRangeAndZero) {
  EXPECT_EQ(affine_params({0, 255}), (AffineParams{1, -128}));
  EXPECT_EQ(affine_params({-128, 127}), (AffineParams{1, 0}));
  EXPECT_EQ(affine_params({10, 255}), (AffineParams{1, -128}));   // widened to 0
  EXPECT_EQ(affine_params({-255, -10}), (AffineParams{1, 127}));  // likewise
  EXPECT_EQ(affine_params({0, 255}, 0, 255), (AffineParams{1, 0}));
  EXPECT_EQ(affine_params({-1.4f, 253.6f}), (AffineParams{1, -127}));  // rounded
}

TEST(AffineParams, ScalesAreValidWhateverTheRange) {
  const float largest = std::numeric_limits<float>::max();
  const float smallest = std::numeric_limits<float>::denorm_min();
  for (const ValueRange range : {ValueRange{0, 0},
                                 {-largest, largest},
                                 {0, smallest},
                                 {-smallest, 0},
                                 {largest, largest},
                                 {1e-5f, 1e-5f}}) {
    const AffineParams params = affine_params(range);
    EXPECT_TRUE(std::isnormal(params.scale));
    EXPECT_GE(params.scale, kSmallestScale);
    EXPECT_GE(params.zero_point, -128);
    EXPECT_LE(params.zero_point, 127);
  }
  EXPECT_EQ(affine_params({0, 0}), (AffineParams{0x1p-12f, -128}));
}

}  // namespace
}  // namespace tessera::quantize
