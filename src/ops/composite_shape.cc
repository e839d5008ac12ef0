// SPDX-License-Identifier: MIT
#include <algorithm>
#include <utility>

#include "ops/composite.h"
#include "ops/expression.h"
#include "ops/families.h"
#include "ops/shape_rules.h"
#include "ops/view_size.h"

/// Operators that only see a tensor in other sizes or another order, as calls of core operators.
namespace tessera::ops {

namespace {

using ir::Dim;
using ir::Dims;
using ir::TensorType;

/// The core operator of this name, which has the same arguments: what to_edge makes of views.
template <FixedString kName>
struct Same {
  static constexpr std::string_view kCore = kName.view();
  template <class A>
  static Result<std::vector<A>> map(std::span<const A> a, const TensorType&) {
    return std::vector<A>(a.begin(), a.end());
  }
};
using View = Same<"aten::view_copy">;
using Permute = Same<"aten::permute_copy">;

struct Flatten {
  static constexpr std::string_view kCore = "aten::view_copy";
  template <class A>
  static Result<std::vector<A>> map(std::span<const A> a, const TensorType& self) {
    if (self.rank() == 0) return std::vector<A>{a[0], A(Dims{1})};
    const std::size_t first = TRY(mapped_dim(a, 1, self.rank(), "start_dim"));
    const std::size_t last = TRY(mapped_dim(a, 2, self.rank(), "end_dim"));
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

/// One size in the place of several, with a -1 for what follows from the others.
struct Unflatten {
  static constexpr std::string_view kCore = "aten::view_copy";
  template <class A>
  static Result<std::vector<A>> map(std::span<const A> a, const TensorType& self) {
    const std::size_t at = TRY(mapped_dim(a, 1, self.rank(), "dim"));
    Dims sizes = TRY(view_size({self.dims[at]}, std::get<Dims>(a[2])));
    const auto position = static_cast<std::ptrdiff_t>(at);
    sizes.insert(sizes.begin(), self.dims.begin(), self.dims.begin() + position);
    sizes.insert(sizes.end(), self.dims.begin() + position + 1, self.dims.end());
    return std::vector<A>{a[0], A(std::move(sizes))};
  }
};

struct Chunk {
  static constexpr std::string_view kCore = "aten::split_copy.Tensor";
  template <class A>
  static Result<std::vector<A>> map(std::span<const A> a, const TensorType& self) {
    const std::size_t at = TRY(mapped_dim(a, 2, self.rank(), "dim"));
    const Dim& size = self.dims[at];
    const Dim& chunks = std::get<Dim>(a[1]);
    if (!size.is_constant() || !chunks.is_constant() || chunks.constant() < 1) {
      return fail(ErrorCode::kNotSupported, "size {} in {} chunks, expected two positive constants",
                  size.to_string(), chunks.to_string());
    }
    const std::int64_t each = (size.constant() + chunks.constant() - 1) / chunks.constant();
    return std::vector<A>{a[0], A(Dim(std::max<std::int64_t>(each, 1))), a[2]};
  }
};

/// Dimensions `source` come to stand at `destination`, the others keep their order.
struct MoveDim {
  static constexpr std::string_view kCore = "aten::permute_copy";
  template <class A>
  static Result<std::vector<A>> map(std::span<const A> a, const TensorType& self) {
    const Dims& source = std::get<Dims>(a[1]);
    const Dims& destination = std::get<Dims>(a[2]);
    if (source.size() != destination.size()) {
      return fail(ErrorCode::kInvalidArgument, "{} dimensions are moved to {} places",
                  source.size(), destination.size());
    }
    std::vector<std::size_t> from(self.rank(), self.rank());
    std::vector<bool> is_moved(self.rank(), false);
    for (std::size_t i = 0; i < source.size(); ++i) {
      const std::size_t to =
          TRY(normalize_dim(destination[i].constant(), self.rank(), "destination"));
      from[to] = TRY(normalize_dim(source[i].constant(), self.rank(), "source"));
      is_moved[from[to]] = true;
    }
    Dims order;
    std::size_t next = 0;
    for (std::size_t dim = 0; dim < self.rank(); ++dim) {
      while (from[dim] == self.rank() && next < self.rank() && is_moved[next]) ++next;
      order.emplace_back(static_cast<std::int64_t>(from[dim] == self.rank() ? next++ : from[dim]));
    }
    return std::vector<A>{a[0], A(std::move(order))};
  }
};

constexpr ir::Sample kUnflattenSamples[] = {{"(f32[2,6,5], 1, [3,2])"},
                                            {"(f32[2,6,5], -2, [-1,2])"}};
constexpr ir::Sample kChunkSamples[] = {{"(f32[2,7,5], 3, 1)"}, {"(f32[2,6,5], 2, -2)"}};
constexpr ir::Sample kTransposeSamples[] = {{"(f32[2,7,5], 0, -1)"}};
constexpr ir::Sample kMoveSamples[] = {{"(f32[2,7,5,3], [0,1], [-1,0])"},
                                       {"(f32[2,7,5], [2], [0])"}};
constexpr ir::Sample kBroadcastSamples[] = {{"(f32[3,1,5], [3,4,5])"}};
constexpr ir::Sample kContiguousSamples[] = {{"(f32[2,3,4], 0)"}};
constexpr ir::Sample kViewSamples[] = {{"(f32[2,3,4], [6,4])"}, {"(f32[2,3,4], [-1])"}};
constexpr ir::Sample kFlattenSamples[] = {{"(f32[2,3,4], 1, -1)"}, {"(f32[2,3,4,5], 1, 2)"}};
constexpr ir::Sample kCopySamples[] = {{"(f32[2,3,4])"}};
constexpr ir::Sample kExpandSamples[] = {{"(f32[3,1,5], [3,4,5], false)"}};
constexpr ir::Sample kSelectSamples[] = {{"(f32[2,6,5], 1, 4)"}};
constexpr ir::Sample kSliceSamples[] = {{"(f32[2,6,5], 1, 1, -1, 2)"}};
constexpr ir::Sample kNarrowSamples[] = {{"(f32[2,6,5], 1, 1, 3)"}};
constexpr ir::Sample kDiagonalSamples[] = {{"(f32[2,4,3], 1, 0, -1)"}};
constexpr ir::Sample kUnfoldSamples[] = {{"(f32[2,9,3], 1, 3, 2)"}};
constexpr ir::Sample kSplitSamples[] = {{"(f32[2,7,5], 3, 1)"}};
constexpr ir::Sample kSplitWithSizesSamples[] = {{"(f32[2,7,5], [3,4], 1)"}};
constexpr ir::Sample kUnbindSamples[] = {{"(f32[2,3,5], 1)"}};
constexpr ir::Sample kPermuteSamples[] = {{"(f32[2,3,4], [2,0,1])"}};

constexpr ir::Operator kOperators[] = {
    composite<Unflatten>("aten::unflatten.int(Tensor self, int dim, SymInt[] sizes) -> Tensor",
                         kUnflattenSamples),
    composite<Chunk>("aten::chunk(Tensor self, int chunks, int dim=0) -> Tensor[]", kChunkSamples),
    composite<MoveDim>(
        "aten::movedim.intlist(Tensor self, int[] source, int[] destination) -> Tensor",
        kMoveSamples),
    composite<View>("aten::_unsafe_view(Tensor self, SymInt[] size) -> Tensor", kViewSamples),
    expression<"aten::expand_copy($0, $1)">(
        "aten::broadcast_to(Tensor self, SymInt[] size) -> Tensor", kBroadcastSamples),
    composite<Same<"aten::transpose_copy.int">>(
        "aten::swapaxes(Tensor self, int axis0, int axis1) -> Tensor", kTransposeSamples),
    composite<Same<"aten::transpose_copy.int">>(
        "aten::swapdims(Tensor self, int dim0, int dim1) -> Tensor", kTransposeSamples),
    expression<"aten::clone($0)">(
        "aten::contiguous(Tensor self, *, MemoryFormat memory_format=0) -> Tensor",
        kContiguousSamples),
    composite<View>("aten::view(Tensor self, SymInt[] size) -> Tensor", kViewSamples),
    composite<View>("aten::reshape(Tensor self, SymInt[] shape) -> Tensor", kViewSamples),
    composite<Flatten>(
        "aten::flatten.using_ints(Tensor self, int start_dim=0, int end_dim=-1) -> Tensor",
        kFlattenSamples),
    composite<Permute>("aten::permute(Tensor self, int[] dims) -> Tensor", kPermuteSamples),
    composite<Same<"aten::alias_copy">>("aten::alias(Tensor self) -> Tensor", kCopySamples),
    composite<Same<"aten::detach_copy">>("aten::detach(Tensor self) -> Tensor", kCopySamples),
    composite<Same<"aten::expand_copy">>(
        "aten::expand(Tensor self, SymInt[] size, *, bool implicit=False) -> Tensor",
        kExpandSamples),
    composite<Same<"aten::select_copy.int">>(
        "aten::select.int(Tensor self, int dim, SymInt index) -> Tensor", kSelectSamples),
    composite<Same<"aten::slice_copy.Tensor">>(
        "aten::slice.Tensor(Tensor self, int dim=0, SymInt? start=None, SymInt? end=None, SymInt "
        "step=1) -> Tensor",
        kSliceSamples),
    composite<Same<"aten::narrow_copy">>(
        "aten::narrow(Tensor self, int dim, SymInt start, SymInt length) -> Tensor",
        kNarrowSamples),
    composite<Same<"aten::diagonal_copy">>(
        "aten::diagonal(Tensor self, int offset=0, int dim1=0, int dim2=1) -> Tensor",
        kDiagonalSamples),
    composite<Same<"aten::unfold_copy">>(
        "aten::unfold(Tensor self, int dimension, int size, int step) -> Tensor", kUnfoldSamples),
    composite<Same<"aten::split_copy.Tensor">>(
        "aten::split.Tensor(Tensor self, SymInt split_size, int dim=0) -> Tensor[]", kSplitSamples),
    composite<Same<"aten::split_with_sizes_copy">>(
        "aten::split_with_sizes(Tensor self, SymInt[] split_sizes, int dim=0) -> Tensor[]",
        kSplitWithSizesSamples),
    composite<Same<"aten::unbind_copy.int">>("aten::unbind.int(Tensor self, int dim=0) -> Tensor[]",
                                             kUnbindSamples),
};

}  // namespace

std::span<const ir::Operator> composite_shape_operators() { return kOperators; }

}  // namespace tessera::ops
