// SPDX-License-Identifier: MIT
#include "formats/tensor_layout.h"

#include <algorithm>
#include <format>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "base/try.h"

namespace tessera {
namespace {

Result<void> check_sizes(DType dtype, const Shape& sizes) {
  std::uint64_t num_bytes = size_of(dtype);
  for (const std::int64_t size : sizes) {
    if (size < 0 || size > std::numeric_limits<std::int32_t>::max()) {
      return fail(ErrorCode::kInvalidProgram, "the sizes {} have {}, expected 0 to {}",
                  sizes.to_string(), size, std::numeric_limits<std::int32_t>::max());
    }
    if (__builtin_mul_overflow(num_bytes, std::max<std::uint64_t>(size, 1), &num_bytes) ||
        std::cmp_greater(num_bytes, std::numeric_limits<std::ptrdiff_t>::max())) {
      return fail(ErrorCode::kInvalidProgram, "the product of the sizes {} overflows",
                  sizes.to_string());
    }
  }
  return {};
}

Result<void> check_dim_order(const Shape& sizes, std::span<const std::uint8_t> dim_order) {
  std::vector<std::uint8_t> sorted(dim_order.begin(), dim_order.end());
  std::ranges::sort(sorted);
  bool is_permutation = sorted.size() == sizes.rank();
  for (std::size_t dim = 0; is_permutation && dim < sorted.size(); ++dim) {
    is_permutation = sorted[dim] == dim;
  }
  if (is_permutation) return {};
  std::string found;
  for (const std::uint8_t dim : dim_order) found += std::format(" {}", dim);
  return fail(ErrorCode::kInvalidProgram,
              "the dim_order is{}, expected a permutation of the {} dimensions", found,
              sizes.rank());
}

}  // namespace

Result<void> check_layout(DType dtype, const Shape& sizes,
                          std::span<const std::uint8_t> dim_order) {
  TRY(check_sizes(dtype, sizes));
  return check_dim_order(sizes, dim_order);
}

}  // namespace tessera
