// SPDX-License-Identifier: MIT
#include "quantize/range_search.h"

#include <algorithm>
#include <cmath>

#include "quantize/affine_params.h"

namespace tessera::quantize {
namespace {

/// Rounds |x| < 2^51 to the nearest integer, in vectors of any processor.
double round_even(double x) {
  constexpr double kShift = 0x1.8p52;
  return x + kShift - kShift;
}

/// Errors of quantizing in units of the scale.
struct UnitError {
  double lowest, highest;  ///< the integers, counted from the zero point

  double rounded(double x) const { return round_even(std::clamp(x, lowest, highest)); }
  double squared(double x) const {
    const double difference = x - rounded(x);
    return difference * difference;
  }
  /// Integral of `squared` from an arbitrary point to x: a twelfth for each whole step.
  double integral(double x) const {
    const double nearest = rounded(x), difference = x - nearest;
    return nearest / 12 + difference * difference * difference / 3;
  }
};

}  // namespace

Distribution::Distribution(const Histogram& histogram, const ValueRange& extrema,
                           std::span<const EqualElements> points)
    : extrema_(extrema), points_(points.begin(), points.end()) {
  const auto counts = histogram.counts();
  counts_.assign(counts.begin(), counts.end());
  spread_ = counts_;
  for (const EqualElements& point : points) {
    spread_[histogram.bin(point.value)] -= static_cast<double>(point.count);
  }
  for (std::size_t i = 0; i <= counts.size(); ++i) {
    edges_.push_back(std::clamp(histogram.edge(i), static_cast<double>(extrema.min),
                                static_cast<double>(extrema.max)));
  }
  for (const double count : counts_) num_elements_ += count;
}

double Distribution::squared_error(const ValueRange& range, int num_levels) const {
  const AffineParams params = affine_params(range, 0, num_levels - 1);
  const UnitError error{static_cast<double>(-params.zero_point),
                        static_cast<double>(num_levels - 1 - params.zero_point)};
  const double inverse_scale = 1 / static_cast<double>(params.scale);
  // Where bins are narrow, the integrals' differences would be nothing but rounding errors; the
  // middle of the bin and its variance say the same.
  constexpr double kNarrow = 1.0 / 16;
  double sum = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    const double begin = edges_[i] * inverse_scale, end = edges_[i + 1] * inverse_scale;
    const double width = end - begin;
    const double mean = width < kNarrow ? error.squared((begin + end) / 2) + width * width / 12
                                        : (error.integral(end) - error.integral(begin)) / width;
    sum += spread_[i] * mean;
  }
  for (const EqualElements& point : points_) {
    sum += static_cast<double>(point.count) *
           error.squared(static_cast<double>(point.value) * inverse_scale);
  }
  return sum / inverse_scale / inverse_scale;
}

float Distribution::quantile(double part) const {
  const double wanted = part * num_elements_;
  double below = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    if (counts_[i] > 0 && below + counts_[i] >= wanted) {
      const double place = std::max(wanted - below, 0.0) / counts_[i];
      return static_cast<float>(edges_[i] + place * (edges_[i + 1] - edges_[i]));
    }
    below += counts_[i];
  }
  return extrema_.max;
}

ValueRange range_without_tails(const Distribution& distribution, int num_levels) {
  constexpr double kStep = 1e-5;  // HistogramObserver's stepsize
  // A search that has found nothing better for so many steps has left the tails behind.
  constexpr int kPatience = 64;
  const double step = std::max(1.0, kStep * distribution.num_elements());
  std::size_t begin = 0, end = distribution.num_bins();
  const auto range = [&] {
    return ValueRange{static_cast<float>(distribution.edge(begin)),
                      static_cast<float>(distribution.edge(end))};
  };
  ValueRange best = range();
  double least = distribution.squared_error(best, num_levels);
  double kept_below = 0, kept_above = 0;  // what was dropped and not yet counted as a step
  for (int patience = kPatience; patience > 0 && begin + 1 < end; --patience) {
    std::size_t next_begin = begin, next_end = end;
    double below = kept_below, above = kept_above;
    while (next_begin + 1 < end && below < step) below += distribution.count(next_begin++);
    while (begin + 1 < next_end && above < step) above += distribution.count(--next_end);
    if (next_begin - begin > end - next_end) {
      begin = next_begin;
      kept_below = std::max(0.0, below - step);
    } else {
      end = next_end;
      kept_above = std::max(0.0, above - step);
    }
    const double error = distribution.squared_error(range(), num_levels);
    if (error >= least) continue;
    least = error;
    best = range();
    patience = kPatience;
  }
  return best;
}

ValueRange range_of_least_error(const Distribution& distribution, int num_levels) {
  const float lowest = std::min(distribution.extrema().min, 0.0f);
  const float highest = std::max(distribution.extrema().max, 0.0f);
  struct Factors {
    double low = 1, high = 1;
  };
  const auto range = [&](const Factors& factors) {
    return ValueRange{static_cast<float>(factors.low * static_cast<double>(lowest)),
                      static_cast<float>(factors.high * static_cast<double>(highest))};
  };
  Factors best;
  double least = distribution.squared_error(range(best), num_levels);
  const auto is_better = [&](const Factors& factors) {
    const double error = distribution.squared_error(range(factors), num_levels);
    if (error >= least) return false;
    least = error;
    best = factors;
    return true;
  };
  // Both ends together at first, so that the search begins in the right valley, then one by one in
  // ever smaller steps.
  constexpr int kCoarse = 64;
  for (int i = 1; i < kCoarse; ++i) {
    const double factor = static_cast<double>(i) / kCoarse;
    is_better({factor, factor});
  }
  constexpr double kFinest = 1.0 / 2048;
  for (double step = 1.0 / 8; step >= kFinest; step /= 2) {
    for (bool is_moving = true; is_moving;) {
      is_moving = false;
      for (const double move : {-step, step}) {
        const double low = best.low + move, high = best.high + move;
        if (lowest < 0 && low > 0 && low <= 1) is_moving |= is_better({low, best.high});
        if (highest > 0 && high > 0 && high <= 1) is_moving |= is_better({best.low, high});
      }
    }
  }
  return range(best);
}

ValueRange range_of_percentiles(const Distribution& distribution) {
  constexpr double kPart = 0.9999;
  return {distribution.quantile(1 - kPart), distribution.quantile(kPart)};
}

}  // namespace tessera::quantize
