// SPDX-License-Identifier: MIT
#include "ops/reduction.h"

namespace tessera::ops {

namespace {

Result<void> add_dim(std::vector<bool>& is_reduced, const ir::Dim& dim) {
  if (!dim.is_constant()) {
    return fail(ErrorCode::kInvalidArgument, "argument 'dim' has {}, expected constants",
                dim.to_string());
  }
  // A tensor of rank 0 may be reduced over its dimension 0 or -1.
  const std::size_t rank = is_reduced.size();
  const std::size_t position =
      TRY(normalize_dim(dim.constant(), std::max<std::size_t>(rank, 1), "dim"));
  if (rank == 0) return {};
  if (is_reduced[position]) {
    return fail(ErrorCode::kInvalidArgument, "argument 'dim' has {} twice", dim.constant());
  }
  is_reduced[position] = true;
  return {};
}

template <class T>
Result<std::vector<bool>> parse_dims(const ir::BasicArguments<T>& arguments, std::size_t position,
                                     std::size_t rank) {
  std::vector<bool> is_reduced(rank, false);
  if (arguments.is_none(position)) return std::vector<bool>(rank, true);
  if (std::holds_alternative<ir::Dim>(arguments[position])) {
    TRY(add_dim(is_reduced, arguments.dim(position)));
    return is_reduced;
  }
  if (arguments.dims(position).empty()) return std::vector<bool>(rank, true);
  for (const ir::Dim& dim : arguments.dims(position)) TRY(add_dim(is_reduced, dim));
  return is_reduced;
}

/// Offsets of all positions along the dimensions that `is_chosen`, in order.
std::vector<std::int64_t> offsets_along(const Shape& shape, const std::vector<bool>& is_chosen) {
  std::vector<std::int64_t> strides(shape.rank());
  std::int64_t stride = 1;
  for (std::size_t dim = shape.rank(); dim-- > 0; stride *= shape[dim]) strides[dim] = stride;
  std::vector<std::int64_t> result{0};
  for (std::size_t dim = 0; dim < shape.rank(); ++dim) {
    if (!is_chosen[dim]) continue;
    std::vector<std::int64_t> longer;
    longer.reserve(result.size() * static_cast<std::size_t>(shape[dim]));
    for (const std::int64_t base : result) {
      for (std::int64_t i = 0; i < shape[dim]; ++i) longer.push_back(base + i * strides[dim]);
    }
    result = std::move(longer);
  }
  return result;
}

}  // namespace

Result<std::vector<bool>> reduced_dims(const ir::TypeArguments& arguments, std::size_t position,
                                       std::size_t rank) {
  return parse_dims(arguments, position, rank);
}

std::vector<bool> reduced_dims(const ir::KernelArguments& arguments, std::size_t position,
                               std::size_t rank) {
  auto dims = parse_dims(arguments, position, rank);
  CHECK(dims.has_value(), "infer has accepted them");
  return *std::move(dims);
}

ir::Dims reduced_sizes(const ir::Dims& sizes, const std::vector<bool>& is_reduced, bool keepdim) {
  ir::Dims result;
  for (std::size_t dim = 0; dim < sizes.size(); ++dim) {
    if (!is_reduced[dim]) {
      result.push_back(sizes[dim]);
    } else if (keepdim) {
      result.push_back(1);
    }
  }
  return result;
}

Result<void> expect_elements(const ir::Dims& sizes, const std::vector<bool>& is_reduced) {
  for (std::size_t dim = 0; dim < sizes.size(); ++dim) {
    if (!is_reduced[dim] || sizes[dim] != ir::Dim(0)) continue;
    return fail(ErrorCode::kInvalidArgument,
                "dimension {} of 'self' has size 0, expected elements to choose from", dim);
  }
  return {};
}

Reduction::Reduction(const Shape& shape, std::vector<bool> is_reduced) {
  for (std::size_t dim = 0; dim < shape.rank(); ++dim) {
    if (is_reduced[dim]) count_ *= shape[dim];
  }
  // The innermost dimensions of one kind are a run; those of size 1 are of either kind.
  std::size_t outer = shape.rank();
  bool has_kind = false;
  while (outer > 0) {
    const std::size_t dim = outer - 1;
    if (shape[dim] != 1 && has_kind && is_reduced[dim] != is_inner_reduced_) break;
    if (shape[dim] != 1 && !has_kind) {
      is_inner_reduced_ = is_reduced[dim];
      has_kind = true;
    }
    inner_ *= shape[dim];
    is_reduced[dim] = false;
    --outer;
  }
  std::vector<bool> is_kept(shape.rank(), false);
  for (std::size_t dim = 0; dim < outer; ++dim) is_kept[dim] = !is_reduced[dim];
  reduced_ = offsets_along(shape, is_reduced);
  kept_ = offsets_along(shape, is_kept);
}

}  // namespace tessera::ops
