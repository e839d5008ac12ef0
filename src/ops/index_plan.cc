// SPDX-License-Identifier: MIT
#include "ops/index_plan.h"

#include <algorithm>

#include "base/try.h"
#include "ops/move_rules.h"
#include "ops/shape_rules.h"
#include "ops/strided_copy.h"

namespace tessera::ops {

namespace {

using ir::Dim;
using ir::TensorType;

/// Positions of the first and last indexed dimension, and whether all between them are, too.
struct IndexedDims {
  std::vector<std::size_t> dims;
  bool is_adjacent() const { return dims.empty() || dims.back() - dims.front() + 1 == dims.size(); }
  bool contains(std::size_t dim) const { return std::ranges::contains(dims, dim); }
};

/// `what` is Dims or Shape: the broadcast sizes stand where the indexed dimensions were if those
/// are neighbours, else in front.
template <class Sizes>
Sizes place(const IndexedDims& indexed, const Sizes& self, std::size_t rank,
            const Sizes& broadcast) {
  Sizes sizes;
  const std::size_t front = indexed.is_adjacent() && !indexed.dims.empty() ? indexed.dims[0] : 0;
  for (std::size_t dim = 0; dim < front; ++dim) sizes.push_back(self[dim]);
  for (const auto& size : broadcast) sizes.push_back(size);
  for (std::size_t dim = front; dim < rank; ++dim) {
    if (!indexed.contains(dim)) sizes.push_back(self[dim]);
  }
  return sizes;
}

/// Element offsets that one index tensor names.
struct Chosen {
  Shape sizes;
  std::vector<std::int64_t> offsets;
};

Result<Chosen> choose(const Tensor& index, std::int64_t size, std::int64_t stride) {
  Chosen chosen{index.shape(), {}};
  chosen.offsets.reserve(static_cast<std::size_t>(index.num_elements()));
  for (std::int64_t i = 0; i < index.num_elements(); ++i) {
    const std::int64_t position = index_at(index, i);
    if (position < -size || position >= size) {
      return fail(ErrorCode::kInvalidArgument, "index {} is outside of {} to {}", position, -size,
                  size - 1);
    }
    chosen.offsets.push_back((position < 0 ? position + size : position) * stride);
  }
  return chosen;
}

/// The mask's dimensions lie behind each other, so a position in it is one in the tensor.
Chosen choose_by_mask(const Tensor& mask, std::int64_t stride) {
  Chosen chosen;
  for (std::int64_t i = 0; i < mask.num_elements(); ++i) {
    if (mask.data<bool>()[i]) chosen.offsets.push_back(i * stride);
  }
  chosen.sizes = Shape{static_cast<std::int64_t>(chosen.offsets.size())};
  return chosen;
}

Result<Chosen> combine(const Chosen& a, const Chosen& b) {
  const auto dims_of = [](const Shape& shape) { return ir::Dims(shape.begin(), shape.end()); };
  const ir::Dims sizes = TRY(broadcast(dims_of(a.sizes), dims_of(b.sizes)));
  Chosen result;
  for (const Dim& size : sizes) result.sizes.push_back(size.constant());
  const std::size_t rank = sizes.size();
  const auto steps_of = [&](const Shape& shape) {
    const Shape own = contiguous_strides(shape);
    Shape steps;
    for (std::size_t dim = 0; dim < rank; ++dim) {
      const bool is_there = dim + shape.rank() >= rank;
      const std::size_t at = is_there ? dim + shape.rank() - rank : 0;
      steps.push_back(is_there && shape[at] != 1 ? own[at] : 0);
    }
    return steps;
  };
  const Shape steps_a = steps_of(a.sizes), steps_b = steps_of(b.sizes);
  const std::int64_t count = result.sizes.num_elements();
  result.offsets.reserve(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i) {
    std::int64_t at_a = 0, at_b = 0, rest = i;
    for (std::size_t dim = rank; dim-- > 0; rest /= result.sizes[dim]) {
      at_a += rest % result.sizes[dim] * steps_a[dim];
      at_b += rest % result.sizes[dim] * steps_b[dim];
    }
    result.offsets.push_back(a.offsets[static_cast<std::size_t>(at_a)] +
                             b.offsets[static_cast<std::size_t>(at_b)]);
  }
  return result;
}

}  // namespace

Result<ir::Dims> indexed_sizes(const TensorType& self, std::span<const TensorType* const> indices) {
  IndexedDims indexed;
  ir::Dims sizes;
  std::optional<Dim> bound;  // of a tensor of bool
  std::size_t next = 0;
  for (std::size_t i = 0; i < indices.size(); ++i) {
    const std::string name = std::format("indices[{}]", i);
    const bool is_mask = indices[i] != nullptr && indices[i]->dtype == DType::kBool;
    const std::size_t covered = is_mask ? indices[i]->rank() : 1;
    if (covered == 0 || next + covered > self.rank()) {
      return fail(ErrorCode::kInvalidArgument,
                  "argument '{}' stands for dimensions {} to {}, argument 'self' has {}", name,
                  next, next + covered, self.rank());
    }
    for (std::size_t k = 0; indices[i] != nullptr && k < covered; ++k) {
      indexed.dims.push_back(next + k);
      if (is_mask) {
        TRY(expect_equal(indices[i]->dims[k], std::format("size {} of argument '{}'", k, name),
                         self.dims[next + k], std::format("size {} of argument 'self'", next + k)));
      }
    }
    if (is_mask) {
      bound = num_elements(indices[i]->dims);
    } else if (indices[i] != nullptr) {
      TRY(expect_index(*indices[i], name));
      if (self.dims[next] == Dim(0) && num_elements(indices[i]->dims) != Dim(0)) {
        return fail(ErrorCode::kInvalidArgument, "argument '{}' indexes a dimension of size 0",
                    name);
      }
      sizes = TRY(broadcast(sizes, indices[i]->dims));
    }
    next += covered;
  }
  if (bound && sizes.empty()) sizes.push_back(*bound);
  if (bound && sizes.back() == Dim(1)) sizes.back() = *bound;
  ir::Dims result = place(indexed, self.dims, self.rank(), sizes);
  if (result.size() <= Shape::kMaxRank) return result;
  return fail(ErrorCode::kInvalidArgument, "its result has {} dimensions, at most {} are possible",
              result.size(), Shape::kMaxRank);
}

Result<IndexPlan> plan_indexing(const Tensor& self, std::span<Tensor* const> indices) {
  const Shape strides = contiguous_strides(self.shape());
  IndexedDims indexed;
  std::optional<Chosen> all;
  std::size_t next = 0;
  for (const Tensor* index : indices) {
    const bool is_mask = index != nullptr && index->dtype() == DType::kBool;
    const std::size_t covered = is_mask ? index->rank() : 1;
    if (index != nullptr) {
      for (std::size_t k = 0; k < covered; ++k) indexed.dims.push_back(next + k);
      const Chosen chosen = is_mask ? choose_by_mask(*index, strides[next + covered - 1])
                                    : TRY(choose(*index, self.size(next), strides[next]));
      all = all ? TRY(combine(*all, chosen)) : chosen;
    }
    next += covered;
  }
  IndexPlan plan;
  if (!all) all = Chosen{Shape{}, {0}};
  plan.result = place(indexed, self.shape(), self.rank(), all->sizes);
  plan.offsets = std::move(all->offsets);
  const std::size_t last = indexed.dims.empty() ? 0 : indexed.dims.back() + 1;
  for (std::size_t dim = last; dim < self.rank(); ++dim) plan.run *= self.size(dim);
  plan.middle = {0};
  const std::size_t first = indexed.dims.empty() ? 0 : indexed.dims.front();
  if (indexed.is_adjacent()) {
    for (std::size_t dim = 0; dim < first; ++dim) plan.num_outer *= self.size(dim);
    plan.outer_stride = first > 0 ? strides[first - 1] : 0;
    return plan;
  }
  for (std::size_t dim = 0; dim < last; ++dim) {
    if (indexed.contains(dim)) continue;
    std::vector<std::int64_t> longer;
    for (const std::int64_t offset : plan.middle) {
      for (std::int64_t i = 0; i < self.size(dim); ++i) longer.push_back(offset + i * strides[dim]);
    }
    plan.middle = std::move(longer);
  }
  return plan;
}

}  // namespace tessera::ops
