// SPDX-License-Identifier: MIT
#include <algorithm>
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

template <std::size_t kSize>
struct Name {
  char text[kSize];
  consteval Name(const char (&name)[kSize]) { std::copy_n(name, kSize, text); }  // NOLINT: implicit
};

/// The core operator of this name, which has the same arguments: what to_edge makes of views.
template <Name kName>
struct Same {
  static constexpr std::string_view kCore = kName.text;
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
