// SPDX-License-Identifier: MIT
#include <utility>
#include <vector>

#include "base/try.h"
#include "ops/along_dim.h"
#include "ops/dispatch.h"
#include "ops/reduction.h"
#include "ops/shape_rules.h"

/// Extrema with their positions.
namespace tessera::ops {

namespace {

using ir::KernelArguments;
using ir::KernelContext;
using ir::TensorType;
using ir::TypeArguments;
using Types = Result<std::vector<TensorType>>;

enum : std::size_t { kSelf, kDim, kKeepdim };

// ---- kernel ------------------------------------------------------------------------------------

/// The first of the best elements along the dimension, NaN being better than any number. `values`
/// may be null.
template <bool kIsMax, class T>
void find(KernelContext& context, const T* in, const AlongDim& along, T* values,
          std::int64_t* indices) {
  using C = Compute<T>;
  for_each_column_block(
      context, along, [&](std::int64_t outer, std::int64_t column, std::int64_t count) {
        C best[kColumnBlock];
        std::int64_t index[kColumnBlock] = {};
        const T* from = in + along.offset(outer, column);
        std::copy_n(from, count, best);
        for (std::int64_t i = 1; i < along.size; ++i) {
          from += along.inner;
          for (std::int64_t k = 0; k < count; ++k) {
            const C x = static_cast<C>(from[k]);
            const bool is_better =
                best[k] == best[k] && ((kIsMax ? x > best[k] : x < best[k]) || x != x);
            best[k] = is_better ? x : best[k];
            index[k] = is_better ? i : index[k];
          }
        }
        const std::int64_t to = outer * along.inner + column;
        for (std::int64_t k = 0; k < count; ++k) {
          if (values != nullptr) values[to + k] = static_cast<T>(best[k]);
          indices[to + k] = index[k];
        }
      });
}

template <bool kIsMax>
Result<void> index_kernel(KernelContext& context, const KernelArguments& arguments,
                          std::span<Tensor> outputs) {
  const Tensor& self = arguments.tensor(kSelf);
  if (outputs[0].num_elements() == 0) return {};
  AlongDim along(Shape{self.num_elements()}, 0);
  if (!arguments.is_none(kDim)) {
    along = AlongDim(self.shape(), dim_of(arguments.integer(kDim), self.rank()));
  }
  dispatch<RealTypes>(self.dtype(), [&]<class T>() {
    find<kIsMax, T>(context, self.data<T>(), along, nullptr, outputs[0].data<std::int64_t>());
  });
  return {};
}

template <bool kIsMax>
Result<void> kernel(KernelContext& context, const KernelArguments& arguments,
                    std::span<Tensor> outputs) {
  const Tensor& self = arguments.tensor(kSelf);
  if (outputs[0].num_elements() == 0) return {};
  const AlongDim along(self.shape(), dim_of(arguments.integer(kDim), self.rank()));
  dispatch<AllTypes>(self.dtype(), [&]<class T>() {
    find<kIsMax, T>(context, std::as_const(self).data<T>(), along, outputs[0].data<T>(),
                    outputs[1].data<std::int64_t>());
  });
  return {};
}

// ---- shape -------------------------------------------------------------------------------------

/// Sizes of the result.
template <class List>
Result<ir::Dims> result_sizes(const TypeArguments& arguments) {
  const TensorType& self = arguments.tensor(kSelf);
  TRY(expect_types<List>(self, "self"));
  const auto is_reduced = TRY(reduced_dims(arguments, kDim, self.rank()));
  TRY(expect_elements(self.dims, is_reduced));
  return reduced_sizes(self.dims, is_reduced, arguments.boolean(kKeepdim));
}

Types infer_index(const TypeArguments& arguments) {
  return std::vector{TensorType{DType::kI64, TRY(result_sizes<RealTypes>(arguments))}};
}

Types infer(const TypeArguments& arguments) {
  const ir::Dims sizes = TRY(result_sizes<AllTypes>(arguments));
  return std::vector{TensorType{arguments.tensor(kSelf).dtype, sizes},
                     TensorType{DType::kI64, sizes}};
}

// ---- samples, declaration ----------------------------------------------------------------------

constexpr ir::Sample kIndexSamples[] = {
    {"(f32[3,50], 1, false)"},      {"(f32[3,4,5], 1, true)"},      {"(f64[3,4], none, false)"},
    {"(f16[3,9], -1, false)"},      {"(bf16[3,9], 0, false)"},      {"(u8[3,4], 1, false)", 200},
    {"(i8[3,4], 1, false)", 100},   {"(i16[3,4], 1, false)", 9999}, {"(i32[5], 0, true)", 9999},
    {"(i64[5,2], 0, false)", 9999}, {"(f32[], 0, false)"},          {"(f32[0,3], 1, false)"}};
constexpr ir::Sample kSamples[] = {
    {"(f32[3,50], 1, false)"},    {"(f32[3,4,5], 1, true)"},      {"(f32[2,5,40], 1, false)"},
    {"(f64[3,4], 0, false)"},     {"(f16[3,9], -1, false)"},      {"(bf16[3,9], 0, false)"},
    {"(u8[3,4], 1, false)", 200}, {"(i8[3,4], 1, false)", 100},   {"(i16[3,4], 1, false)", 9999},
    {"(i32[5], 0, true)", 9999},  {"(i64[5,2], 0, false)", 9999}, {"(bool[3,1], 1, false)"},
    {"(f32[], 0, false)"},        {"(f32[0,3], 1, false)"}};

constexpr ir::Operator kOperators[] = {
    {.schema = "aten::argmax(Tensor self, int? dim=None, bool keepdim=False) -> Tensor",
     .out_name = "aten::argmax.out",
     .infer = infer_index,
     .kernel = index_kernel<true>,
     .samples = kIndexSamples},
    {.schema = "aten::argmin(Tensor self, int? dim=None, bool keepdim=False) -> Tensor",
     .out_name = "aten::argmin.out",
     .infer = infer_index,
     .kernel = index_kernel<false>,
     .samples = kIndexSamples},
    {.schema = "aten::max.dim(Tensor self, int dim, bool keepdim=False) -> (Tensor values, Tensor "
               "indices)",
     .out_name = "aten::max.dim_max",
     .infer = infer,
     .kernel = kernel<true>,
     .samples = kSamples},
    {.schema = "aten::min.dim(Tensor self, int dim, bool keepdim=False) -> (Tensor values, Tensor "
               "indices)",
     .out_name = "aten::min.dim_min",
     .infer = infer,
     .kernel = kernel<false>,
     .samples = kSamples},
};

}  // namespace

std::span<const ir::Operator> arg_extrema_operators() { return kOperators; }

}  // namespace tessera::ops
