// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <vector>

#include "base/try.h"
#include "ops/dispatch.h"
#include "ops/families.h"
#include "ops/move_rules.h"
#include "ops/shape_rules.h"
#include "ops/upsample_rules.h"

/// Bilinear interpolation whose triangle is as wide as an output pixel, so that no input is left
/// out where an image shrinks.
namespace tessera::ops {

namespace {

using ir::Dim;
using ir::KernelArguments;
using ir::KernelContext;
using ir::TensorType;
using ir::TypeArguments;

enum : std::size_t { kSelf, kOutputSize, kAlignCorners, kScaleHeight, kScaleWidth };

// ---- kernel ------------------------------------------------------------------------------------

/// The inputs of one output along one dimension; their weights have the sum 1.
template <class C>
struct Span {
  std::int64_t begin = 0;
  std::vector<C> weights;
};

template <class C>
std::vector<Span<C>> spans_of(const KernelArguments& arguments, std::size_t dim, std::int64_t input,
                              std::int64_t output) {
  const double scale =
      upsample_scale(input, output, arguments.boolean(kAlignCorners),
                     arguments.optional_real(dim == 0 ? kScaleHeight : kScaleWidth));
  const double support = std::max(scale, 1.0);  // half the triangle's width
  std::vector<Span<C>> spans;
  for (std::int64_t i = 0; i < output; ++i) {
    const double center = scale * (static_cast<double>(i) + 0.5);
    const auto limit = static_cast<double>(input);
    const auto begin =
        static_cast<std::int64_t>(std::clamp(center - support + 0.5, 0.0, limit - 1));
    const auto end = static_cast<std::int64_t>(std::clamp(center + support + 0.5, 0.0, limit));
    Span<C> span{begin, {}};
    double sum = 0;
    std::vector<double> weights;
    for (std::int64_t k = begin; k < std::max(end, begin + 1); ++k) {
      const double distance = std::abs((static_cast<double>(k) - center + 0.5) / support);
      weights.push_back(std::max(1 - distance, 0.0));
      sum += weights.back();
    }
    for (const double weight : weights) {
      span.weights.push_back(static_cast<C>(sum > 0 ? weight / sum : 0));
    }
    spans.push_back(std::move(span));
  }
  return spans;
}

/// sums = weighted rows of the image, which lie behind each other.
template <class T, class C>
void combine_rows(const T* rows, const std::vector<C>& weights, std::vector<C>& sums) {
  std::ranges::fill(sums, C(0));
  for (const C weight : weights) {
    for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += weight * static_cast<C>(rows[i]);
    rows += sums.size();
  }
}

template <class T, class C>
void combine_columns(const std::vector<C>& row, const std::vector<Span<C>>& columns, T* out) {
  for (const Span<C>& column : columns) {
    const C* in = row.data() + column.begin;
    C sum = 0;
    for (std::size_t k = 0; k < column.weights.size(); ++k) sum += column.weights[k] * in[k];
    *out++ = static_cast<T>(sum);
  }
}

Result<void> kernel(KernelContext& context, const KernelArguments& arguments,
                    std::span<Tensor> outputs) {
  const Tensor& self = arguments.tensor(kSelf);
  Tensor& output = outputs[0];
  if (output.num_elements() == 0) return {};
  const std::int64_t height = self.size(2), width = self.size(3);
  const auto num_rows = static_cast<std::size_t>(self.size(0) * self.size(1) * output.size(2));
  const auto output_width = static_cast<std::size_t>(output.size(3));
  const std::size_t grain = kElementsPerThread / static_cast<std::size_t>(width) / 4 + 1;
  dispatch<FloatTypes>(self.dtype(), [&]<class T>() {
    using C = Compute<T>;
    const auto rows = spans_of<C>(arguments, 0, height, output.size(2));
    const auto columns = spans_of<C>(arguments, 1, width, output.size(3));
    context.parallel_for(num_rows, grain, [&](std::size_t begin, std::size_t end) {
      std::vector<C> sums(static_cast<std::size_t>(width));
      for (std::size_t row = begin; row < end; ++row) {
        const Span<C>& span = rows[row % rows.size()];
        const auto plane = static_cast<std::int64_t>(row / rows.size()) * height;
        combine_rows(self.data<T>() + (plane + span.begin) * width, span.weights, sums);
        combine_columns(sums, columns, output.data<T>() + row * output_width);
      }
    });
  });
  return {};
}

// ---- shape -------------------------------------------------------------------------------------

Types infer(const TypeArguments& arguments) {
  const TensorType& self = arguments.tensor(kSelf);
  TRY(expect_types<FloatTypes>(self, "self"));
  TRY(expect_rank(self, "self", 4, 4));
  const ir::Dims& size = arguments.dims(kOutputSize);
  if (size.size() != 2) {
    return fail(ErrorCode::kInvalidArgument, "argument 'output_size' has {} elements, expected 2",
                size.size());
  }
  for (const std::size_t scale : {kScaleHeight, kScaleWidth}) {
    const auto factor = arguments.optional_real(scale);
    if (!factor || (*factor > 0x1p-20 && *factor <= 0x1p20)) continue;
    return fail(ErrorCode::kInvalidArgument, "argument 'scales_{}' is {}, expected 2^-20 to 2^20",
                scale == kScaleHeight ? "h" : "w", *factor);
  }
  TensorType result{self.dtype, {self.dims[0], self.dims[1], size[0], size[1]}};
  TRY(expect_image_sizes(self, result));
  return std::vector{std::move(result)};
}

// ---- samples, declaration ----------------------------------------------------------------------

constexpr ir::Sample kSamples[] = {{"(f32[1,2,12,17], [5,6], false, none, none)"},
                                   {"(f32[2,1,6,5], [9,13], false, none, none)"},
                                   {"(f32[1,2,9,10], [4,20], true, none, none)"},
                                   {"(f64[1,1,8,8], [4,3], false, 0.5, 0.4)"}};

constexpr ir::Operator kOperators[] = {
    {.schema = "aten::_upsample_bilinear2d_aa(Tensor self, SymInt[2] output_size, bool "
               "align_corners, float? scales_h=None, float? scales_w=None) -> Tensor",
     .out_name = "aten::_upsample_bilinear2d_aa.out",
     .infer = infer,
     .kernel = kernel,
     .samples = kSamples},
};

}  // namespace

std::span<const ir::Operator> upsample_antialias_operators() { return kOperators; }

}  // namespace tessera::ops
