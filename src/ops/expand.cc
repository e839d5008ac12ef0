// SPDX-License-Identifier: MIT
#include "base/try.h"
#include "ops/families.h"
#include "ops/region_rules.h"
#include "ops/shape_rules.h"
#include "ops/strided_copy.h"

namespace tessera::ops {

namespace {

using ir::KernelArguments;
using ir::KernelContext;
using ir::TensorType;
using ir::TypeArguments;
using Types = Result<std::vector<TensorType>>;

// ---- kernel ------------------------------------------------------------------------------------

Result<void> kernel(KernelContext& context, const KernelArguments& arguments,
                    std::span<Tensor> outputs) {
  const Tensor& self = arguments.tensor(0);
  const Shape from = contiguous_strides(self.shape());
  Shape strides = outputs[0].shape();
  const std::size_t added = strides.rank() - self.rank();
  for (std::size_t dim = 0; dim < strides.rank(); ++dim) {
    const bool is_repeated = dim < added || self.size(dim - added) == 1;
    strides[dim] = is_repeated ? 0 : from[dim - added];
  }
  strided_copy(context, self, strides, outputs[0]);
  return {};
}

// ---- shape -------------------------------------------------------------------------------------

Types infer(const TypeArguments& arguments) {
  const TensorType& self = arguments.tensor(0);
  ir::Dims size = arguments.dims(1);
  if (size.size() < self.rank() || size.size() > Shape::kMaxRank) {
    return fail(ErrorCode::kInvalidArgument, "argument 'size' has {} elements, expected {} to {}",
                size.size(), self.rank(), Shape::kMaxRank);
  }
  const std::size_t added = size.size() - self.rank();
  for (std::size_t dim = 0; dim < size.size(); ++dim) {
    const bool keeps = size[dim] == ir::Dim(-1);  // the size that is there
    if (keeps && dim >= added) size[dim] = self.dims[dim - added];
    const bool is_negative = size[dim].is_constant() && size[dim].constant() < 0;
    const bool fits =
        dim < added || self.dims[dim - added] == ir::Dim(1) || self.dims[dim - added] == size[dim];
    if (is_negative || !fits) {
      return fail(ErrorCode::kInvalidArgument, "argument 'size' is {}, which {} cannot become",
                  to_string(arguments.dims(1)), to_string(self.dims));
    }
  }
  return std::vector{TensorType{self.dtype, std::move(size)}};
}

// ---- region ------------------------------------------------------------------------------------

Region input_region(const ir::RegionQuery& query) {
  const auto shape = ir::constant_shape(query.arguments.tensor(0));
  CHECK(shape.has_value());
  return broadcast_region(query.output_region, *shape);
}

// ---- samples, declaration ----------------------------------------------------------------------

constexpr ir::Sample kSamples[] = {
    {"(f32[3,1,5], [3,4,5], false)"}, {"(f32[1,5], [2,3,-1], false)"}, {"(i64[], [4], false)"}};

constexpr ir::Operator kOperators[] = {
    {.schema = "aten::expand_copy(Tensor self, SymInt[] size, *, bool implicit=False) -> Tensor",
     .out_name = "aten::expand_copy.out",
     .infer = infer,
     .kernel = kernel,
     .input_region = input_region,
     .samples = kSamples},
};

}  // namespace

std::span<const ir::Operator> expand_operators() { return kOperators; }

}  // namespace tessera::ops
