// SPDX-License-Identifier: MIT
#include <algorithm>
#include <limits>

#include "base/try.h"
#include "ops/dispatch.h"
#include "ops/region_rules.h"
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

enum : std::size_t { kSelf, kKernelSize, kStride, kPadding, kDilation, kCeilMode };

/// An empty stride stands for the kernel's size.
std::size_t stride_position(const auto& arguments) {
  return arguments.dims(kStride).empty() ? kKernelSize : kStride;
}

/// The window along spatial dimension 0 (height) or 1 (width).
template <class T>
Window window_of(const ir::BasicArguments<T>& arguments, std::size_t dim) {
  return {.kernel = list_element(arguments, kKernelSize, dim),
          .stride = list_element(arguments, stride_position(arguments), dim),
          .dilation = list_element(arguments, kDilation, dim),
          .padding_before = list_element(arguments, kPadding, dim)};
}

// ---- kernel ------------------------------------------------------------------------------------

/// Positions of a window inside the input.
struct Taps {
  std::int64_t begin = 0, end = 0, step = 1;

  Taps(const Window& window, std::int64_t output, std::int64_t input_size)
      : begin(output * window.stride - window.padding_before),
        end(std::min(begin + (window.kernel - 1) * window.dilation + 1, input_size)),
        step(window.dilation) {
    if (begin < 0) begin += (-begin + step - 1) / step * step;
  }
};

/// The least value of T: what any element replaces.
template <class T>
constexpr Compute<T> least() {
  using Limits = std::numeric_limits<Compute<T>>;
  if constexpr (Limits::has_infinity) {
    return -Limits::infinity();
  } else {
    return Limits::lowest();
  }
}

/// Outputs of a row that are computed at once.
constexpr std::int64_t kBlock = 64;

/// Compares the outputs from `begin` to `end` with what one tap of their windows sees: output x
/// with in[x * stride], which has the position `position + x * stride`. The first of equal elements
/// wins; NaN wins over all.
template <class T, class Index>
void compare_tap(const T* in, Index position, std::int64_t stride, std::int64_t begin,
                 std::int64_t end, Compute<T>* best, Index* indices) {
  const auto compare = [&](std::int64_t distance) {
    for (std::int64_t x = begin; x < end; ++x) {
      const auto candidate = static_cast<Compute<T>>(in[x * distance]);
      const bool is_better = (candidate > best[x]) | (candidate != candidate);
      best[x] = is_better ? candidate : best[x];
      indices[x] =
          is_better ? static_cast<Index>(position + static_cast<Index>(x * distance)) : indices[x];
    }
  };
  if (stride == 1) {
    compare(1);
  } else if (stride == 2) {
    compare(2);
  } else {
    compare(stride);
  }
}

/// `Index` holds all positions of a plane.
template <class T, class Index>
void pool_row(const T* in, std::int64_t width, const Taps& rows, const Window& window, T* values,
              std::int64_t* indices, std::int64_t output_width) {
  Compute<T> best[kBlock];
  Index best_indices[kBlock];
  for (std::int64_t block = 0; block < output_width; block += kBlock) {
    const std::int64_t count = std::min(kBlock, output_width - block);
    for (std::int64_t x = 0; x < count; ++x) {
      best[x] = least<T>();
      best_indices[x] =
          static_cast<Index>(rows.begin * width + Taps(window, block + x, width).begin);
    }
    for (std::int64_t row = rows.begin; row < rows.end; row += rows.step) {
      for (std::int64_t tap = 0; tap < window.kernel; ++tap) {
        // Output x of the block sees column first + x * stride, if there is one.
        const std::int64_t first =
            block * window.stride - window.padding_before + tap * window.dilation;
        const auto num_before = [&](std::int64_t column) {
          const std::int64_t distance = std::max<std::int64_t>(column - first, 0);
          return std::min((distance + window.stride - 1) / window.stride, count);
        };
        const std::int64_t offset = row * width + first;
        compare_tap<T, Index>(in + offset, static_cast<Index>(offset), window.stride, num_before(0),
                              num_before(width), best, best_indices);
      }
    }
    for (std::int64_t x = 0; x < count; ++x) {
      values[block + x] = static_cast<T>(best[x]);
      indices[block + x] = static_cast<std::int64_t>(best_indices[x]);
    }
  }
}

Result<void> kernel(KernelContext& context, const KernelArguments& arguments,
                    std::span<Tensor> outputs) {
  const Tensor& input = arguments.tensor(kSelf);
  const std::size_t rank = input.rank();
  const std::int64_t height = input.size(rank - 2), width = input.size(rank - 1);
  const std::int64_t output_height = outputs[0].size(rank - 2);
  const std::int64_t output_width = outputs[0].size(rank - 1);
  if (outputs[0].num_elements() == 0) return {};
  const auto num_rows = static_cast<std::size_t>(outputs[0].num_elements() / output_width);
  const Window vertical = window_of(arguments, 0), horizontal = window_of(arguments, 1);
  const std::size_t grain = kElementsPerThread / 4 / static_cast<std::size_t>(output_width) + 1;
  dispatch<RealTypes>(input.dtype(), [&]<class T>() {
    context.parallel_for(num_rows, grain, [&](std::size_t begin, std::size_t end) {
      for (auto row = static_cast<std::int64_t>(begin); row < static_cast<std::int64_t>(end);
           ++row) {
        const std::int64_t plane = row / output_height;
        const bool is_small = height * width <= std::numeric_limits<std::int32_t>::max();
        const auto pool = is_small ? pool_row<T, std::int32_t> : pool_row<T, std::int64_t>;
        pool(input.data<T>() + plane * height * width, width,
             Taps(vertical, row % output_height, height), horizontal,
             outputs[0].data<T>() + row * output_width,
             outputs[1].data<std::int64_t>() + row * output_width, output_width);
      }
    });
  });
  return {};
}

// ---- shape -------------------------------------------------------------------------------------

Types infer(const TypeArguments& arguments) {
  const TensorType& self = arguments.tensor(kSelf);
  TRY(expect_types<RealTypes>(self, "self"));
  TRY(expect_rank(self, "self", 3, 4));
  const auto kernel = TRY(integers_argument(arguments, kKernelSize, "kernel_size", 2, 1));
  const auto stride = TRY(integers_argument(arguments, stride_position(arguments), "stride", 2, 1));
  const auto padding = TRY(integers_argument(arguments, kPadding, "padding", 2, 0));
  const auto dilation = TRY(integers_argument(arguments, kDilation, "dilation", 2, 1));
  TensorType values = self;
  for (std::size_t i = 0; i < 2; ++i) {
    if (padding[i] > kernel[i] / 2) {
      return fail(ErrorCode::kInvalidArgument,
                  "argument 'padding' is {}, expected at most half of the kernel's {}", padding[i],
                  kernel[i]);
    }
    const WindowSize window{.kernel = kernel[i],
                            .stride = stride[i],
                            .dilation = dilation[i],
                            .padding = padding[i],
                            .ceil_mode = arguments.boolean(kCeilMode)};
    ir::Dim& size = values.dims[self.rank() - 2 + i];
    size = TRY(window_output(size, window, "size of 'self'"));
  }
  return std::vector{values, TensorType{DType::kI64, values.dims}};
}

// ---- region ------------------------------------------------------------------------------------

Region input_region(const ir::RegionQuery& query) {
  const auto shape = ir::constant_shape(query.arguments.tensor(kSelf));
  CHECK(shape.has_value());
  // An index is a position in the whole plane, so a part of the image cannot give it.
  if (query.output == 1) return Region::whole(*shape);
  Region region = query.output_region;
  for (std::size_t i = 0; i < 2; ++i) {
    const std::size_t dim = shape->rank() - 2 + i;
    region[dim] = clip(window_region(region[dim], window_of(query.arguments, i)), (*shape)[dim]);
  }
  return region;
}

// ---- XNNPACK -----------------------------------------------------------------------------------

/// Padding behind the input such that as many windows fit as the result has. With ceil_mode that is
/// more than in front; it exists as a number only where the sizes do.
std::optional<std::int64_t> padding_after(const NodeView& view, std::size_t i) {
  const Window window = window_of(view.arguments, i);
  if (!view.arguments.boolean(kCeilMode)) return window.padding_before;
  const TensorType& self = view.arguments.tensor(kSelf);
  const ir::Dim& input = self.dims[self.rank() - 2 + i];
  const ir::Dim& output = view.results[0].dims[self.rank() - 2 + i];
  if (!input.is_constant()) {
    const WindowSize floored{.kernel = window.kernel,
                             .stride = window.stride,
                             .dilation = window.dilation,
                             .padding = window.padding_before};
    const auto size = window_output(input, floored, "");
    return size && *size == output ? std::optional(window.padding_before) : std::nullopt;
  }
  const std::int64_t extent = window.dilation * (window.kernel - 1) + 1;
  const std::int64_t covered = (output.constant() - 1) * window.stride + extent;
  return std::max<std::int64_t>(covered - input.constant() - window.padding_before, 0);
}

Reason check(const NodeView& view) {
  if (Reason reason = check_float_image(view)) return reason;
  const ir::ValueId indices = view.node.results[1];
  if (view.graph.is_output(indices) || !view.graph.users(indices).empty()) {
    return "the indices are used";
  }
  const Window vertical = window_of(view.arguments, 0), horizontal = window_of(view.arguments, 1);
  if (vertical.kernel * horizontal.kernel == 1) return "the window is 1x1";
  for (const Window& window : {vertical, horizontal}) {
    if (window.stride > window.kernel) {
      return std::format("stride {} is above pooling {}", window.stride, window.kernel);
    }
  }
  if (!padding_after(view, 0) || !padding_after(view, 1)) {
    return "ceil_mode lets windows stick out of a varying size";
  }
  return std::nullopt;
}

Result<void> lower(const NodeView& view, xnnpack::Builder& builder) {
  const auto number = [](std::int64_t value) { return static_cast<std::uint32_t>(value); };
  const Window vertical = window_of(view.arguments, 0), horizontal = window_of(view.arguments, 1);
  lower_node(view, builder, xnnpack::NodeKind::kMaxPooling2d, xnnpack::Layout::kNhwc,
             xnnpack::PoolingParams{.padding_top = number(vertical.padding_before),
                                    .padding_right = number(*padding_after(view, 1)),
                                    .padding_bottom = number(*padding_after(view, 0)),
                                    .padding_left = number(horizontal.padding_before),
                                    .pooling_height = number(vertical.kernel),
                                    .pooling_width = number(horizontal.kernel),
                                    .stride_height = number(vertical.stride),
                                    .stride_width = number(horizontal.stride),
                                    .dilation_height = number(vertical.dilation),
                                    .dilation_width = number(horizontal.dilation)});
  return {};
}

// ---- samples, declaration ----------------------------------------------------------------------

constexpr ir::Sample kSamples[] = {{"(f32[1,3,8,10], [2,2], [2,2], [0,0], [1,1], false)"},
                                   {"(f32[2,2,9,11], [3,3], [2,2], [1,1], [1,1], false)"},
                                   {"(f32[1,2,9,11], [3,2], [], [0,1], [1,1], true)"},
                                   {"(f32[1,2,8,8], [2,2], [2,2], [0,0], [1,1], true)"},
                                   {"(f32[3,12,13], [3,3], [1,2], [1,1], [2,2], false)"},
                                   {"(f64[1,2,7,8], [2,2], [3,3], [0,0], [1,1], false)"},
                                   {"(f16[1,2,6,7], [2,2], [2,2], [0,0], [1,1], false)"},
                                   {"(bf16[1,2,6,7], [3,3], [2,2], [1,1], [1,1], false)"},
                                   {"(u8[1,2,6,7], [2,2], [2,2], [0,0], [1,1], false)", 250},
                                   {"(i64[1,2,6,7], [2,2], [2,2], [1,1], [1,1], false)", 9999}};

constexpr ir::Operator kOperators[] = {
    {.schema = "aten::max_pool2d_with_indices(Tensor self, int[2] kernel_size, int[2] stride=[], "
               "int[2] padding=0, int[2] dilation=1, bool ceil_mode=False) -> (Tensor, Tensor)",
     .out_name = "aten::max_pool2d_with_indices.out",
     .infer = infer,
     .kernel = kernel,
     .input_region = input_region,
     .xnnpack = {check, lower},
     .quantize = {.kind = ir::QuantKind::kMove},
     .samples = kSamples},
};

}  // namespace

std::span<const ir::Operator> pooling_operators() { return kOperators; }

}  // namespace tessera::ops
