// SPDX-License-Identifier: MIT
#include "compare/output_sums.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "ops/convert.h"
#include "ops/element_types.h"

namespace tessera::compare {
namespace {

constexpr std::size_t kImageRank = 4;
constexpr std::int64_t kMaxImageChannels = 4;

/// Where the largest elements of the rows are; the first of equals.
std::vector<std::ptrdiff_t> largest_by_row(const Tensor& tensor) {
  const auto rows = static_cast<std::size_t>(tensor.size(0)),
             columns = static_cast<std::size_t>(tensor.size(1));
  std::vector<std::ptrdiff_t> places;
  std::vector<double> row(columns);
  for (std::size_t i = 0; i < rows; ++i) {
    ops::convert_elements(tensor.dtype(), tensor.bytes() + i * columns * size_of(tensor.dtype()),
                          DType::kF64, row.data(), columns);
    places.push_back(std::ranges::max_element(row) - row.begin());
  }
  return places;
}

}  // namespace

void OutputSums::add(const Tensor& a, const Tensor& b) {
  if (type_.empty()) {
    type_ = a.type_string();
    dtype_ = a.dtype();
    is_image_ = a.rank() == kImageRank && a.size(1) <= kMaxImageChannels &&
                ops::contains(ops::FloatTypes(), dtype_);
  }
  sums_.add(a, b);
  if (a.rank() == 2 && a.size(1) > 1) add_rows(a, b);
}

void OutputSums::add_rows(const Tensor& a, const Tensor& b) {
  const auto places_a = largest_by_row(a), places_b = largest_by_row(b);
  num_rows_ += places_a.size();
  for (std::size_t i = 0; i < places_a.size(); ++i) {
    if (places_a[i] == places_b[i]) ++num_rows_that_agree_;
  }
}

OutputComparison OutputSums::comparison(bool images_are_unit) const {
  OutputComparison result{.type = type_,
                          .difference = sums_.difference(),
                          .num_rows = num_rows_,
                          .num_rows_that_agree = num_rows_that_agree_};
  if (dtype_ == DType::kU8) {
    result.peak = std::numeric_limits<std::uint8_t>::max();
    result.peak_name = "8-bit samples";
  } else if (is_image_ && images_are_unit) {
    result.peak = 1;
    result.peak_name = "samples in 0..1";
  } else {
    result.peak = result.difference.max - result.difference.min;
    result.peak_name = "range of the first program's output";
  }
  const double error = sums_.mean_squared_error();
  result.psnr_db = error == 0 ? std::numeric_limits<double>::infinity()
                              : 10 * std::log10(result.peak * result.peak / error);
  if (result.difference.num_not_finite > 0) {
    result.psnr_db = -std::numeric_limits<double>::infinity();
  }
  return result;
}

}  // namespace tessera::compare
