// SPDX-License-Identifier: MIT

#include <utility>

#include "ops/composite.h"
#include "ops/families.h"
#include "ops/shape_rules.h"

/// Operators that only see a tensor in other sizes or another order, as calls of core operators.
namespace tessera::ops {

namespace {

using ir::Dim;
using ir::Dims;
using ir::TensorType;

/// The position from the front that argument `position` names, in a tensor of this rank.
template <class A>
Result<std::size_t> dim_argument(std::span<const A> a, std::size_t position, std::size_t rank,
                                 std::string_view name) {
  const Dim& dim = std::get<Dim>(a[position]);
  if (!dim.is_constant()) {
    return fail(ErrorCode::kInvalidArgument, "argument '{}' is {}, expected a constant", name,
                dim.to_string());
  }
  return normalize_dim(dim.constant(), rank, name);
}

struct View {
  static constexpr std::string_view kCore = "aten::view_copy";
  template <class A>
  static Result<std::vector<A>> map(std::span<const A> a, const TensorType&) {
    return std::vector<A>{a[0], a[1]};
  }
};

struct Flatten {
  static constexpr std::string_view kCore = "aten::view_copy";
  template <class A>
  static Result<std::vector<A>> map(std::span<const A> a, const TensorType& self) {
    if (self.rank() == 0) return std::vector<A>{a[0], A(Dims{1})};
    const std::size_t first = TRY(dim_argument(a, 1, self.rank(), "start_dim"));
    const std::size_t last = TRY(dim_argument(a, 2, self.rank(), "end_dim"));
    if (first > last) {
      return fail(ErrorCode::kInvalidArgument, "argument 'start_dim' is {}, after 'end_dim', {}",
                  first, last);
    }
    const auto begin = self.dims.begin();
    const auto middle = begin + static_cast<std::ptrdiff_t>(first);
    const auto end = begin + static_cast<std::ptrdiff_t>(last) + 1;
    Dims sizes(begin, middle);
    sizes.push_back(num_elements(Dims(middle, end)));
    sizes.insert(sizes.end(), end, self.dims.end());
    return std::vector<A>{a[0], A(std::move(sizes))};
  }
};

struct Unsqueeze {
  static constexpr std::string_view kCore = "aten::view_copy";
  template <class A>
  static Result<std::vector<A>> map(std::span<const A> a, const TensorType& self) {
    const std::size_t dim = TRY(dim_argument(a, 1, self.rank() + 1, "dim"));
    Dims sizes = self.dims;
    sizes.insert(sizes.begin() + static_cast<std::ptrdiff_t>(dim), Dim(1));
    return std::vector<A>{a[0], A(std::move(sizes))};
  }
};

struct Permute {
  static constexpr std::string_view kCore = "aten::permute_copy";
  template <class A>
  static Result<std::vector<A>> map(std::span<const A> a, const TensorType&) {
    return std::vector<A>{a[0], a[1]};
  }
};

struct Transpose {
  static constexpr std::string_view kCore = "aten::permute_copy";
  template <class A>
  static Result<std::vector<A>> map(std::span<const A> a, const TensorType& self) {
    const std::size_t first = TRY(dim_argument(a, 1, self.rank(), "dim0"));
    const std::size_t second = TRY(dim_argument(a, 2, self.rank(), "dim1"));
    Dims order;
    for (std::size_t dim = 0; dim < self.rank(); ++dim) {
      order.push_back(Dim(static_cast<std::int64_t>(dim)));
    }
    std::swap(order[first], order[second]);
    return std::vector<A>{a[0], A(std::move(order))};
  }
};

constexpr ir::Sample kViewSamples[] = {{"(f32[2,3,4], [6,4])"}, {"(f32[2,3,4], [-1])"}};
constexpr ir::Sample kFlattenSamples[] = {{"(f32[2,3,4], 1, -1)"}, {"(f32[2,3,4,5], 1, 2)"}};
constexpr ir::Sample kUnsqueezeSamples[] = {{"(f32[2,3], 1)"}, {"(f32[2,3], -1)"}};
constexpr ir::Sample kPermuteSamples[] = {{"(f32[2,3,4], [2,0,1])"}};
constexpr ir::Sample kTransposeSamples[] = {{"(f32[2,3,4], 0, -1)"}};

constexpr ir::Operator kOperators[] = {
    composite<View>("aten::view(Tensor self, SymInt[] size) -> Tensor", kViewSamples),
    composite<View>("aten::reshape(Tensor self, SymInt[] shape) -> Tensor", kViewSamples),
    composite<Flatten>(
        "aten::flatten.using_ints(Tensor self, int start_dim=0, int end_dim=-1) -> Tensor",
        kFlattenSamples),
    composite<Unsqueeze>("aten::unsqueeze(Tensor self, int dim) -> Tensor", kUnsqueezeSamples),
    composite<Permute>("aten::permute(Tensor self, int[] dims) -> Tensor", kPermuteSamples),
    composite<Transpose>("aten::transpose.int(Tensor self, int dim0, int dim1) -> Tensor",
                         kTransposeSamples),
};

}  // namespace

std::span<const ir::Operator> composite_shape_operators() { return kOperators; }

}  // namespace tessera::ops
