// SPDX-License-Identifier: MIT
#include <utility>

#include "ops/composite.h"
#include "ops/families.h"

/// Operators that swap two dimensions: permutations.
namespace tessera::ops {

namespace {

using ir::Dim;
using ir::Dims;
using ir::TensorType;

Dims identity(std::size_t rank) {
  Dims order;
  for (std::size_t dim = 0; dim < rank; ++dim) order.emplace_back(static_cast<std::int64_t>(dim));
  return order;
}

struct Transpose {
  static constexpr std::string_view kCore = "aten::permute_copy";
  template <class A>
  static Result<std::vector<A>> map(std::span<const A> a, const TensorType& self) {
    const std::size_t first = TRY(mapped_dim(a, 1, self.rank(), "dim0"));
    const std::size_t second = TRY(mapped_dim(a, 2, self.rank(), "dim1"));
    Dims order = identity(self.rank());
    if (self.rank() > 0) std::swap(order[first], order[second]);
    return std::vector<A>{a[0], A(std::move(order))};
  }
};

struct MatrixTranspose {
  static constexpr std::string_view kCore = "aten::permute_copy";
  template <class A>
  static Result<std::vector<A>> map(std::span<const A> a, const TensorType& self) {
    TRY(expect_rank(self, "self", 0, 2));
    Dims order = identity(self.rank());
    if (self.rank() == 2) std::swap(order[0], order[1]);
    return std::vector<A>{a[0], A(std::move(order))};
  }
};

constexpr ir::Sample kTransposeSamples[] = {{"(f32[2,3,4], 0, -1)"},
                                            {"(i8[5,70], 0, 1)"},
                                            {"(f16[2,3,4,5], 2, 1)"},
                                            {"(f64[], 0, -1)"},
                                            {"(bool[0,3], 1, 0)"}};
constexpr ir::Sample kMatrixSamples[] = {{"(f32[4,7])"}, {"(i64[3])"}, {"(bf16[])"}, {"(u8[2,9])"}};

constexpr ir::Operator kOperators[] = {
    composite<Transpose>("aten::transpose_copy.int(Tensor self, int dim0, int dim1) -> Tensor",
                         "aten::transpose_copy.int_out", kTransposeSamples,
                         composite_region<Transpose>),
    composite<MatrixTranspose>("aten::t_copy(Tensor self) -> Tensor", "aten::t_copy.out",
                               kMatrixSamples, composite_region<MatrixTranspose>),
    composite<Transpose>("aten::transpose.int(Tensor self, int dim0, int dim1) -> Tensor",
                         kTransposeSamples),
    composite<MatrixTranspose>("aten::t(Tensor self) -> Tensor", kMatrixSamples),
};

}  // namespace

std::span<const ir::Operator> transpose_operators() { return kOperators; }

}  // namespace tessera::ops
