// SPDX-License-Identifier: MIT
#include <algorithm>

#include "base/try.h"
#include "ops/along_dim.h"
#include "ops/families.h"
#include "ops/move_rules.h"
#include "ops/shape_rules.h"
#include "ops/strided_copy.h"

namespace tessera::ops {

namespace {

using ir::KernelArguments;
using ir::KernelContext;
using ir::TensorType;
using ir::TypeArguments;

Result<void> kernel(KernelContext& context, const KernelArguments& arguments,
                    std::span<Tensor> outputs) {
  Tensor& output = outputs[0];
  const std::size_t dim = dim_of(arguments.integer(1), output.rank());
  const Shape strides = contiguous_strides(output.shape());
  Shape steps;
  for (std::size_t i = 0; i < output.rank(); ++i) {
    if (i != dim) steps.push_back(strides[i]);
  }
  const std::size_t element_size = size_of(output.dtype());
  std::byte* first = output.bytes();
  for (const Tensor* tensor : arguments.tensors(0)) {
    strided_copy(context, element_size, tensor->shape(),
                 {tensor->bytes(), contiguous_strides(tensor->shape())}, {first, steps});
    first += static_cast<std::size_t>(strides[dim]) * element_size;
  }
  return {};
}

Types infer(const TypeArguments& arguments) {
  const auto tensors = arguments.tensors(0);
  if (tensors.empty()) {
    return fail(ErrorCode::kInvalidArgument, "argument 'tensors' is empty, expected at least one");
  }
  TensorType result = *tensors[0];
  TRY(expect_room(result, "tensors[0]"));
  for (std::size_t i = 1; i < tensors.size(); ++i) {
    const std::string name = std::format("tensors[{}]", i);
    TRY(expect_same_dtype(result, "tensors[0]", *tensors[i], name));
    TRY(expect_rank(*tensors[i], name, result.rank(), result.rank()));
    for (std::size_t dim = 0; dim < result.rank(); ++dim) {
      TRY(expect_equal(result.dims[dim], std::format("size {} of argument 'tensors[0]'", dim),
                       tensors[i]->dims[dim], std::format("size {} of argument '{}'", dim, name)));
    }
  }
  const std::size_t dim = TRY(dim_argument(arguments, 1, result.rank() + 1, "dim"));
  result.dims.insert(result.dims.begin() + static_cast<std::ptrdiff_t>(dim),
                     ir::Dim(static_cast<std::int64_t>(tensors.size())));
  return std::vector{std::move(result)};
}

Region input_region(const ir::RegionQuery& query) {
  const Region& wanted = query.output_region;
  const std::size_t dim = dim_of(query.arguments.integer(1), wanted.rank());
  Region region;
  for (std::size_t i = 0; i < wanted.rank(); ++i) {
    if (i != dim) region.push_back(wanted[i]);
  }
  return region;
}

constexpr ir::Sample kSamples[] = {{"([f32[2,3], f32[2,3], f32[2,3]], 1)"},
                                   {"([f32[4,5]], -1)"},
                                   {"([i64[3], i64[3]], 0)"},
                                   {"([bool[], bool[]], 0)"},
                                   {"([f16[2,3], f16[2,3]], -3)"},
                                   {"([u8[0,2], u8[0,2]], 2)"}};

constexpr ir::Operator kOperators[] = {
    {.schema = "aten::stack(Tensor[] tensors, int dim=0) -> Tensor",
     .out_name = "aten::stack.out",
     .infer = infer,
     .kernel = kernel,
     .input_region = input_region,
     .samples = kSamples},
};

}  // namespace

std::span<const ir::Operator> stack_operators() { return kOperators; }

}  // namespace tessera::ops
