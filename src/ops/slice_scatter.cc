// SPDX-License-Identifier: MIT
#include <algorithm>

#include "base/try.h"
#include "ops/along_dim.h"
#include "ops/families.h"
#include "ops/move_rules.h"
#include "ops/shape_rules.h"
#include "ops/slice_bounds.h"
#include "ops/strided_copy.h"

/// Operators that replace a part of one dimension by another tensor.
namespace tessera::ops {

namespace {

using ir::Dim;
using ir::KernelArguments;
using ir::KernelContext;
using ir::TensorType;
using ir::TypeArguments;

// ---- slice_scatter -----------------------------------------------------------------------------

Types infer_slice(const TypeArguments& arguments) {
  const TensorType &self = arguments.tensor(0), &source = arguments.tensor(1);
  TRY(expect_same_dtype(self, "self", source, "src"));
  TRY(expect_rank(self, "self", 1, Shape::kMaxRank));
  TRY(expect_rank(source, "src", self.rank(), self.rank()));
  const std::size_t axis = TRY(dim_argument(arguments, 2, self.rank(), "dim"));
  static_cast<void>(TRY(integer_argument(arguments, 5, "step", 1)));
  const SliceBounds bounds = slice_bounds(arguments, 3, self.dims[axis]);
  for (std::size_t dim = 0; dim < self.rank(); ++dim) {
    TRY(expect_equal(source.dims[dim], std::format("size {} of argument 'src'", dim),
                     dim == axis ? bounds.length : self.dims[dim],
                     std::format("size {} of the slice", dim)));
  }
  return std::vector{self};
}

Result<void> slice_scatter(KernelContext& context, const KernelArguments& arguments,
                           std::span<Tensor> outputs) {
  const Tensor &self = arguments.tensor(0), &source = arguments.tensor(1);
  copy_elements(context, self, outputs[0]);
  const std::size_t dim = dim_of(arguments.integer(2), self.rank());
  const SliceBounds bounds = slice_bounds(arguments, 3, Dim(self.size(dim)));
  Shape strides = contiguous_strides(self.shape());
  const std::size_t size = size_of(self.dtype());
  std::byte* first = outputs[0].bytes() + static_cast<std::size_t>(bounds.start.constant()) *
                                              static_cast<std::size_t>(strides[dim]) * size;
  // With one element there is no step, and a large one would overflow.
  strides[dim] *= source.size(dim) > 1 ? bounds.step : 1;
  strided_copy(context, size, source.shape(), {source.bytes(), contiguous_strides(source.shape())},
               {first, strides});
  return {};
}

// ---- select_scatter ----------------------------------------------------------------------------

Types infer_select(const TypeArguments& arguments) {
  const TensorType &self = arguments.tensor(0), &source = arguments.tensor(1);
  TRY(expect_same_dtype(self, "self", source, "src"));
  TRY(expect_rank(self, "self", 1, Shape::kMaxRank));
  TRY(expect_rank(source, "src", self.rank() - 1, self.rank() - 1));
  const std::size_t axis = TRY(dim_argument(arguments, 2, self.rank(), "dim"));
  for (std::size_t dim = 0; dim < source.rank(); ++dim) {
    const std::size_t other = dim < axis ? dim : dim + 1;
    TRY(expect_equal(source.dims[dim], std::format("size {} of argument 'src'", dim),
                     self.dims[other], std::format("size {} of argument 'self'", other)));
  }
  const Dim &index = arguments.dim(3), &size = self.dims[axis];
  if (index.is_constant() && size.is_constant() &&
      (index.constant() < -size.constant() || index.constant() >= size.constant())) {
    return fail(ErrorCode::kInvalidArgument, "argument 'index' is {}, expected {} to {}",
                index.constant(), -size.constant(), size.constant() - 1);
  }
  return std::vector{self};
}

Result<void> select_scatter(KernelContext& context, const KernelArguments& arguments,
                            std::span<Tensor> outputs) {
  const Tensor &self = arguments.tensor(0), &source = arguments.tensor(1);
  copy_elements(context, self, outputs[0]);
  const std::size_t dim = dim_of(arguments.integer(2), self.rank());
  const Shape strides = contiguous_strides(self.shape());
  Shape steps;
  for (std::size_t i = 0; i < self.rank(); ++i) {
    if (i != dim) steps.push_back(strides[i]);
  }
  const std::int64_t index = arguments.integer(3);
  const std::int64_t offset = (index < 0 ? index + self.size(dim) : index) * strides[dim];
  const std::size_t size = size_of(self.dtype());
  strided_copy(context, size, source.shape(), {source.bytes(), contiguous_strides(source.shape())},
               {outputs[0].bytes() + static_cast<std::size_t>(offset) * size, steps});
  return {};
}

// ---- region ------------------------------------------------------------------------------------

/// Along the dimension itself a tile's positions are not the tensor's.
Region input_region(const ir::RegionQuery& query) {
  const std::size_t rank = query.output_region.rank();
  const std::size_t dim = dim_of(query.arguments.integer(2), rank);
  Region region = Region::whole(shape_at(query.arguments, query.argument));
  for (std::size_t i = 0; i < rank; ++i) {
    if (i == dim) continue;
    region[region.rank() == rank || i < dim ? i : i - 1] = query.output_region[i];
  }
  return region;
}

// ---- samples, declaration ----------------------------------------------------------------------

constexpr ir::Sample kSliceSamples[] = {{"(f32[2,6,5], f32[2,3,5], 1, 1, 4, 1)"},
                                        {"(f32[3,4,7], f32[3,4,3], -1, -6, -1, 2)"},
                                        {"(i64[5], i64[5], 0, none, none, 1)"},
                                        {"(bool[4,3], bool[2,3], 0, 0, 100, 3)"},
                                        {"(f16[2,3], f16[2,0], 1, 2, 1, 1)"}};
constexpr ir::Sample kSelectSamples[] = {{"(f32[2,6,5], f32[2,5], 1, 4)"},
                                         {"(f32[3,4,7], f32[3,4], -1, -7)"},
                                         {"(u8[5], u8[], 0, 2)"},
                                         {"(bf16[2,3], bf16[3], 0, -1)"}};

constexpr ir::Operator kOperators[] = {
    {.schema = "aten::slice_scatter(Tensor self, Tensor src, int dim=0, SymInt? start=None, "
               "SymInt? end=None, SymInt step=1) -> Tensor",
     .out_name = "aten::slice_scatter.out",
     .infer = infer_slice,
     .kernel = slice_scatter,
     .input_region = input_region,
     .samples = kSliceSamples},
    {.schema = "aten::select_scatter(Tensor self, Tensor src, int dim, SymInt index) -> Tensor",
     .out_name = "aten::select_scatter.out",
     .infer = infer_select,
     .kernel = select_scatter,
     .input_region = input_region,
     .samples = kSelectSamples},
};

}  // namespace

std::span<const ir::Operator> slice_scatter_operators() { return kOperators; }

}  // namespace tessera::ops
