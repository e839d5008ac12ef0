// SPDX-License-Identifier: MIT
#include "formats/strided_storage.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>

#include "base/try.h"
#include "formats/tensor_layout.h"

namespace tessera {
namespace {

Result<void> check_numbers(const StridedView& view) {
  const auto is_negative = [](std::int64_t number) { return number < 0; };
  if (view.offset >= 0 && std::ranges::none_of(view.sizes, is_negative) &&
      std::ranges::none_of(view.strides, is_negative)) {
    return {};
  }
  return fail(ErrorCode::kInvalidProgram,
              "sizes {} with strides {} from element {} on: one of them is negative",
              view.sizes.to_string(), view.strides.to_string(), view.offset);
}

bool is_empty(const Shape& sizes) { return std::ranges::contains(sizes, 0); }

/// Elements that the storage must have at least.
Result<std::int64_t> num_reached(const StridedView& view) {
  std::int64_t last = view.offset;
  for (std::size_t dim = 0; dim < view.sizes.rank(); ++dim) {
    std::int64_t step = 0;
    if (__builtin_mul_overflow(view.sizes[dim] - 1, view.strides[dim], &step) ||
        __builtin_add_overflow(last, step, &last)) {
      return fail(ErrorCode::kInvalidProgram, "sizes {} with strides {} overflow",
                  view.sizes.to_string(), view.strides.to_string());
    }
  }
  if (last == INT64_MAX) return fail(ErrorCode::kInvalidProgram, "the storage offset overflows");
  return last + 1;
}

bool is_contiguous(const StridedView& view) {
  std::int64_t expected = 1;
  for (std::size_t dim = view.sizes.rank(); dim-- > 0;) {
    if (view.sizes[dim] == 1) continue;
    if (view.strides[dim] != expected) return false;
    expected *= view.sizes[dim];  // at most what the storage has, so no overflow
  }
  return true;
}

/// Copies `from` (the storage at the view's offset) to `to` in the order of the sizes.
void copy_strided(const StridedView& view, std::size_t element_bytes, const std::byte* from,
                  std::byte* to, std::size_t dim = 0) {
  if (dim == view.sizes.rank()) {
    std::memcpy(to, from, element_bytes);
    return;
  }
  std::int64_t row = 1;
  for (std::size_t inner = dim + 1; inner < view.sizes.rank(); ++inner) row *= view.sizes[inner];
  for (std::int64_t i = 0; i < view.sizes[dim]; ++i) {
    copy_strided(view, element_bytes,
                 from + static_cast<std::size_t>(i * view.strides[dim]) * element_bytes,
                 to + static_cast<std::size_t>(i * row) * element_bytes, dim + 1);
  }
}

Result<Tensor> contiguous_copy(const StridedView& view, DType dtype, const std::byte* from,
                               std::uint64_t& budget_bytes) {
  std::uint64_t bytes = size_of(dtype);
  for (const std::int64_t size : view.sizes) {
    if (__builtin_mul_overflow(bytes, static_cast<std::uint64_t>(size), &bytes) ||
        bytes > budget_bytes) {
      return fail(ErrorCode::kInvalidProgram,
                  "sizes {} with strides {} blow the file's bytes up beyond measure",
                  view.sizes.to_string(), view.strides.to_string());
    }
  }
  budget_bytes -= bytes;
  Tensor copy = TRY(Tensor::empty(dtype, view.sizes));
  copy_strided(view, size_of(dtype), from, copy.bytes());
  return copy;
}

}  // namespace

Result<Tensor> tensor_of(DType dtype, const StridedView& view, const ZipBytes& storage,
                         std::uint64_t& budget_bytes) {
  TRY(check_numbers(view));
  std::array<std::uint8_t, Shape::kMaxRank> order{};
  std::ranges::iota(order, std::uint8_t{0});
  TRY(check_layout(dtype, view.sizes, std::span(order).first(view.sizes.rank())));
  const std::size_t element_bytes = size_of(dtype);
  if (is_empty(view.sizes)) return Tensor::zeros(dtype, view.sizes);
  if (storage.bytes.size() % element_bytes != 0) {
    return fail(ErrorCode::kInvalidProgram, "{} bytes are not a whole number of {} elements",
                storage.bytes.size(), name_of(dtype));
  }
  const auto num_stored = static_cast<std::int64_t>(storage.bytes.size() / element_bytes);
  const std::int64_t num_needed = TRY(num_reached(view));
  if (num_needed > num_stored) {
    return fail(ErrorCode::kInvalidProgram,
                "{}{} with strides {} from element {} on needs {} elements, the storage has {}",
                name_of(dtype), view.sizes.to_string(), view.strides.to_string(), view.offset,
                num_needed, num_stored);
  }
  const std::byte* first =
      storage.bytes.data() + static_cast<std::size_t>(view.offset) * element_bytes;
  if (!is_contiguous(view) || reinterpret_cast<std::uintptr_t>(first) % element_bytes != 0) {
    return contiguous_copy(view, dtype, first, budget_bytes);
  }
  // The mapping is read-only and nobody writes to a constant.
  return Tensor::view(dtype, view.sizes, const_cast<std::byte*>(first), storage.owner);
}

}  // namespace tessera
