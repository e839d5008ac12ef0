// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <vector>

#include "base/try.h"
#include "ops/dispatch.h"
#include "ops/exact_scale.h"
#include "ops/families.h"
#include "ops/region_rules.h"
#include "ops/shape_rules.h"
#include "ops/xnnpack_rules.h"

namespace tessera::ops {

namespace {

using ir::Dim;
using ir::KernelArguments;
using ir::KernelContext;
using ir::NodeView;
using ir::TensorType;
using ir::TypeArguments;
using Types = Result<std::vector<TensorType>>;

enum : std::size_t { kInput, kOutputSize, kAlignCorners, kScaleFactors };

/// Distance in the input between neighbours of the output; dim 0 is the height.
template <class A>
double scale_of(const A& arguments, std::size_t dim, std::int64_t input, std::int64_t output) {
  if (arguments.boolean(kAlignCorners)) {
    return output > 1 ? static_cast<double>(input - 1) / static_cast<double>(output - 1) : 0;
  }
  if (!arguments.is_none(kScaleFactors)) return 1 / arguments.reals(kScaleFactors)[dim];
  return static_cast<double>(input) / static_cast<double>(output);
}

// ---- kernel ------------------------------------------------------------------------------------

/// The two inputs of an output along one dimension and their weights.
template <class T>
struct Tap {
  std::int64_t first = 0, second = 0;
  T weight_first = 1, weight_second = 0;
};

template <class T>
std::vector<Tap<T>> taps_of(const KernelArguments& arguments, std::size_t dim, std::int64_t input,
                            std::int64_t output) {
  const T scale = static_cast<T>(scale_of(arguments, dim, input, output));
  const bool align_corners = arguments.boolean(kAlignCorners);
  std::vector<Tap<T>> taps(static_cast<std::size_t>(output));
  for (std::int64_t i = 0; i < output; ++i) {
    Tap<T>& tap = taps[static_cast<std::size_t>(i)];
    if (input == output) {
      tap.first = tap.second = i;
      continue;
    }
    const T position = static_cast<T>(i);
    const T source =
        align_corners ? scale * position : std::max(scale * (position + T(0.5)) - T(0.5), T(0));
    tap.first = std::min(static_cast<std::int64_t>(source), input - 1);
    tap.second = std::min(tap.first + 1, input - 1);
    tap.weight_second = std::clamp(source - static_cast<T>(tap.first), T(0), T(1));
    tap.weight_first = 1 - tap.weight_second;
  }
  return taps;
}

Result<void> kernel(KernelContext& context, const KernelArguments& arguments,
                    std::span<Tensor> outputs) {
  const Tensor& input = arguments.tensor(kInput);
  Tensor& output = outputs[0];
  if (output.num_elements() == 0) return {};
  const std::int64_t height = input.size(2), width = input.size(3);
  const std::int64_t output_height = output.size(2), output_width = output.size(3);
  dispatch<TypeList<float, double>>(input.dtype(), [&]<class T>() {
    const auto rows = taps_of<T>(arguments, 0, height, output_height);
    const auto columns = taps_of<T>(arguments, 1, width, output_width);
    const auto num_rows = static_cast<std::size_t>(input.size(0) * input.size(1) * output_height);
    const std::size_t grain = kElementsPerThread / 4 / columns.size() + 1;
    context.parallel_for(num_rows, grain, [&](std::size_t begin, std::size_t end) {
      for (std::size_t row = begin; row < end; ++row) {
        const Tap<T>& vertical = rows[row % rows.size()];
        const T* plane =
            input.data<T>() + static_cast<std::int64_t>(row / rows.size()) * height * width;
        const T* first = plane + vertical.first * width;
        const T* second = plane + vertical.second * width;
        T* out = output.data<T>() + row * columns.size();
        for (const Tap<T>& tap : columns) {
          const T upper =
              tap.weight_first * first[tap.first] + tap.weight_second * first[tap.second];
          const T lower =
              tap.weight_first * second[tap.first] + tap.weight_second * second[tap.second];
          *out++ = vertical.weight_first * upper + vertical.weight_second * lower;
        }
      }
    });
  });
  return {};
}

// ---- shape -------------------------------------------------------------------------------------

/// floor(size * factor) as ATen computes it. A symbolic size needs a factor n / 2^k.
Result<Dim> scaled_size(const Dim& size, double factor) {
  constexpr double kMaxFactor = 1 << 20;
  if (!(factor > 0 && factor <= kMaxFactor)) {
    return fail(ErrorCode::kInvalidArgument, "argument 'scale_factors' has {}, expected 0 to {}",
                factor, kMaxFactor);
  }
  if (size.is_constant()) {
    return Dim(static_cast<std::int64_t>(static_cast<double>(size.constant()) * factor));
  }
  std::int64_t denominator = 1;
  while (denominator < 1024 && factor != std::floor(factor)) {
    factor *= 2;
    denominator *= 2;
  }
  if (factor != std::floor(factor)) {
    return fail(ErrorCode::kNotSupported,
                "argument 'scale_factors' has {}, expected a multiple of 1/1024 for size {}",
                factor / static_cast<double>(denominator), size.to_string());
  }
  return floor_div(size * Dim(static_cast<std::int64_t>(factor)), Dim(denominator));
}

Types infer(const TypeArguments& arguments) {
  const TensorType& input = arguments.tensor(kInput);
  TRY(expect_float(input, "input"));
  TRY(expect_rank(input, "input", 4, 4));
  if (arguments.is_none(kOutputSize) == arguments.is_none(kScaleFactors)) {
    return fail(ErrorCode::kInvalidArgument,
                "expected either argument 'output_size' or argument 'scale_factors'");
  }
  const bool has_size = !arguments.is_none(kOutputSize);
  const std::size_t length =
      has_size ? arguments.dims(kOutputSize).size() : arguments.reals(kScaleFactors).size();
  if (length != 2) {
    return fail(ErrorCode::kInvalidArgument, "argument '{}' has {} elements, expected 2",
                has_size ? "output_size" : "scale_factors", length);
  }
  TensorType result = input;
  for (std::size_t i = 0; i < 2; ++i) {
    Dim& size = result.dims[2 + i];
    if (size == Dim(0)) {
      return fail(ErrorCode::kInvalidArgument, "argument 'input' has sizes {}, expected no 0",
                  to_string(input.dims));
    }
    size = has_size ? arguments.dims(kOutputSize)[i]
                    : TRY(scaled_size(size, arguments.reals(kScaleFactors)[i]));
    if (size.is_constant() && size.constant() < 1) {
      return fail(ErrorCode::kInvalidArgument, "the result's size would be {}", size.to_string());
    }
  }
  return std::vector{std::move(result)};
}

// ---- region ------------------------------------------------------------------------------------

Region input_region(const ir::RegionQuery& query) {
  const auto shape = ir::constant_shape(query.arguments.tensor(kInput));
  CHECK(shape.has_value());
  Region region = query.output_region;
  for (std::size_t i = 0; i < 2; ++i) {
    const std::size_t dim = 2 + i;
    const double scale =
        scale_of(query.arguments, i, (*shape)[dim], query.results[0].dims[dim].constant());
    // Other scales give weights that depend on where in the whole image an element lies.
    const bool is_local = !query.arguments.boolean(kAlignCorners) && is_power_of_two(scale);
    region[dim] =
        is_local ? clip(bilinear_region(region[dim], scale, false, (*shape)[dim]), (*shape)[dim])
                 : Interval{0, (*shape)[dim]};
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
    {"(f32[1,2,10,7], none, false, [1.7, 1.0])"}, {"(f64[1,2,4,5], none, false, [2.0, 2.0])"}};

constexpr ir::Operator kOperators[] = {
    {.schema = "aten::upsample_bilinear2d.vec(Tensor input, SymInt[]? output_size, bool "
               "align_corners, float[]? scale_factors) -> Tensor",
     .out_name = "aten::upsample_bilinear2d.vec_out",
     .infer = infer,
     .kernel = kernel,
     .input_region = input_region,
     .xnnpack = {check, lower},
     .samples = kSamples},
};

}  // namespace

std::span<const ir::Operator> upsample_operators() { return kOperators; }

}  // namespace tessera::ops
