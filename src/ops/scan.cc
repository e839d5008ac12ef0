// SPDX-License-Identifier: MIT
#include <algorithm>
#include <numeric>
#include <vector>

#include "base/try.h"
#include "ops/along_dim.h"
#include "ops/dispatch.h"
#include "ops/promotion.h"
#include "ops/reduction.h"
#include "ops/shape_rules.h"

/// Cumulative sums and the largest elements along a dimension.
namespace tessera::ops {

namespace {

using ir::KernelArguments;
using ir::KernelContext;
using ir::TensorType;
using ir::TypeArguments;
using Types = Result<std::vector<TensorType>>;

namespace cumsum {
enum : std::size_t { kSelf, kDim, kDtype };
}
namespace topk {
enum : std::size_t { kSelf, kCount, kDim, kLargest };
}

// ---- kernel ------------------------------------------------------------------------------------

template <class State>
void accumulate(KernelContext& context, const Tensor& self, const AlongDim& along, Tensor& out) {
  dispatch<AllTypes>(self.dtype(), [&]<class T>() {
    const T* in = std::as_const(self).data<T>();
    for_each_column_block(
        context, along, [&](std::int64_t outer, std::int64_t column, std::int64_t count) {
          State sums[kColumnBlock] = {};
          for (std::int64_t i = 0; i < along.size; ++i) {
            const std::int64_t offset = along.offset(outer, column) + i * along.inner;
            for (std::int64_t k = 0; k < count; ++k) sums[k] += to_state<State>(in[offset + k]);
            store_states(out, offset, sums, count);
          }
        });
  });
}

Result<void> cumsum_kernel(KernelContext& context, const KernelArguments& arguments,
                           std::span<Tensor> outputs) {
  using namespace cumsum;
  const Tensor& self = arguments.tensor(kSelf);
  const AlongDim along(self.shape(), dim_of(arguments.integer(kDim), self.rank()));
  if (is_float(outputs[0].dtype())) {
    accumulate<double>(context, self, along, outputs[0]);
  } else {
    accumulate<std::uint64_t>(context, self, along, outputs[0]);
  }
  return {};
}

/// Whether a comes before b; NaN is larger than any number, and of equal elements the first wins.
template <class C>
bool is_before(C a, C b, bool largest) {
  if (a != a || b != b) return largest ? a != a && b == b : a == a && b != b;
  return largest ? a > b : a < b;
}

template <class T>
void choose(const T* in, const AlongDim& along, std::int64_t count, bool largest,
            std::vector<std::int64_t>& order, T* values, std::int64_t* indices) {
  std::iota(order.begin(), order.end(), std::int64_t{0});
  const auto element = [&](std::int64_t i) { return static_cast<Compute<T>>(in[i * along.inner]); };
  std::partial_sort(order.begin(), order.begin() + count, order.end(),
                    [&](std::int64_t a, std::int64_t b) {
                      if (is_before(element(a), element(b), largest)) return true;
                      return a < b && !is_before(element(b), element(a), largest);
                    });
  for (std::int64_t i = 0; i < count; ++i) {
    values[i * along.inner] = in[order[static_cast<std::size_t>(i)] * along.inner];
    indices[i * along.inner] = order[static_cast<std::size_t>(i)];
  }
}

Result<void> topk_kernel(KernelContext& context, const KernelArguments& arguments,
                         std::span<Tensor> outputs) {
  using namespace topk;
  const Tensor& self = arguments.tensor(kSelf);
  if (outputs[0].num_elements() == 0) return {};
  const AlongDim along(self.shape(), dim_of(arguments.integer(kDim), self.rank()));
  const std::int64_t count = arguments.integer(kCount);
  const std::size_t grain = kElementsPerThread / 8 / static_cast<std::size_t>(along.size) + 1;
  dispatch<RealTypes>(self.dtype(), [&]<class T>() {
    const auto num_columns = static_cast<std::size_t>(along.outer * along.inner);
    context.parallel_for(num_columns, grain, [&](std::size_t begin, std::size_t end) {
      std::vector<std::int64_t> order(static_cast<std::size_t>(along.size));
      for (auto i = static_cast<std::int64_t>(begin); i < static_cast<std::int64_t>(end); ++i) {
        const std::int64_t outer = i / along.inner, column = i % along.inner;
        const std::int64_t to = outer * count * along.inner + column;
        choose(self.data<T>() + along.offset(outer, column), along, count,
               arguments.boolean(kLargest), order, outputs[0].data<T>() + to,
               outputs[1].data<std::int64_t>() + to);
      }
    });
  });
  return {};
}

// ---- shape -------------------------------------------------------------------------------------

Types infer_cumsum(const TypeArguments& arguments) {
  using namespace cumsum;
  const TensorType& self = arguments.tensor(kSelf);
  TRY(expect_types<AllTypes>(self, "self"));
  const std::int64_t dim = TRY(integer_argument(arguments, kDim, "dim"));
  static_cast<void>(TRY(normalize_dim(dim, std::max<std::size_t>(self.rank(), 1), "dim")));
  const DType otherwise = is_float(self.dtype) ? self.dtype : DType::kI64;
  const DType dtype = TRY(dtype_argument(arguments, kDtype, otherwise));
  if (dtype == DType::kBool) {
    return fail(ErrorCode::kInvalidType, "argument 'dtype' is bool, expected a number's");
  }
  return std::vector{TensorType{dtype, self.dims}};
}

Types infer_topk(const TypeArguments& arguments) {
  using namespace topk;
  const TensorType& self = arguments.tensor(kSelf);
  TRY(expect_types<RealTypes>(self, "self"));
  const std::int64_t dim = TRY(integer_argument(arguments, kDim, "dim"));
  const std::size_t position =
      TRY(normalize_dim(dim, std::max<std::size_t>(self.rank(), 1), "dim"));
  const ir::Dim size = self.rank() == 0 ? ir::Dim(1) : self.dims[position];
  const ir::Dim& count = arguments.dim(kCount);
  if (count.is_constant() &&
      (count.constant() < 0 || (size.is_constant() && count.constant() > size.constant()))) {
    return fail(ErrorCode::kInvalidArgument, "argument 'k' is {}, expected 0 to {}",
                count.to_string(), size.to_string());
  }
  TensorType values = self;
  if (self.rank() > 0) values.dims[position] = count;
  return std::vector{values, TensorType{DType::kI64, values.dims}};
}

// ---- samples, declaration ----------------------------------------------------------------------

constexpr ir::Sample kCumsumSamples[] = {
    {"(f32[3,20], 1, none)"}, {"(f32[4,40], 0, none)"}, {"(f64[2,3,4], -2, none)"},
    {"(f16[3,9], 1, none)"},  {"(bf16[3,9], 1, 6)"},    {"(u8[3,9], 1, none)"},
    {"(i8[3,9], 0, 1)"},      {"(i16[3,9], 1, 3)"},     {"(i64[9], 0, 6)"},
    {"(bool[3,9], 1, none)"}, {"(f32[], 0, none)"},     {"(f32[2,0], 1, none)"}};
constexpr ir::Sample kTopkSamples[] = {
    {"(f32[3,20], 5, -1, true, true)"}, {"(f32[6,7], 2, 0, false, true)"},
    {"(f64[2,9,3], 9, 1, true, true)"}, {"(f16[9], 3, 0, true, true)"},
    {"(bf16[7], 1, 0, true, true)"},    {"(i64[2,9], 3, -1, true, true)", 99999},
    {"(u8[5], 1, 0, true, true)", 250}, {"(i32[9], 4, 0, false, true)", 99999},
    {"(f32[3,4], 0, 1, true, true)"}};

constexpr ir::Operator kOperators[] = {
    {.schema = "aten::cumsum(Tensor self, int dim, *, ScalarType? dtype=None) -> Tensor",
     .out_name = "aten::cumsum.out",
     .infer = infer_cumsum,
     .kernel = cumsum_kernel,
     .samples = kCumsumSamples},
    {.schema = "aten::topk(Tensor self, SymInt k, int dim=-1, bool largest=True, bool sorted=True) "
               "-> (Tensor values, Tensor indices)",
     .out_name = "aten::topk.values",
     .infer = infer_topk,
     .kernel = topk_kernel,
     .samples = kTopkSamples},
};

}  // namespace

std::span<const ir::Operator> scan_operators() { return kOperators; }

}  // namespace tessera::ops
