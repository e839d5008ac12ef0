// SPDX-License-Identifier: MIT
#include <cmath>
#include <limits>

#include "base/try.h"
#include "ops/along_dim.h"
#include "ops/dispatch.h"
#include "ops/shape_rules.h"
#include "ops/xnnpack_rules.h"

namespace tessera::ops {

namespace {

using ir::KernelArguments;
using ir::KernelContext;
using ir::NodeView;
using ir::TensorType;
using ir::TypeArguments;
using Types = Result<std::vector<TensorType>>;

enum : std::size_t { kSelf, kDim, kHalfToFloat };

// ---- kernel ------------------------------------------------------------------------------------

/// A block of columns: exponentials of the differences to the maximum, which cannot overflow.
template <bool kIsLog, class T>
void normalize(const T* in, T* out, const AlongDim& along, std::int64_t count) {
  using C = Compute<T>;
  C maximum[kColumnBlock];
  double sums[kColumnBlock] = {};
  std::fill_n(maximum, kColumnBlock, -std::numeric_limits<C>::infinity());
  for (std::int64_t i = 0; i < along.size; ++i) {
    for (std::int64_t k = 0; k < count; ++k) {
      const C x = static_cast<C>(in[i * along.inner + k]);
      maximum[k] = x > maximum[k] || x != x ? x : maximum[k];
    }
  }
  for (std::int64_t i = 0; i < along.size; ++i) {
    for (std::int64_t k = 0; k < count; ++k) {
      const C x = static_cast<C>(in[i * along.inner + k]) - maximum[k];
      const C power = std::exp(x);
      sums[k] += static_cast<double>(power);
      // 16-bit results are computed from the exact powers below.
      if constexpr (!kIsLog && std::is_same_v<T, C>) out[i * along.inner + k] = power;
    }
  }
  for (std::int64_t i = 0; i < along.size; ++i) {
    for (std::int64_t k = 0; k < count; ++k) {
      const std::int64_t at = i * along.inner + k;
      if constexpr (kIsLog) {
        out[at] =
            static_cast<T>(static_cast<C>(in[at]) - maximum[k] - static_cast<C>(std::log(sums[k])));
      } else if constexpr (std::is_same_v<T, C>) {
        out[at] /= static_cast<C>(sums[k]);
      } else {
        out[at] =
            static_cast<T>(std::exp(static_cast<C>(in[at]) - maximum[k]) / static_cast<C>(sums[k]));
      }
    }
  }
}

template <bool kIsLog>
Result<void> kernel(KernelContext& context, const KernelArguments& arguments,
                    std::span<Tensor> outputs) {
  const Tensor& self = arguments.tensor(kSelf);
  if (self.num_elements() == 0) return {};
  const AlongDim along(self.shape(), dim_of(arguments.integer(kDim), self.rank()));
  dispatch<FloatTypes>(self.dtype(), [&]<class T>() {
    for_each_column_block(
        context, along, [&](std::int64_t outer, std::int64_t column, std::int64_t count) {
          const std::int64_t offset = along.offset(outer, column);
          normalize<kIsLog>(self.data<T>() + offset, outputs[0].data<T>() + offset, along, count);
        });
  });
  return {};
}

// ---- shape -------------------------------------------------------------------------------------

Types infer(const TypeArguments& arguments) {
  const TensorType& self = arguments.tensor(kSelf);
  TRY(expect_types<FloatTypes>(self, "self"));
  const std::int64_t dim = TRY(integer_argument(arguments, kDim, "dim"));
  static_cast<void>(TRY(normalize_dim(dim, std::max<std::size_t>(self.rank(), 1), "dim")));
  if (arguments.boolean(kHalfToFloat)) {
    return fail(ErrorCode::kNotSupported, "argument 'half_to_float' is true, expected false");
  }
  return std::vector{self};
}

// ---- region ------------------------------------------------------------------------------------

Region input_region(const ir::RegionQuery& query) {
  const TensorType& self = query.arguments.tensor(kSelf);
  if (self.rank() == 0) return query.output_region;
  const std::int64_t dim = query.arguments.integer(kDim);
  return whole_along(query.output_region, dim, self.dims[dim_of(dim, self.rank())].constant());
}

// ---- XNNPACK -----------------------------------------------------------------------------------

/// XNNPACK's softmax is along the last dimension, which in NHWC are the channels.
Reason check(const NodeView& view) {
  const TensorType& self = view.arguments.tensor(kSelf);
  const std::size_t dim = dim_of(view.arguments.integer(kDim), self.rank());
  const bool is_channel = self.rank() == 4 && dim == 1;
  if (self.rank() > 0 && dim + 1 != self.rank() && !is_channel) {
    return "it is neither along the last dimension nor over the channels of an image";
  }
  return check_float_tensors(view);
}

Result<void> lower(const NodeView& view, xnnpack::Builder& builder) {
  const std::size_t rank = view.results[0].rank();
  const bool is_last = dim_of(view.arguments.integer(kDim), rank) + 1 == rank;
  lower_node(view, builder, xnnpack::NodeKind::kSoftmax,
             is_last ? xnnpack::Layout::kNchw : xnnpack::Layout::kNhwc, {});
  return {};
}

// ---- samples, declaration ----------------------------------------------------------------------

constexpr ir::Sample kSamples[] = {{"(f32[3,50], 1, false)"},  {"(f32[2,5,40], 1, false)"},
                                   {"(f64[3,4], -2, false)"},  {"(f16[3,9], -1, false)"},
                                   {"(bf16[3,9], 0, false)"},  {"(f32[], 0, false)"},
                                   {"(f32[2,0,3], 1, false)"}, {"(f32[1,5,3,4], 1, false)"}};

constexpr ir::Operator kOperators[] = {
    {.schema = "aten::_softmax(Tensor self, int dim, bool half_to_float) -> Tensor",
     .out_name = "aten::_softmax.out",
     .infer = infer,
     .kernel = kernel<false>,
     .input_region = input_region,
     .xnnpack = {check, lower},
     .samples = kSamples},
    {.schema = "aten::_log_softmax(Tensor self, int dim, bool half_to_float) -> Tensor",
     .out_name = "aten::_log_softmax.out",
     .infer = infer,
     .kernel = kernel<true>,
     .input_region = input_region,
     .samples = kSamples},
};

}  // namespace

std::span<const ir::Operator> softmax_operators() { return kOperators; }

}  // namespace tessera::ops
