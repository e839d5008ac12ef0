// SPDX-License-Identifier: MIT
#include <algorithm>
#include <vector>

#include "base/try.h"
#include "ops/dispatch.h"
#include "ops/exact_scale.h"
#include "ops/families.h"
#include "ops/move_rules.h"
#include "ops/region_rules.h"
#include "ops/upsample_rules.h"
#include "ops/xnnpack_rules.h"

namespace tessera::ops {

namespace {

using ir::Dim;
using ir::KernelArguments;
using ir::KernelContext;
using ir::NodeView;
using ir::TypeArguments;

enum : std::size_t { kInput, kOutputSize, kAlignCorners, kScaleFactors };

/// Distance in the input between neighbours of the output; dim 0 is the height.
template <class A>
double scale_of(const A& arguments, std::size_t dim, std::int64_t input, std::int64_t output) {
  return upsample_scale(input, output, arguments.boolean(kAlignCorners),
                        scale_factor(arguments, kScaleFactors, dim));
}

// ---- kernel ------------------------------------------------------------------------------------

/// For every output along one dimension its two inputs and their weights.
template <class C>
struct Taps {
  std::vector<std::int32_t> first, second;
  std::vector<C> weight_first, weight_second;

  Taps(const KernelArguments& arguments, std::size_t dim, std::int64_t input, std::int64_t output) {
    const C scale = static_cast<C>(scale_of(arguments, dim, input, output));
    const bool align_corners = arguments.boolean(kAlignCorners);
    for (std::int64_t i = 0; i < output; ++i) {
      const C position = static_cast<C>(i);
      const C source = input == output ? position
                       : align_corners ? scale * position
                                       : std::max(scale * (position + C(0.5)) - C(0.5), C(0));
      const std::int64_t begin = std::min(static_cast<std::int64_t>(source), input - 1);
      const std::int64_t next = input == output ? begin : std::min(begin + 1, input - 1);
      first.push_back(static_cast<std::int32_t>(begin));
      second.push_back(static_cast<std::int32_t>(next));
      weight_second.push_back(std::clamp(source - static_cast<C>(begin), C(0), C(1)));
      weight_first.push_back(1 - weight_second.back());
    }
  }
};

/// Rows of one plane, interpolated along the width. Neighbours in the output need the same two, so
/// the last two are kept.
template <class T>
class WideRows {
 public:
  using C = Compute<T>;
  explicit WideRows(const Taps<C>& columns) : columns_(columns), rows_{} {
    for (Row& row : rows_) row.elements.resize(columns.first.size());
  }

  /// Rows `first` and `second` of all planes together.
  std::pair<const C*, const C*> get(const T* in, std::int64_t width, std::int64_t first,
                                    std::int64_t second) {
    if (rows_[1].number == first) std::swap(rows_[0], rows_[1]);
    fill(rows_[0], in, width, first);
    if (second == first) return {rows_[0].elements.data(), rows_[0].elements.data()};
    fill(rows_[1], in, width, second);
    return {rows_[0].elements.data(), rows_[1].elements.data()};
  }

 private:
  struct Row {
    std::int64_t number = -1;
    std::vector<C> elements;
  };

  void fill(Row& row, const T* in, std::int64_t width, std::int64_t number) {
    if (row.number == number) return;
    row.number = number;
    const T* from = in + number * width;
    C* out = row.elements.data();
    const std::int32_t *first = columns_.first.data(), *second = columns_.second.data();
    const C *weight_first = columns_.weight_first.data(),
            *weight_second = columns_.weight_second.data();
    for (std::size_t i = 0; i < row.elements.size(); ++i) {
      out[i] = weight_first[i] * static_cast<C>(from[first[i]]) +
               weight_second[i] * static_cast<C>(from[second[i]]);
    }
  }

  const Taps<C>& columns_;
  Row rows_[2];
};

template <class T, class C>
void blend(const C* upper, const C* lower, C weight_upper, C weight_lower, T* out,
           std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    out[i] = static_cast<T>(weight_upper * upper[i] + weight_lower * lower[i]);
  }
}

Result<void> kernel(KernelContext& context, const KernelArguments& arguments,
                    std::span<Tensor> outputs) {
  const Tensor& input = arguments.tensor(kInput);
  Tensor& output = outputs[0];
  if (output.num_elements() == 0) return {};
  const std::int64_t height = input.size(2), width = input.size(3);
  const auto output_height = static_cast<std::size_t>(output.size(2));
  const auto output_width = static_cast<std::size_t>(output.size(3));
  dispatch<FloatTypes>(input.dtype(), [&]<class T>() {
    using C = Compute<T>;
    const Taps<C> rows(arguments, 0, height, output.size(2));
    const Taps<C> columns(arguments, 1, width, output.size(3));
    const auto num_rows = static_cast<std::size_t>(input.size(0) * input.size(1)) * output_height;
    const std::size_t grain = kElementsPerThread / output_width + 1;
    context.parallel_for(num_rows, grain, [&](std::size_t begin, std::size_t end) {
      WideRows<T> wide(columns);
      for (std::size_t row = begin; row < end; ++row) {
        const std::size_t y = row % output_height;
        const auto plane = static_cast<std::int64_t>(row / output_height) * height;
        const auto [upper, lower] =
            wide.get(input.data<T>(), width, plane + rows.first[y], plane + rows.second[y]);
        blend(upper, lower, rows.weight_first[y], rows.weight_second[y],
              output.data<T>() + row * output_width, output_width);
      }
    });
  });
  return {};
}

// ---- shape -------------------------------------------------------------------------------------

Types infer(const TypeArguments& arguments) {
  TRY(expect_types<FloatTypes>(arguments.tensor(kInput), "input"));
  return infer_upsample(arguments, kOutputSize, kScaleFactors);
}

// ---- region ------------------------------------------------------------------------------------

Region input_region(const ir::RegionQuery& query) {
  const Shape shape = shape_at(query.arguments, kInput);
  Region region = query.output_region;
  for (std::size_t i = 0; i < 2; ++i) {
    const std::size_t dim = 2 + i;
    const double scale =
        scale_of(query.arguments, i, shape[dim], query.results[0].dims[dim].constant());
    // Other scales give weights that depend on where in the whole image an element lies.
    const bool is_local = !query.arguments.boolean(kAlignCorners) && is_power_of_two(scale);
    region[dim] = is_local
                      ? clip(bilinear_region(region[dim], scale, false, shape[dim]), shape[dim])
                      : Interval{0, shape[dim]};
  }
  return region;
}

// ---- XNNPACK -----------------------------------------------------------------------------------

constexpr std::uint32_t kFlagAlignCorners = 0x8;

Reason check(const NodeView& view) {
  if (Reason reason = check_float_image(view)) return reason;
  for (std::size_t i = 0; i < 2; ++i) {
    const Dim& input = view.arguments.tensor(kInput).dims[2 + i];
    const Dim& output = view.results[0].dims[2 + i];
    if (!output.is_constant()) return std::format("the output size {} varies", output.to_string());
    if (!input.is_constant()) return std::format("the input size {} varies", input.to_string());
    const double scale = scale_of(view.arguments, i, input.constant(), output.constant());
    const double ratio =
        static_cast<double>(input.constant()) / static_cast<double>(output.constant());
    // XNNPACK knows the sizes only.
    if (!view.arguments.boolean(kAlignCorners) && scale != ratio) {
      return std::format("scale {} is not the ratio {} of the sizes", scale, ratio);
    }
  }
  return std::nullopt;
}

Result<void> lower(const NodeView& view, xnnpack::Builder& builder) {
  const Shape output = TRY(ir::constant_shape(view.results[0]));
  lower_node(view, builder, xnnpack::NodeKind::kStaticResizeBilinear2D, xnnpack::Layout::kNhwc,
             xnnpack::ResizeParams{.new_height = static_cast<std::uint32_t>(output[2]),
                                   .new_width = static_cast<std::uint32_t>(output[3])},
             view.arguments.boolean(kAlignCorners) ? kFlagAlignCorners : 0);
  return {};
}

// ---- samples, declaration ----------------------------------------------------------------------

constexpr ir::Sample kSamples[] = {
    {"(f32[1,3,7,9], none, false, [2.0, 2.0])"},  {"(f32[1,2,8,12], none, false, [0.5, 4.0])"},
    {"(f32[2,2,6,8], [9,11], false, none)"},      {"(f32[1,3,6,8], [12,16], false, none)"},
    {"(f32[1,2,5,7], [10,21], true, none)"},      {"(f32[1,2,5,7], none, true, [2.0, 2.0])"},
    {"(f32[1,2,10,7], none, false, [1.7, 1.0])"}, {"(f64[1,2,4,5], none, false, [2.0, 2.0])"},
    {"(f16[1,2,4,5], none, false, [2.0, 3.0])"},  {"(bf16[1,1,6,5], [3,8], false, none)"}};

constexpr ir::Operator kOperators[] = {
    {.schema = "aten::upsample_bilinear2d.vec(Tensor input, SymInt[]? output_size, bool "
               "align_corners, float[]? scale_factors) -> Tensor",
     .out_name = "aten::upsample_bilinear2d.vec_out",
     .infer = infer,
     .kernel = kernel,
     .input_region = input_region,
     .xnnpack = {check, lower},
     .quantize = {.kind = ir::QuantKind::kMove},
     .samples = kSamples},
};

}  // namespace

std::span<const ir::Operator> upsample_operators() { return kOperators; }

}  // namespace tessera::ops
