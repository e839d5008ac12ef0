// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "compare/difference_sums.h"
#include "tessera/compare.h"

namespace tessera::compare {

/// Collects what an OutputComparison is made of.
class OutputSums {
 public:
  /// Contiguous, of one shape, of types that convert_elements takes.
  void add(const Tensor& a, const Tensor& b);
  OutputComparison comparison(bool images_are_unit) const;

 private:
  void add_rows(const Tensor& a, const Tensor& b);

  std::string type_;  ///< of the first; empty: none yet
  DType dtype_ = DType::kF32;
  bool is_image_ = false;  ///< float [N, C, H, W] with 1 to 4 channels
  DifferenceSums sums_;
  std::uint64_t num_rows_ = 0, num_rows_that_agree_ = 0;
};

}  // namespace tessera::compare
