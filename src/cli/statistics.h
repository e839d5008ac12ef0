// SPDX-License-Identifier: MIT
#pragma once

#include <span>

namespace tessera::cli {

/// What is told about repeated measurements. None may be empty.
double mean_of(std::span<const double> values);

/// The value below which the part `fraction` (0 to 1) of the values lies, linearly interpolated
/// between the two nearest: definition 7 of Hyndman and Fan, "Sample quantiles in statistical
/// packages" (The American Statistician 50, 1996), the default of R and NumPy.
double quantile_of(std::span<const double> values, double fraction);

inline double median_of(std::span<const double> values) { return quantile_of(values, 0.5); }

/// Median of numerator[i] / denominator[i]. Measurements that were made in turn meet the same state
/// of the machine pair by pair, so their ratios vary less than the ratio of two medians when the
/// machine drifts. Equal lengths.
double median_ratio(std::span<const double> numerator, std::span<const double> denominator);

}  // namespace tessera::cli
