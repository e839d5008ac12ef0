// SPDX-License-Identifier: MIT
#include "ops/region_rules.h"

#include <gtest/gtest.h>

#include <cmath>

namespace tessera::ops {
namespace {

/// The interval from the first to the last input that an output of [begin, end) reads.
template <class Reads>
Interval hull_of(Interval output, std::int64_t input_size, const Reads& reads) {
  Interval hull{INT64_MAX, INT64_MIN};
  for (std::int64_t o = output.begin; o < output.end; ++o) {
    for (std::int64_t i = 0; i < input_size; ++i) {
      if (!reads(o, i)) continue;
      hull.begin = std::min(hull.begin, i);
      hull.end = std::max(hull.end, i + 1);
    }
  }
  return hull;
}

TEST(RegionRules, WindowIsWhatTheWindowReads) {
  for (const Window window : {Window{3, 1, 1, 1}, Window{3, 2, 1, 1}, Window{2, 2, 1, 0},
                              Window{3, 2, 3, 2}, Window{1, 3, 1, 0}, Window{5, 1, 2, 4}}) {
    constexpr std::int64_t kInput = 40;
    const auto reads = [&](std::int64_t o, std::int64_t i) {
      const std::int64_t tap = i - (o * window.stride - window.padding_before);
      return tap >= 0 && tap % window.dilation == 0 && tap / window.dilation < window.kernel;
    };
    for (const Interval output : {Interval{2, 3}, Interval{3, 9}, Interval{4, 6}}) {
      EXPECT_EQ(clip(window_region(output, window), kInput), hull_of(output, kInput, reads))
          << window.kernel << " " << window.stride << " " << window.dilation;
    }
  }
  EXPECT_EQ(window_region({0, 4}, {3, 1, 1, 1}), (Interval{-1, 5}));
}

TEST(RegionRules, TransposedWindowHoldsWhatIsAdded) {
  for (const Window window : {Window{2, 2, 1, 0}, Window{3, 2, 1, 1}, Window{4, 2, 1, 1},
                              Window{3, 1, 2, 2}, Window{1, 3, 1, 0}}) {
    constexpr std::int64_t kInput = 20;
    const auto reads = [&](std::int64_t o, std::int64_t i) {
      const std::int64_t tap = o - (i * window.stride - window.padding_before);
      return tap >= 0 && tap % window.dilation == 0 && tap / window.dilation < window.kernel;
    };
    for (const Interval output : {Interval{6, 7}, Interval{7, 12}, Interval{9, 10}}) {
      const Interval needed = hull_of(output, kInput, reads);
      const Interval found = transposed_window_region(output, window);
      if (needed.begin < needed.end) {
        EXPECT_TRUE(found.contains(needed));
      }
      EXPECT_GT(found.size(), 0);
      EXPECT_LE(found.size(), std::max<std::int64_t>(needed.size(), 1) + 1);
    }
  }
}

TEST(RegionRules, BilinearHoldsBothNeighbours) {
  constexpr std::int64_t kInput = 16;
  for (const double scale : {0.5, 0.25, 2.0, 1.0, 0.7}) {
    for (const bool align_corners : {false, true}) {
      const auto reads = [&](std::int64_t o, std::int64_t i) {
        const double position = static_cast<double>(o);
        const double source =
            align_corners ? scale * position : std::max(scale * (position + 0.5) - 0.5, 0.0);
        const double first = std::floor(source);
        const auto index = static_cast<double>(i);
        return index == first || (index == first + 1 && source > first);
      };
      for (const Interval output : {Interval{0, 1}, Interval{1, 4}, Interval{3, 6}}) {
        const Interval needed = hull_of(output, kInput, reads);
        const Interval found = clip(bilinear_region(output, scale, align_corners, kInput), kInput);
        EXPECT_TRUE(found.contains(needed)) << scale << " " << output.begin;
        EXPECT_LE(found.size(), needed.size() + 2) << scale << " " << output.begin;
      }
    }
  }
}

TEST(RegionRules, BroadcastDimensionsAreWhole) {
  Region output;
  for (const Interval interval : {Interval{1, 2}, Interval{2, 5}, Interval{3, 4}}) {
    output.push_back(interval);
  }
  EXPECT_EQ(broadcast_region(output, Shape{4, 6, 8}), output);
  EXPECT_EQ(broadcast_region(output, Shape{1, 8}).to_string(), "[0:1, 3:4]");
  EXPECT_EQ(broadcast_region(output, Shape{}).rank(), 0u);
}

}  // namespace
}  // namespace tessera::ops
