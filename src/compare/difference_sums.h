// SPDX-License-Identifier: MIT
#pragma once

#include <limits>
#include <optional>
#include <vector>

#include "tessera/compare.h"

namespace tessera::compare {

/// Collects what a TensorDifference is made of.
class DifferenceSums {
 public:
  /// Contiguous tensors with equally many elements, of any types that convert_elements takes.
  void add(const Tensor& a, const Tensor& b);
  void add(double a, double b);
  /// What `other` has collected.
  void add(const DifferenceSums& other);

  TensorDifference difference() const;
  double mean_squared_error() const;
  double squared_error() const { return differences_; }

 private:
  std::uint64_t num_elements_ = 0, num_not_finite_ = 0;
  double squares_a_ = 0, squares_b_ = 0, products_ = 0;
  double differences_ = 0;  ///< squared
  double absolute_differences_ = 0;
  double max_difference_ = 0;
  double min_ = std::numeric_limits<double>::infinity(), max_ = -min_;
};

/// Collects how far images are apart if one factor for each channel does not count.
class ChannelSums {
 public:
  /// f32[N, C, H, W] of equal sizes. Images of another number of channels than the first, other
  /// tensors, and those with few pixels, to which factors would fit by chance, are left out.
  void add(const Tensor& a, const Tensor& b);
  void add(const ChannelSums& other);
  /// LayerComparison::scaled_sqnr_db; nothing if nothing was added.
  std::optional<double> scaled_sqnr_db() const;

 private:
  struct Channel {
    double squares_a = 0, squares_b = 0, products = 0;
  };
  std::vector<Channel> channels_;
};

}  // namespace tessera::compare
