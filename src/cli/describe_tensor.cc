// SPDX-License-Identifier: MIT
#include "cli/describe_tensor.h"

#include <algorithm>
#include <cmath>
#include <concepts>
#include <format>
#include <limits>
#include <print>

#include "cli/elements.h"

namespace tessera::cli {
namespace {

/// Integers in full, others with as many digits as tell them apart from their neighbours.
template <class T>
std::string text_of(const T& element) {
  if constexpr (std::integral<T>) {
    return std::to_string(element);
  } else if constexpr (std::same_as<T, double>) {
    return std::format("{}", element);
  } else {
    return std::format("{}", static_cast<float>(element));
  }
}

template <class T>
std::string statistics_of(std::span<const T> elements) {
  double min = std::numeric_limits<double>::infinity(), max = -min, sum = 0;
  std::size_t num_nan = 0;
  for (const T& element : elements) {
    const auto value = static_cast<double>(element);
    if (std::isnan(value)) {
      ++num_nan;
      continue;
    }
    min = std::min(min, value);
    max = std::max(max, value);
    sum += value;
  }
  if (num_nan == elements.size()) return std::format("{} NaN", num_nan);
  return std::format("min {:.6g}, max {:.6g}, mean {:.6g}{}", min, max,
                     sum / static_cast<double>(elements.size() - num_nan),
                     num_nan == 0 ? "" : std::format(", {} NaN", num_nan));
}

/// "[0, 2, :]" for the row that starts at element `start`.
std::string index_of_row(const Shape& shape, std::int64_t start) {
  std::string text = ":]";
  for (std::size_t dim = shape.rank() - 1, below = start / shape[dim]; dim-- > 0;) {
    const auto size = static_cast<std::size_t>(shape[dim]);
    text = std::format("{}, {}", below % size, text);
    below /= size;
  }
  return "[" + text;
}

}  // namespace

std::string summary_of(const Tensor& tensor) {
  if (tensor.num_elements() == 0) return "no elements";
  return visit_elements(tensor, []<class T>(std::span<T> elements) {
    return elements.size() == 1 ? text_of(elements[0])
                                : statistics_of(std::span<const T>(elements));
  });
}

void print_elements(const Tensor& tensor) {
  if (tensor.num_elements() == 0) return;
  const std::int64_t row = tensor.rank() == 0 ? 1 : tensor.size(tensor.rank() - 1);
  visit_elements(tensor, [&]<class T>(std::span<T> elements) {
    for (std::int64_t start = 0; start < tensor.num_elements(); start += row) {
      std::string line = tensor.rank() == 0 ? "[]" : index_of_row(tensor.shape(), start);
      for (std::int64_t i = 0; i < row; ++i) {
        line += ' ';
        line += text_of(elements[static_cast<std::size_t>(start + i)]);
      }
      std::println("{}", line);
    }
  });
}

}  // namespace tessera::cli
