// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

namespace tessera::ops {

/// Partial results that a reduction keeps for elements at the same position modulo kReductionLanes:
/// few enough for vector registers, and the same on every processor, so that the order of the
/// additions is fixed.
inline constexpr std::int64_t kReductionLanes = 16;

/// lanes[i % kReductionLanes] = step(that, in[i]) for all i < count.
template <class State, class T, class Step>
void reduce_run(const T* in, std::int64_t count, State* lanes, const Step& step) {
  std::int64_t i = 0;
  for (; i + kReductionLanes <= count; i += kReductionLanes) {
    for (std::int64_t lane = 0; lane < kReductionLanes; ++lane) {
      lanes[lane] = step(lanes[lane], in[i + lane]);
    }
  }
  for (std::int64_t lane = 0; i < count; ++i, ++lane) lanes[lane] = step(lanes[lane], in[i]);
}

/// All lanes as one, merged pairwise.
template <class State, class Merge>
State merge_lanes(State* lanes, const Merge& merge) {
  for (std::int64_t width = kReductionLanes / 2; width > 0; width /= 2) {
    for (std::int64_t lane = 0; lane < width; ++lane) {
      lanes[lane] = merge(lanes[lane], lanes[lane + width]);
    }
  }
  return lanes[0];
}

/// The sum of function(in[i]) in double precision.
template <class T, class Function>
double sum_of(const T* in, std::int64_t count, const Function& function) {
  double lanes[kReductionLanes] = {};
  reduce_run(in, count, lanes,
             [&](double sum, T x) { return sum + function(static_cast<double>(x)); });
  return merge_lanes(lanes, [](double a, double b) { return a + b; });
}

}  // namespace tessera::ops
