// SPDX-License-Identifier: MIT
#include "cli/statistics.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "base/check.h"

namespace tessera::cli {

double mean_of(std::span<const double> values) {
  CHECK(!values.empty());
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double quantile_of(std::span<const double> values, double fraction) {
  CHECK(!values.empty() && fraction >= 0 && fraction <= 1);
  std::vector<double> sorted(values.begin(), values.end());
  std::ranges::sort(sorted);
  const double position = fraction * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(position);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return std::lerp(sorted[below], sorted[above], position - static_cast<double>(below));
}

double median_ratio(std::span<const double> numerator, std::span<const double> denominator) {
  CHECK(numerator.size() == denominator.size());
  std::vector<double> ratios;
  for (std::size_t i = 0; i < numerator.size(); ++i)
    ratios.push_back(numerator[i] / denominator[i]);
  return median_of(ratios);
}

}  // namespace tessera::cli
