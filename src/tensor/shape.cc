// SPDX-License-Identifier: MIT
#include <algorithm>

#include "base/check.h"
#include "tessera/tensor.h"

namespace tessera {

Shape::Shape(std::initializer_list<std::int64_t> sizes)
    : Shape(std::span<const std::int64_t>(sizes.begin(), sizes.size())) {}

Shape::Shape(std::span<const std::int64_t> sizes) {
  for (const std::int64_t size : sizes) push_back(size);
}

void Shape::push_back(std::int64_t size) {
  CHECK(rank_ < kMaxRank);
  sizes_[rank_++] = size;
}

std::int64_t Shape::num_elements() const {
  std::int64_t product = 1;
  for (const std::int64_t size : *this) product *= size;
  return product;
}

std::string Shape::to_string() const {
  std::string text = "[";
  for (std::size_t dim = 0; dim < rank_; ++dim) {
    text += std::format("{}{}", dim == 0 ? "" : ", ", sizes_[dim]);
  }
  return text + "]";
}

bool operator==(const Shape& a, const Shape& b) { return std::ranges::equal(a.span(), b.span()); }

}  // namespace tessera
