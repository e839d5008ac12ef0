// SPDX-License-Identifier: MIT
#include <algorithm>
#include <vector>

#include "base/try.h"
#include "ops/dispatch.h"
#include "ops/region_rules.h"
#include "ops/shape_rules.h"
#include "ops/xnnpack_rules.h"
#include "xnnpack/wiring.h"

/// Average pooling with windows of one size, and with windows that share out the input.
namespace tessera::ops {

namespace {

using ir::KernelArguments;
using ir::KernelContext;
using ir::NodeView;
using ir::TensorType;
using ir::TypeArguments;
using Types = Result<std::vector<TensorType>>;
using PooledTypes = Joined<FloatTypes, TypeList<std::int64_t>>;  ///< what ExecuTorch's kernel has

enum : std::size_t {
  kSelf,
  kKernelSize,
  kStride,
  kPadding,
  kCeilMode,
  kCountIncludePad,
  kDivisorOverride
};
constexpr std::size_t kOutputSize = 1;

/// An empty stride stands for the kernel's size.
std::size_t stride_position(const auto& arguments) {
  return arguments.dims(kStride).empty() ? kKernelSize : kStride;
}

/// The window along spatial dimension 0 (height) or 1 (width).
template <class T>
Window window_of(const ir::BasicArguments<T>& arguments, std::size_t dim) {
  return {.kernel = list_element(arguments, kKernelSize, dim),
          .stride = list_element(arguments, stride_position(arguments), dim),
          .padding_before = list_element(arguments, kPadding, dim)};
}

// ---- kernel ------------------------------------------------------------------------------------

/// The inputs of one output along one dimension, and how many count as averaged over.
struct Span {
  std::int64_t begin = 0, end = 0;
  std::int64_t count = 0;
};

/// out[y][x] = sum over rows[y] and columns[x] / divisor(rows[y], columns[x]), for all planes. Sums
/// of 16-bit numbers are kept in float, in the order of the window.
template <class T, class Divisor>
void average(KernelContext& context, const Tensor& input, Tensor& output,
             const std::vector<Span>& rows, const std::vector<Span>& columns,
             const Divisor& divisor) {
  const std::int64_t height = input.size(input.rank() - 2), width = input.size(input.rank() - 1);
  const auto output_width = static_cast<std::int64_t>(columns.size());
  const std::size_t num_rows =
      static_cast<std::size_t>(output.num_elements()) / std::max<std::size_t>(columns.size(), 1);
  const std::size_t grain = kElementsPerThread / 4 / (columns.size() + 1) + 1;
  context.parallel_for(num_rows, grain, [&](std::size_t begin, std::size_t end) {
    for (std::size_t row = begin; row < end; ++row) {
      const Span& vertical = rows[row % rows.size()];
      const auto plane = static_cast<std::int64_t>(row / rows.size());
      const T* in = input.data<T>() + plane * height * width;
      T* out = output.data<T>() + static_cast<std::int64_t>(row) * output_width;
      for (std::int64_t x = 0; x < output_width; ++x) {
        const Span& horizontal = columns[static_cast<std::size_t>(x)];
        Accumulator<T> sum = 0;
        for (std::int64_t y = vertical.begin; y < vertical.end; ++y) {
          for (std::int64_t i = horizontal.begin; i < horizontal.end; ++i) {
            if constexpr (kIsFloat<T>) {
              sum += static_cast<Accumulator<T>>(in[y * width + i]);
            } else {
              sum = static_cast<std::int64_t>(static_cast<std::uint64_t>(sum) +
                                              static_cast<std::uint64_t>(in[y * width + i]));
            }
          }
        }
        const std::int64_t count = divisor(vertical, horizontal);
        if constexpr (kIsFloat<T>) {
          out[x] = static_cast<T>(sum / static_cast<Accumulator<T>>(count));
        } else {
          out[x] = count == -1 ? static_cast<T>(0 - static_cast<std::uint64_t>(sum)) : sum / count;
        }
      }
    }
  });
}

std::vector<Span> window_spans(const Window& window, std::int64_t input, std::int64_t output,
                               bool counts_padding) {
  std::vector<Span> spans;
  for (std::int64_t i = 0; i < output; ++i) {
    const std::int64_t begin = i * window.stride - window.padding_before;
    // Padding counts, but not what a window of ceil_mode has beyond it.
    const std::int64_t end = std::min(begin + window.kernel, input + window.padding_before);
    Span span{std::max<std::int64_t>(begin, 0), std::min(end, input), end - begin};
    if (!counts_padding) span.count = span.end - span.begin;
    spans.push_back(span);
  }
  return spans;
}

Result<void> kernel(KernelContext& context, const KernelArguments& arguments,
                    std::span<Tensor> outputs) {
  const Tensor& input = arguments.tensor(kSelf);
  const std::size_t row_dim = input.rank() - 2;
  if (outputs[0].num_elements() == 0) return {};
  const auto spans = [&](std::size_t dim) {
    return window_spans(window_of(arguments, dim), input.size(row_dim + dim),
                        outputs[0].size(row_dim + dim), arguments.boolean(kCountIncludePad));
  };
  const auto rows = spans(0), columns = spans(1);
  dispatch<PooledTypes>(input.dtype(), [&]<class T>() {
    average<T>(context, input, outputs[0], rows, columns,
               [&](const Span& vertical, const Span& horizontal) {
                 return arguments.is_none(kDivisorOverride) ? vertical.count * horizontal.count
                                                            : arguments.integer(kDivisorOverride);
               });
  });
  return {};
}

/// Output i averages from floor(i * input / output) to ceil((i + 1) * input / output).
std::vector<Span> adaptive_spans(std::int64_t input, std::int64_t output) {
  std::vector<Span> spans;
  for (std::int64_t i = 0; i < output; ++i) {
    Span span{i * input / output, ((i + 1) * input + output - 1) / output, 0};
    span.count = span.end - span.begin;
    spans.push_back(span);
  }
  return spans;
}

Result<void> adaptive_kernel(KernelContext& context, const KernelArguments& arguments,
                             std::span<Tensor> outputs) {
  const Tensor& input = arguments.tensor(kSelf);
  const std::size_t row_dim = input.rank() - 2;
  if (outputs[0].num_elements() == 0) return {};
  const auto rows = adaptive_spans(input.size(row_dim), outputs[0].size(row_dim));
  const auto columns = adaptive_spans(input.size(row_dim + 1), outputs[0].size(row_dim + 1));
  dispatch<PooledTypes>(input.dtype(), [&]<class T>() {
    average<T>(context, input, outputs[0], rows, columns,
               [](const Span& vertical, const Span& horizontal) {
                 return vertical.count * horizontal.count;
               });
  });
  return {};
}

// ---- shape -------------------------------------------------------------------------------------

Types infer(const TypeArguments& arguments) {
  const TensorType& self = arguments.tensor(kSelf);
  TRY(expect_types<PooledTypes>(self, "self"));
  TRY(expect_rank(self, "self", 3, 4));
  const auto kernel = TRY(integers_argument(arguments, kKernelSize, "kernel_size", 2, 1));
  const auto stride = TRY(integers_argument(arguments, stride_position(arguments), "stride", 2, 1));
  const auto padding = TRY(integers_argument(arguments, kPadding, "padding", 2, 0));
  if (!arguments.is_none(kDivisorOverride) &&
      TRY(integer_argument(arguments, kDivisorOverride, "divisor_override")) == 0) {
    return fail(ErrorCode::kInvalidArgument, "argument 'divisor_override' is 0");
  }
  TensorType result = self;
  for (std::size_t i = 0; i < 2; ++i) {
    if (padding[i] > kernel[i] / 2) {
      return fail(ErrorCode::kInvalidArgument,
                  "argument 'padding' is {}, expected at most half of the kernel's {}", padding[i],
                  kernel[i]);
    }
    const WindowSize window{.kernel = kernel[i],
                            .stride = stride[i],
                            .padding = padding[i],
                            .ceil_mode = arguments.boolean(kCeilMode)};
    ir::Dim& size = result.dims[self.rank() - 2 + i];
    size = TRY(window_output(size, window, "size of 'self'"));
  }
  return std::vector{std::move(result)};
}

Types infer_adaptive(const TypeArguments& arguments) {
  const TensorType& self = arguments.tensor(kSelf);
  TRY(expect_types<PooledTypes>(self, "self"));
  TRY(expect_rank(self, "self", 3, 4));
  const auto sizes =
      TRY(integers_argument(arguments, kOutputSize, "output_size", 2, 0, kMaxWindowParameter));
  TensorType result = self;
  for (std::size_t i = 0; i < 2; ++i) {
    const ir::Dim& size = self.dims[self.rank() - 2 + i];
    if (size == ir::Dim(0)) {
      return fail(ErrorCode::kInvalidArgument, "'self' has sizes {}, expected elements to average",
                  to_string(self.dims));
    }
    result.dims[self.rank() - 2 + i] = sizes[i];
  }
  return std::vector{std::move(result)};
}

// ---- region ------------------------------------------------------------------------------------

Region input_region(const ir::RegionQuery& query) {
  Region region = query.output_region;
  const ir::Dims& sizes = query.arguments.tensor(kSelf).dims;
  for (std::size_t i = 0; i < 2; ++i) {
    const std::size_t dim = region.rank() - 2 + i;
    region[dim] = clip(window_region(query.output_region[dim], window_of(query.arguments, i)),
                       sizes[dim].constant());
  }
  return region;
}

// ---- XNNPACK -----------------------------------------------------------------------------------

/// XNNPACK averages over what lies in the image. Padding that counts is put around it before.
Reason check(const NodeView& view) {
  if (Reason reason = check_float_image(view)) return reason;
  const Window vertical = window_of(view.arguments, 0), horizontal = window_of(view.arguments, 1);
  if (vertical.kernel * horizontal.kernel == 1) return "the window is 1x1";
  if (view.arguments.boolean(kCeilMode)) {
    for (std::size_t i = 0; i < 2; ++i) {
      const Window window = window_of(view.arguments, i);
      const auto floored = window_output(
          view.arguments.tensor(kSelf).dims[2 + i],
          {.kernel = window.kernel, .stride = window.stride, .padding = window.padding_before}, "");
      if (!floored || *floored != view.results[0].dims[2 + i]) {
        return "ceil_mode lets windows stick out";
      }
    }
  }
  if (!view.arguments.is_none(kDivisorOverride) &&
      view.arguments.integer(kDivisorOverride) != vertical.kernel * horizontal.kernel) {
    return "the divisor is not the window's size";
  }
  return std::nullopt;
}

Result<void> lower(const NodeView& view, xnnpack::Builder& builder) {
  const auto number = [](std::int64_t value) { return static_cast<std::uint32_t>(value); };
  const Window vertical = window_of(view.arguments, 0), horizontal = window_of(view.arguments, 1);
  xnnpack::PoolingParams params{.pooling_height = number(vertical.kernel),
                                .pooling_width = number(horizontal.kernel),
                                .stride_height = number(vertical.stride),
                                .stride_width = number(horizontal.stride)};
  const std::uint32_t top = number(vertical.padding_before);
  const std::uint32_t left = number(horizontal.padding_before);
  xnnpack::Wiring wiring(builder);
  auto input = wiring.input(operand(view, kSelf), xnnpack::Layout::kNhwc);
  if (top + left == 0 || !view.arguments.boolean(kCountIncludePad)) {
    params.padding_top = params.padding_bottom = top;
    params.padding_left = params.padding_right = left;
  } else {
    auto dims = input.dims;
    dims[1] += 2 * top;
    dims[2] += 2 * left;
    input = wiring.node({.kind = xnnpack::NodeKind::kStaticConstantPad,
                         .inputs = {input.id},
                         .params = xnnpack::ConstantPadParams{.pre_paddings = {0, top, left, 0},
                                                              .post_paddings = {0, top, left, 0}}},
                        dims);
  }
  builder.add_node({.kind = xnnpack::NodeKind::kAvgPooling2d,
                    .inputs = {input.id},
                    .outputs = {builder.output(view.node.results[0], xnnpack::Layout::kNhwc)},
                    .params = params});
  return {};
}

// ---- samples, declaration ----------------------------------------------------------------------

constexpr ir::Sample kSamples[] = {{"(f32[1,3,8,10], [2,2], [2,2], [0,0], false, true, none)"},
                                   {"(f32[2,2,9,11], [3,3], [2,2], [1,1], false, true, none)"},
                                   {"(f32[1,2,9,11], [3,2], [], [1,0], false, false, none)"},
                                   {"(f32[2,9,10], [3,3], [2,2], [1,1], true, false, none)"},
                                   {"(f32[1,2,9,9], [3], [3], [0], false, true, 5)"},
                                   {"(f64[1,2,7,8], [2,2], [3,3], [0,0], false, true, none)"},
                                   {"(f16[1,2,7,8], [2,2], [1,2], [0,0], false, true, none)"},
                                   {"(bf16[1,2,7,8], [2,2], [1,2], [0,0], false, true, none)"}};
constexpr ir::Sample kAdaptiveSamples[] = {{"(f32[2,3,7,9], [1,1])"}, {"(f32[2,7,9], [3,4])"},
                                           {"(f32[1,2,3,4], [5,6])"}, {"(f64[1,2,6,8], [3,4])"},
                                           {"(f16[1,2,6,8], [2,3])"}, {"(bf16[1,2,6,8], [2,2])"},
                                           {"(f32[0,2,6,8], [2,2])"}};

constexpr ir::Operator kOperators[] = {
    {.schema = "aten::avg_pool2d(Tensor self, int[2] kernel_size, int[2] stride=[], int[2] "
               "padding=0, bool ceil_mode=False, bool count_include_pad=True, int? "
               "divisor_override=None) -> Tensor",
     .out_name = "aten::avg_pool2d.out",
     .infer = infer,
     .kernel = kernel,
     .input_region = input_region,
     .xnnpack = {check, lower},
     .samples = kSamples},
    {.schema = "aten::_adaptive_avg_pool2d(Tensor self, SymInt[2] output_size) -> Tensor",
     .out_name = "aten::_adaptive_avg_pool2d.out",
     .infer = infer_adaptive,
     .kernel = adaptive_kernel,
     .samples = kAdaptiveSamples},
};

}  // namespace

std::span<const ir::Operator> average_pooling_operators() { return kOperators; }

}  // namespace tessera::ops
