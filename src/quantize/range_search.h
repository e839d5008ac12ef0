// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "quantize/histogram.h"

namespace tessera::quantize {

/// Elements that are equal, as activation functions leave many at zero and at their bounds.
struct EqualElements {
  float value = 0;
  std::uint64_t count = 0;
};

/// What a search for a range knows of the elements: their histogram, its ends where the elements
/// end, and some of them exactly.
class Distribution {
 public:
  /// `extrema` are those of the elements counted. `points` are counted in the histogram, too, and
  /// have different values.
  Distribution(const Histogram& histogram, const ValueRange& extrema,
               std::span<const EqualElements> points);

  /// Sum of the squared errors of quantizing all elements with affine_params of this range and as
  /// many integers. Those not known exactly are spread evenly within their bin.
  double squared_error(const ValueRange& range, int num_levels) const;
  /// The number below which this part of the elements lies.
  float quantile(double part) const;

  const ValueRange& extrema() const { return extrema_; }
  std::size_t num_bins() const { return counts_.size(); }
  double count(std::size_t bin) const { return counts_[bin]; }
  double num_elements() const { return num_elements_; }
  double edge(std::size_t bin) const { return edges_[bin]; }  ///< `bin` <= num_bins()

 private:
  ValueRange extrema_;
  std::vector<double> counts_;
  std::vector<double> spread_;  ///< counts without points
  std::vector<double> edges_;   ///< one more than counts
  std::vector<EqualElements> points_;
  double num_elements_ = 0;
};

/// The range that torch's HistogramObserver looks for: beginning with all elements, it drops a
/// hundred-thousandth of them at the end that gets shorter by it, and again, and keeps the range of
/// the least squared error.
ValueRange range_without_tails(const Distribution& distribution, int num_levels);

/// The range of the least squared error among those that have each of their ends anywhere between
/// zero and the element furthest from it.
ValueRange range_of_least_error(const Distribution& distribution, int num_levels);

/// All but a ten-thousandth of the elements at either end.
ValueRange range_of_percentiles(const Distribution& distribution);

}  // namespace tessera::quantize
