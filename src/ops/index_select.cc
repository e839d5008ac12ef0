// SPDX-License-Identifier: MIT
#include <cstring>

#include "base/try.h"
#include "ops/along_dim.h"
#include "ops/families.h"
#include "ops/move_dispatch.h"
#include "ops/move_rules.h"
#include "ops/shape_rules.h"

/// Operators that pick whole slabs by a tensor of indices.
namespace tessera::ops {

namespace {

using ir::Dim;
using ir::KernelArguments;
using ir::KernelContext;
using ir::TensorType;
using ir::TypeArguments;

// ---- kernel ------------------------------------------------------------------------------------

/// Result slab (o, i) is slab (o, index[i]) of the tensor, each of `slab_bytes`.
Result<void> pick(KernelContext& context, const Tensor& self, std::int64_t outer, std::int64_t size,
                  std::size_t slab_bytes, const Tensor& index, Tensor& output) {
  const std::int64_t count = index.num_elements();
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t chosen = index_at(index, i);
    if (chosen < 0 || chosen >= size) {
      return fail(ErrorCode::kInvalidArgument, "index {} at {}, expected 0 to {}", chosen, i,
                  size - 1);
    }
  }
  if (output.num_elements() == 0) return {};
  const std::size_t grain = kElementsPerThread / slab_bytes + 1;
  context.parallel_for(
      static_cast<std::size_t>(outer * count), grain, [&](std::size_t begin, std::size_t end) {
        for (std::size_t task = begin; task < end; ++task) {
          const auto o = static_cast<std::int64_t>(task) / count;
          const std::int64_t chosen = index_at(index, static_cast<std::int64_t>(task) % count);
          std::memcpy(output.bytes() + task * slab_bytes,
                      self.bytes() + static_cast<std::size_t>(o * size + chosen) * slab_bytes,
                      slab_bytes);
        }
      });
  return {};
}

Result<void> index_select(KernelContext& context, const KernelArguments& arguments,
                          std::span<Tensor> outputs) {
  const Tensor& self = arguments.tensor(0);
  const AlongDim slabs(self.shape(), dim_of(arguments.integer(1), self.rank()));
  return pick(context, self, slabs.outer, slabs.size,
              static_cast<std::size_t>(slabs.inner) * size_of(self.dtype()), arguments.tensor(2),
              outputs[0]);
}

Result<void> embedding(KernelContext& context, const KernelArguments& arguments,
                       std::span<Tensor> outputs) {
  const Tensor& weight = arguments.tensor(0);
  return pick(context, weight, 1, weight.size(0),
              static_cast<std::size_t>(weight.size(1)) * size_of(weight.dtype()),
              arguments.tensor(1), outputs[0]);
}

// ---- shape -------------------------------------------------------------------------------------

Types infer_index_select(const TypeArguments& arguments) {
  TensorType type = arguments.tensor(0);
  const TensorType& index = arguments.tensor(2);
  TRY(expect_index(index, "index"));
  TRY(expect_rank(index, "index", 0, 1));
  const std::size_t dim = TRY(dim_argument(arguments, 1, type.rank(), "dim"));
  const Dim count = num_elements(index.dims);
  if (type.rank() > 0) {
    type.dims[dim] = count;
  } else {
    TRY(expect_equal(count, "the number of indices", Dim(1), "that of a scalar"));
  }
  return std::vector{std::move(type)};
}

Types infer_embedding(const TypeArguments& arguments) {
  const TensorType &weight = arguments.tensor(0), &indices = arguments.tensor(1);
  TRY(expect_rank(weight, "weight", 2, 2));
  TRY(expect_index(indices, "indices"));
  TRY(expect_room(indices, "indices"));
  TensorType result{weight.dtype, indices.dims};
  result.dims.push_back(weight.dims[1]);
  return std::vector{std::move(result)};
}

// ---- region ------------------------------------------------------------------------------------

Region index_select_region(const ir::RegionQuery& query) {
  const Region& wanted = query.output_region;
  const std::size_t dim = dim_of(query.arguments.integer(1), wanted.rank());
  Region region = Region::whole(shape_at(query.arguments, query.argument));
  if (query.argument != 0) return region;
  for (std::size_t i = 0; i < wanted.rank(); ++i) {
    if (i != dim) region[i] = wanted[i];
  }
  return region;
}

// ---- samples, declaration ----------------------------------------------------------------------

constexpr ir::Sample kIndexSelectSamples[] = {{"(f32[3,4,5], 1, i64[6])", 4},
                                              {"(f32[4,7], 0, i32[2])", 4},
                                              {"(i8[6], -1, i64[])", 6},
                                              {"(bool[2,3], 1, i64[0])", 3},
                                              {"(f16[], 0, i64[1])", 1}};
constexpr ir::Sample kEmbeddingSamples[] = {{"(f32[10,6], i64[2,3], -1, false, false)", 10},
                                            {"(f16[5,3], i32[7], 0, false, false)", 5},
                                            {"(f64[4,2], i64[], 1, true, false)", 4},
                                            {"(bf16[4,2], i64[0], -1, false, false)", 4}};

constexpr ir::Operator kOperators[] = {
    {.schema = "aten::index_select(Tensor self, int dim, Tensor index) -> Tensor",
     .out_name = "aten::index_select.out",
     .infer = infer_index_select,
     .kernel = index_select,
     .input_region = index_select_region,
     .samples = kIndexSelectSamples},
    {.schema = "aten::embedding(Tensor weight, Tensor indices, SymInt padding_idx=-1, bool "
               "scale_grad_by_freq=False, bool sparse=False) -> Tensor",
     .out_name = "aten::embedding.out",
     .infer = infer_embedding,
     .kernel = embedding,
     .samples = kEmbeddingSamples},
};

}  // namespace

std::span<const ir::Operator> index_select_operators() { return kOperators; }

}  // namespace tessera::ops
