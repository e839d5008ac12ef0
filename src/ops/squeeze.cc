// SPDX-License-Identifier: MIT
#include <utility>

#include "ops/composite.h"
#include "ops/families.h"
#include "ops/move_rules.h"

/// Operators that add or take away dimensions of size 1: views with other sizes.
namespace tessera::ops {

namespace {

using ir::Dim;
using ir::Dims;
using ir::TensorType;

struct Unsqueeze {
  static constexpr std::string_view kCore = "aten::view_copy";
  template <class A>
  static Result<std::vector<A>> map(std::span<const A> a, const TensorType& self) {
    TRY(expect_room(self, "self"));
    const std::size_t dim = TRY(mapped_dim(a, 1, self.rank() + 1, "dim"));
    Dims sizes = self.dims;
    sizes.insert(sizes.begin() + static_cast<std::ptrdiff_t>(dim), Dim(1));
    return std::vector<A>{a[0], A(std::move(sizes))};
  }
};

/// Which dimensions go: the named ones, if their size is 1.
Result<Dims> squeezed(const TensorType& self, std::span<const Dim> named) {
  std::vector<bool> is_named(self.rank(), false);
  for (const Dim& dim : named) {
    if (!dim.is_constant()) {
      return fail(ErrorCode::kInvalidArgument, "argument 'dim' has {}, expected constants",
                  dim.to_string());
    }
    const auto position =
        TRY(normalize_dim(dim.constant(), std::max<std::size_t>(self.rank(), 1), "dim"));
    if (self.rank() == 0) continue;
    if (is_named[position]) {
      return fail(ErrorCode::kInvalidArgument, "argument 'dim' has {} twice", dim.constant());
    }
    is_named[position] = true;
  }
  Dims sizes;
  for (std::size_t dim = 0; dim < self.rank(); ++dim) {
    if (!is_named[dim] || self.dims[dim] != Dim(1)) sizes.push_back(self.dims[dim]);
  }
  return sizes;
}

struct SqueezeDim {
  static constexpr std::string_view kCore = "aten::view_copy";
  template <class A>
  static Result<std::vector<A>> map(std::span<const A> a, const TensorType& self) {
    return std::vector<A>{a[0], A(TRY(squeezed(self, {{std::get<Dim>(a[1])}})))};
  }
};

struct SqueezeDims {
  static constexpr std::string_view kCore = "aten::view_copy";
  template <class A>
  static Result<std::vector<A>> map(std::span<const A> a, const TensorType& self) {
    return std::vector<A>{a[0], A(TRY(squeezed(self, std::get<Dims>(a[1]))))};
  }
};

struct Squeeze {
  static constexpr std::string_view kCore = "aten::view_copy";
  template <class A>
  static Result<std::vector<A>> map(std::span<const A> a, const TensorType& self) {
    Dims all;
    for (std::size_t dim = 0; dim < self.rank(); ++dim) {
      all.emplace_back(static_cast<std::int64_t>(dim));
    }
    return std::vector<A>{a[0], A(TRY(squeezed(self, all)))};
  }
};

// ---- region ------------------------------------------------------------------------------------

Region unsqueeze_region(const ir::RegionQuery& query) {
  const auto dim = normalize_dim(query.arguments.integer(1), query.output_region.rank(), "dim");
  Region region;
  for (std::size_t i = 0; i < query.output_region.rank(); ++i) {
    if (i != *dim) region.push_back(query.output_region[i]);
  }
  return region;
}

/// The named dimensions of size 1 are missing in the result.
Region squeeze_region(const ir::RegionQuery& query) {
  const TensorType& self = query.arguments.tensor(0);
  std::vector<Dim> named;
  if (const auto* dim = std::get_if<Dim>(&query.arguments[1])) {
    named = {*dim};
  } else {
    named = query.arguments.dims(1);
  }
  Region region = Region::whole(shape_at(query.arguments, 0));
  std::size_t next = 0;
  for (std::size_t i = 0; i < self.rank(); ++i) {
    bool is_named = false;
    for (const Dim& dim : named) is_named |= *normalize_dim(dim.constant(), self.rank(), "") == i;
    if (is_named && self.dims[i] == Dim(1)) continue;
    // A tile must not become 1 high where the tensor is not.
    if (!is_named) region[i] = query.output_region[next];
    ++next;
  }
  return region;
}

// ---- samples, declaration ----------------------------------------------------------------------

constexpr ir::Sample kUnsqueezeSamples[] = {
    {"(f32[2,3], 1)"}, {"(f32[2,3], -1)"}, {"(i64[], 0)"}, {"(bool[0,2], 0)"}};
constexpr ir::Sample kSqueezeDimSamples[] = {
    {"(f32[2,1,3], 1)"}, {"(f32[2,3], -1)"}, {"(u8[1], 0)"}, {"(f16[], 0)"}};
constexpr ir::Sample kSqueezeDimsSamples[] = {
    {"(f32[1,2,1,3], [0,-2])"}, {"(i16[2,1,3], [0,1])"}, {"(bf16[1,1], [0,1])"}, {"(f32[], [])"}};
constexpr ir::Sample kSqueezeSamples[] = {{"(f32[1,2,1,3])"}};

constexpr ir::Operator kOperators[] = {
    composite<Unsqueeze>("aten::unsqueeze_copy(Tensor self, int dim) -> Tensor",
                         "aten::unsqueeze_copy.out", kUnsqueezeSamples, unsqueeze_region),
    composite<SqueezeDim>("aten::squeeze_copy.dim(Tensor self, int dim) -> Tensor",
                          "aten::squeeze_copy.dim_out", kSqueezeDimSamples, squeeze_region),
    composite<SqueezeDims>("aten::squeeze_copy.dims(Tensor self, int[] dim) -> Tensor",
                           "aten::squeeze_copy.dims_out", kSqueezeDimsSamples, squeeze_region),
    composite<Unsqueeze>("aten::unsqueeze(Tensor self, int dim) -> Tensor", kUnsqueezeSamples),
    composite<SqueezeDim>("aten::squeeze.dim(Tensor self, int dim) -> Tensor", kSqueezeDimSamples),
    composite<SqueezeDims>("aten::squeeze.dims(Tensor self, int[] dim) -> Tensor",
                           kSqueezeDimsSamples),
    composite<Squeeze>("aten::squeeze(Tensor self) -> Tensor", kSqueezeSamples),
};

}  // namespace

std::span<const ir::Operator> squeeze_operators() { return kOperators; }

}  // namespace tessera::ops
