// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstring>

#include "base/try.h"
#include "ops/element_sum.h"
#include "ops/families.h"
#include "ops/index_plan.h"
#include "ops/move_dispatch.h"
#include "ops/move_rules.h"
#include "ops/shape_rules.h"
#include "ops/strided_copy.h"

namespace tessera::ops {

namespace {

using ir::Dim;
using ir::KernelArguments;
using ir::KernelContext;
using ir::TensorType;
using ir::TypeArguments;

// ---- index -------------------------------------------------------------------------------------

Types infer_index(const TypeArguments& arguments) {
  const TensorType& self = arguments.tensor(0);
  return std::vector{TensorType{self.dtype, TRY(indexed_sizes(self, arguments.tensors(1)))}};
}

Result<void> index(KernelContext& context, const KernelArguments& arguments,
                   std::span<Tensor> outputs) {
  const Tensor& self = arguments.tensor(0);
  const IndexPlan plan = TRY(plan_indexing(self, arguments.tensors(1)));
  Tensor& output = outputs[0];
  if (plan.result.num_elements() > output.num_elements()) {
    return fail(ErrorCode::kInvalidArgument, "its result has sizes {}, the program has room for {}",
                plan.result.to_string(), output.shape().to_string());
  }
  output.set_shape(plan.result);
  if (output.num_elements() == 0) return {};
  const auto per_outer = static_cast<std::size_t>(plan.result.num_elements() / plan.num_outer);
  dispatch_size(size_of(self.dtype()), [&]<class Word>() {
    const auto* in = reinterpret_cast<const Word*>(self.bytes());
    auto* out = reinterpret_cast<Word*>(output.bytes());
    context.parallel_for(static_cast<std::size_t>(plan.num_outer),
                         kElementsPerThread / per_outer + 1,
                         [&](std::size_t begin, std::size_t end) {
                           for (std::size_t outer = begin; outer < end; ++outer) {
                             plan.for_each_run(static_cast<std::int64_t>(outer),
                                               [&](std::int64_t to, std::int64_t from) {
                                                 std::copy_n(in + from, plan.run, out + to);
                                               });
                           }
                         });
  });
  return {};
}

// ---- index_put ---------------------------------------------------------------------------------

bool has_mask(std::span<const TensorType* const> indices) {
  return std::ranges::any_of(indices, [](const TensorType* index) {
    return index != nullptr && index->dtype == DType::kBool;
  });
}

Types infer_index_put(const TypeArguments& arguments) {
  const TensorType &self = arguments.tensor(0), &values = arguments.tensor(2);
  TRY(expect_types<AllTypes>(self, "self"));
  TRY(expect_same_dtype(self, "self", values, "values"));
  const ir::Dims sizes = TRY(indexed_sizes(self, arguments.tensors(1)));
  TRY(expect_rank(values, "values", 0, sizes.size()));
  if (has_mask(arguments.tensors(1))) return std::vector{self};
  const std::size_t added = sizes.size() - values.rank();
  for (std::size_t dim = 0; dim < values.rank(); ++dim) {
    if (values.dims[dim] == Dim(1)) continue;
    TRY(expect_equal(values.dims[dim], std::format("size {} of argument 'values'", dim),
                     sizes[added + dim], std::format("size {} of what is indexed", added + dim)));
  }
  return std::vector{self};
}

/// The values in the sizes of what is indexed, which only a run knows where tensors of bool choose.
Result<Tensor> expanded(KernelContext& context, const Tensor& values, const Shape& sizes) {
  if (values.shape() == sizes) return values;
  const Shape own = contiguous_strides(values.shape());
  const std::size_t added = sizes.rank() - values.rank();
  Shape strides = sizes;
  for (std::size_t dim = 0; dim < sizes.rank(); ++dim) {
    const std::int64_t size = dim < added ? 1 : values.size(dim - added);
    if (size != 1 && size != sizes[dim]) {
      return fail(ErrorCode::kInvalidArgument,
                  "argument 'values' has sizes {}, what is indexed has {}",
                  values.shape().to_string(), sizes.to_string());
    }
    strides[dim] = size == 1 ? 0 : own[dim - added];
  }
  Tensor result = TRY(Tensor::empty(values.dtype(), sizes));
  strided_copy(context, values, strides, result);
  return result;
}

Result<void> index_put(KernelContext& context, const KernelArguments& arguments,
                       std::span<Tensor> outputs) {
  const Tensor& self = arguments.tensor(0);
  const IndexPlan plan = TRY(plan_indexing(self, arguments.tensors(1)));
  const Tensor values = TRY(expanded(context, arguments.tensor(2), plan.result));
  if (outputs[0].bytes() != self.bytes()) copy_elements(context, self, outputs[0]);
  if (values.num_elements() == 0) return {};
  const bool accumulates = arguments.boolean(3);
  const auto per_outer = static_cast<std::size_t>(plan.result.num_elements() / plan.num_outer);
  // Elements that are named twice are of one outer index: one thread writes them in order.
  dispatch<AllTypes>(self.dtype(), [&]<class T>() {
    const T* in = values.data<T>();
    T* out = outputs[0].data<T>();
    const auto put = [&](std::int64_t from, std::int64_t to) {
      for (std::int64_t i = 0; i < plan.run; ++i) {
        out[to + i] = accumulates ? plus(out[to + i], in[from + i]) : in[from + i];
      }
    };
    context.parallel_for(static_cast<std::size_t>(plan.num_outer),
                         kElementsPerThread / per_outer + 1,
                         [&](std::size_t begin, std::size_t end) {
                           for (std::size_t outer = begin; outer < end; ++outer) {
                             plan.for_each_run(static_cast<std::int64_t>(outer), put);
                           }
                         });
  });
  return {};
}

// ---- samples, declaration ----------------------------------------------------------------------

constexpr ir::Sample kIndexSamples[] = {{"(f32[4,5,3], [i64[6]])", 4},
                                        {"(f32[4,5,3], [none, i64[2,3]])", 5},
                                        {"(f32[4,5,3], [i64[2,1], i64[3]])", 4},
                                        {"(f16[4,5,6], [i64[3], none, i32[1]])", 4},
                                        {"(i8[2,4,5,6], [none, i64[2], i64[2]])", 4},
                                        {"(i32[4,5], [bool[4,5]])"},
                                        {"(f64[3,4,2], [none, bool[4]])"},
                                        {"(bool[3], [i64[]])", 3}};
constexpr ir::Sample kIndexPutSamples[] = {
    {"(f32[4,5,3], [i64[6]], f32[5,3], true)", 4},
    {"(f32[4,5,3], [none, i64[1]], f32[4,1,3], false)", 5},
    {"(f32[4,5], [i64[2,1], i64[3]], f32[], true)", 4},
    {"(i8[4,5,6], [i64[3], none, i64[1]], i8[3,5], true)", 4},
    {"(f16[4,5], [bool[4,5]], f16[], false)"},
    {"(bf16[3,4], [none, bool[4]], bf16[3,1], true)"},
    {"(bool[5], [i64[3]], bool[3], true)", 5}};

constexpr ir::Operator kOperators[] = {
    {.schema = "aten::index.Tensor(Tensor self, Tensor?[] indices) -> Tensor",
     .out_name = "aten::index.Tensor_out",
     .infer = infer_index,
     .kernel = index,
     .samples = kIndexSamples,
     .sizes_from_elements = true},
    {.schema = "aten::index_put(Tensor self, Tensor?[] indices, Tensor values, bool "
               "accumulate=False) -> Tensor",
     .out_name = "aten::index_put.out",
     .in_place_name = "aten::index_put_",
     .infer = infer_index_put,
     .kernel = index_put,
     .samples = kIndexPutSamples},
};

}  // namespace

std::span<const ir::Operator> index_operators() { return kOperators; }

}  // namespace tessera::ops
