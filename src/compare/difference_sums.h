// SPDX-License-Identifier: MIT
#pragma once

#include <limits>

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

}  // namespace tessera::compare
