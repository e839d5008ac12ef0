// SPDX-License-Identifier: MIT
#include "tiling/axis_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tessera::tiling {
namespace {

using ::testing::HasSubstr;

/// What every plan must keep, whatever the sizes.
void check_plan(const AxisPlan& plan, const AxisGeometry& geometry, const AxisLimits& limits,
                std::int64_t image, std::int64_t output) {
  std::int64_t end = 0;
  for (const AxisTile& tile : plan.tiles) {
    EXPECT_EQ(tile.output.begin, end);
    EXPECT_GT(tile.output.size(), 0);
    end = tile.output.end;
    const Ratio& scale = geometry.output_scale;
    const std::int64_t begin = tile.output.begin * scale.denominator / scale.numerator;
    const std::int64_t last = (tile.output.end * scale.denominator - 1) / scale.numerator + 1;
    EXPECT_GE(tile.window.begin, 0);
    EXPECT_LE(tile.window.end, image);
    EXPECT_EQ(tile.window.begin % geometry.alignment, 0);
    EXPECT_LE(tile.window.begin, std::max<std::int64_t>(0, begin - geometry.halo_before));
    EXPECT_GE(tile.window.end, std::min(image, last + geometry.halo_after));
    EXPECT_LE(tile.window.size(), limits.max);
    EXPECT_GE(tile.window.size(), limits.min);
    EXPECT_EQ(tile.window.size() % limits.multiple, limits.remainder);
    if (image % geometry.alignment == 0 || limits.is_fixed()) {
      EXPECT_EQ(tile.window.size(), plan.tiles[0].window.size());
    }
  }
  EXPECT_EQ(end, output);
}

TEST(AxisPlan, KeepsItsPromisesForAllSizes) {
  for (const AxisGeometry& geometry :
       {AxisGeometry{1, {1, 1}, 0, 0}, AxisGeometry{1, {1, 1}, 5, 7},
        AxisGeometry{4, {1, 1}, 10, 9}, AxisGeometry{2, {1, 2}, 3, 2},
        AxisGeometry{1, {2, 1}, 2, 2}, AxisGeometry{8, {3, 2}, 1, 9}}) {
    for (const AxisLimits& limits :
         {AxisLimits{1, 4096}, AxisLimits{64, 130}, AxisLimits{32, 96}}) {
      for (std::int64_t image = limits.min; image < 420; ++image) {
        for (const std::int64_t tile : {1, 17, 64, 100, 1000}) {
          const std::int64_t output = std::max<std::int64_t>(
              1, image * geometry.output_scale.numerator / geometry.output_scale.denominator);
          const auto plan = plan_axis(image, output, geometry, limits, tile, "high");
          ASSERT_TRUE(plan.has_value()) << plan.error().to_string();
          check_plan(*plan, geometry, limits, image, output);
          if (HasFailure()) FAIL() << image << " in tiles of " << tile;
        }
      }
    }
  }
}

TEST(AxisPlan, KeepsTheProgramsMultiples) {
  const AxisGeometry geometry{2, {1, 1}, 3, 3};
  const AxisLimits limits{61, 125, 8, 5};
  for (std::int64_t image = 61; image < 600; image += 8) {
    const auto plan = plan_axis(image, image, geometry, limits, 32, "high");
    ASSERT_TRUE(plan.has_value()) << plan.error().to_string();
    check_plan(*plan, geometry, limits, image, image);
  }
  EXPECT_THAT(plan_axis(64, 64, geometry, limits, 32, "high").error().message,
              HasSubstr("multiples of 8 and 5"));
}

TEST(AxisPlan, FillsFixedWindows) {
  const AxisGeometry geometry{1, {1, 1}, 3, 3};
  const AxisLimits limits{24, 24};
  for (std::int64_t image = 24; image < 200; ++image) {
    const auto plan = plan_axis(image, image, geometry, limits, std::nullopt, "high");
    ASSERT_TRUE(plan.has_value()) << plan.error().to_string();
    check_plan(*plan, geometry, limits, image, image);
  }
}

TEST(AxisPlan, SaysWhyAnImageDoesNotFit) {
  const AxisLimits fixed{24, 24};
  EXPECT_THAT(plan_axis(20, 20, {}, fixed, 8, "wide").error().message,
              HasSubstr("20 pixels wide, the program takes exactly 24"));
  EXPECT_THAT(plan_axis(99, 99, {2, {1, 1}, 2, 2}, fixed, 8, "wide").error().message,
              HasSubstr("would start at 75"));
  EXPECT_THAT(plan_axis(99, 99, {1, {1, 1}, 12, 12}, fixed, 8, "wide").error().message,
              HasSubstr("needs 12 before and 12 after"));
  EXPECT_THAT(plan_axis(99, 99, {1, {1, 1}, 50, 50}, {1, 90}, 8, "wide").error().message,
              HasSubstr("takes at most 90"));
  EXPECT_THAT(plan_axis(99, 99, {}, {1, 90}, 0, "wide").error().message,
              HasSubstr("tile of 0 pixels"));
}

}  // namespace
}  // namespace tessera::tiling
