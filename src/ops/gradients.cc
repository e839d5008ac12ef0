// SPDX-License-Identifier: MIT
#include <algorithm>
#include <span>
#include <vector>

#include "base/try.h"
#include "ops/convolution_kernel.h"
#include "ops/dispatch.h"
#include "ops/shape_rules.h"

/// Gradients of convolution and max pooling.
namespace tessera::ops {

namespace {

using ir::KernelArguments;
using ir::KernelContext;
using ir::TensorType;
using ir::TypeArguments;
using Types = Result<std::vector<TensorType>>;

namespace convolution {
enum : std::size_t {
  kGradOutput,
  kInput,
  kWeight,
  kBiasSizes,
  kStride,
  kPadding,
  kDilation,
  kTransposed,
  kOutputPadding,
  kGroups,
  kOutputMask
};
}
namespace pooling {
enum : std::size_t {
  kGradOutput,
  kSelf,
  kKernelSize,
  kStride,
  kPadding,
  kDilation,
  kCeil,
  kIndices
};
}

// ---- kernel ------------------------------------------------------------------------------------

/// Axes of the windows that slide over `large` and give `small`; a 1-D convolution has height 1.
struct Axes {
  WindowAxis height, width;
};
Axes axes_of(const KernelArguments& arguments, const Tensor& large, const Tensor& small) {
  using namespace convolution;
  const auto axis = [&](std::size_t dim) {
    return WindowAxis{.input = large.size(2 + dim),
                      .output = small.size(2 + dim),
                      .kernel = arguments.tensor(kWeight).size(2 + dim),
                      .stride = list_element(arguments, kStride, dim),
                      .padding = list_element(arguments, kPadding, dim),
                      .dilation = list_element(arguments, kDilation, dim)};
  };
  if (large.rank() == 3) return {{}, axis(0)};
  return {axis(0), axis(1)};
}

/// Products of a row of `small` with what one tap sees of a row of `large`.
template <class T>
double tap_products(const T* small, const T* large, const WindowAxis& axis, std::int64_t tap) {
  double sum = 0;
  for (std::int64_t x = 0; x < axis.output; ++x) {
    const std::int64_t at = x * axis.stride + tap * axis.dilation - axis.padding;
    if (at < 0 || at >= axis.input) continue;
    sum += static_cast<double>(small[x]) * static_cast<double>(large[at]);
  }
  return sum;
}

/// gradient[s][l][tap] = sum over the batch and the outputs of small[s] * large[l] under the tap.
template <class T>
void weight_gradient(KernelContext& context, const Tensor& small, const Tensor& large,
                     const Axes& axes, std::int64_t groups, Tensor& gradient) {
  const std::int64_t batch = small.size(0);
  const std::int64_t channels = small.size(1), group_channels = channels / groups;
  const std::int64_t large_channels = large.size(1) / groups;
  const WindowAxis& down = axes.height;
  const WindowAxis& across = axes.width;
  const std::int64_t kernel_size = down.kernel * across.kernel;
  const auto count = static_cast<std::size_t>(channels * large_channels);
  context.parallel_for(count, 1, [&](std::size_t begin, std::size_t end) {
    for (auto pair = static_cast<std::int64_t>(begin); pair < static_cast<std::int64_t>(end);
         ++pair) {
      const std::int64_t s = pair / large_channels;
      const std::int64_t l = s / group_channels * large_channels + pair % large_channels;
      for (std::int64_t tap = 0; tap < kernel_size; ++tap) {
        double sum = 0;
        for (std::int64_t n = 0; n < batch; ++n) {
          const T* from = small.data<T>() + (n * channels + s) * down.output * across.output;
          const T* under = large.data<T>() + (n * large.size(1) + l) * down.input * across.input;
          for (std::int64_t y = 0; y < down.output; ++y) {
            const std::int64_t row =
                y * down.stride + tap / across.kernel * down.dilation - down.padding;
            if (row < 0 || row >= down.input) continue;
            sum += tap_products(from + y * across.output, under + row * across.input, across,
                                tap % across.kernel);
          }
        }
        gradient.data<T>()[pair * kernel_size + tap] = static_cast<T>(sum);
      }
    }
  });
}

template <class T>
void bias_gradient(const Tensor& grad_output, Tensor& gradient) {
  const std::int64_t channels = grad_output.size(1);
  if (grad_output.num_elements() == 0) {
    std::fill_n(gradient.data<T>(), channels, static_cast<T>(0));
    return;
  }
  const std::int64_t plane = grad_output.num_elements() / (grad_output.size(0) * channels);
  for (std::int64_t channel = 0; channel < channels; ++channel) {
    double sum = 0;
    for (std::int64_t n = 0; n < grad_output.size(0); ++n) {
      const T* from = grad_output.data<T>() + (n * channels + channel) * plane;
      for (std::int64_t i = 0; i < plane; ++i) sum += static_cast<double>(from[i]);
    }
    gradient.data<T>()[channel] = static_cast<T>(sum);
  }
}

/// The gradient of the input of a convolution is the transposed convolution of the output's, and
/// the other way round, with the same weights.
template <class T>
void input_gradient(KernelContext& context, const KernelArguments& arguments, const Axes& axes,
                    Tensor& gradient) {
  using namespace convolution;
  const Tensor& grad_output = arguments.tensor(kGradOutput);
  const std::int64_t groups = arguments.integer(kGroups);
  ConvolutionGeometry geometry{.batch = grad_output.size(0),
                               .groups = groups,
                               .input_channels = grad_output.size(1) / groups,
                               .output_channels = gradient.size(1) / groups,
                               .height = axes.height,
                               .width = axes.width,
                               .is_transposed = !arguments.boolean(kTransposed)};
  if (geometry.is_transposed) {
    std::swap(geometry.height.input, geometry.height.output);
    std::swap(geometry.width.input, geometry.width.output);
  }
  convolve<T>(context, geometry, grad_output.data<T>(),
              std::as_const(arguments.tensor(kWeight)).data<T>(), nullptr, gradient.data<T>());
}

Result<void> convolution_kernel(KernelContext& context, const KernelArguments& arguments,
                                std::span<Tensor> outputs) {
  using namespace convolution;
  const Tensor& grad_output = arguments.tensor(kGradOutput);
  const Tensor& input = arguments.tensor(kInput);
  const bool is_transposed = arguments.boolean(kTransposed);
  const Tensor& large = is_transposed ? grad_output : input;
  const Tensor& small = is_transposed ? input : grad_output;
  const Axes axes = axes_of(arguments, large, small);
  const auto& mask = std::get<std::vector<bool>>(arguments[kOutputMask]);
  dispatch<FloatTypes>(input.dtype(), [&]<class T>() {
    if (mask[0]) input_gradient<T>(context, arguments, axes, outputs[0]);
    if (mask[1]) {
      weight_gradient<T>(context, small, large, axes, arguments.integer(kGroups), outputs[1]);
    }
    if (mask[2]) bias_gradient<T>(grad_output, outputs[2]);
  });
  return {};
}

/// Adds every gradient to the element that was the maximum.
Result<void> pooling_kernel(KernelContext& context, const KernelArguments& arguments,
                            std::span<Tensor> outputs) {
  using namespace pooling;
  const Tensor& grad_output = arguments.tensor(kGradOutput);
  const Tensor& indices = arguments.tensor(kIndices);
  const Tensor& self = arguments.tensor(kSelf);
  const std::int64_t plane = self.size(self.rank() - 2) * self.size(self.rank() - 1);
  const std::int64_t* index = indices.data<std::int64_t>();
  for (std::int64_t i = 0; i < indices.num_elements(); ++i) {
    if (index[i] >= 0 && index[i] < plane) continue;
    return fail(ErrorCode::kInvalidArgument,
                "element {} of argument 'indices' is {}, expected 0 to {}", i, index[i], plane - 1);
  }
  if (self.num_elements() == 0) return {};
  const auto num_planes = static_cast<std::size_t>(self.num_elements() / plane);
  const std::int64_t window_plane = grad_output.num_elements() / (self.num_elements() / plane);
  const std::size_t grain = kElementsPerThread / static_cast<std::size_t>(plane) + 1;
  dispatch<FloatTypes>(self.dtype(), [&]<class T>() {
    context.parallel_for(num_planes, grain, [&](std::size_t begin, std::size_t end) {
      std::vector<Compute<T>> sums(static_cast<std::size_t>(plane));
      for (auto p = static_cast<std::int64_t>(begin); p < static_cast<std::int64_t>(end); ++p) {
        std::ranges::fill(sums, Compute<T>(0));
        for (std::int64_t i = p * window_plane; i < (p + 1) * window_plane; ++i) {
          sums[static_cast<std::size_t>(index[i])] +=
              static_cast<Compute<T>>(grad_output.data<T>()[i]);
        }
        for (std::int64_t i = 0; i < plane; ++i) {
          outputs[0].data<T>()[p * plane + i] = static_cast<T>(sums[static_cast<std::size_t>(i)]);
        }
      }
    });
  });
  return {};
}

// ---- shape -------------------------------------------------------------------------------------

Result<void> expect_channels(const ir::Dim& found, const ir::Dim& expected, std::string_view name) {
  return expect_equal(expected, "number that 'weight' and 'groups' ask for", found,
                      std::format("channels of argument '{}'", name));
}

/// Sizes of the windows' positions along each axis; `large` and `small` as in axes_of.
Result<void> check_axes(const TypeArguments& arguments, const TensorType& large,
                        const TensorType& small) {
  using namespace convolution;
  const TensorType& weight = arguments.tensor(kWeight);
  const std::size_t num_spatial = weight.rank() - 2;
  const auto stride = TRY(integers_argument(arguments, kStride, "stride", num_spatial, 1));
  const auto padding = TRY(integers_argument(arguments, kPadding, "padding", num_spatial, 0));
  const auto dilation = TRY(integers_argument(arguments, kDilation, "dilation", num_spatial, 1));
  for (std::size_t i = 0; i < num_spatial; ++i) {
    const WindowSize window{.kernel = weight.dims[2 + i].constant(),
                            .stride = stride[i],
                            .dilation = dilation[i],
                            .padding = padding[i]};
    const ir::Dim size = TRY(window_output(large.dims[2 + i], window, "size of the convolution"));
    TRY(expect_equal(size, "number of windows", small.dims[2 + i],
                     std::format("size {} of the convolution's other side", 2 + i)));
  }
  return {};
}

Types infer_convolution(const TypeArguments& arguments) {
  using namespace convolution;
  const TensorType& grad_output = arguments.tensor(kGradOutput);
  const TensorType& input = arguments.tensor(kInput);
  const TensorType& weight = arguments.tensor(kWeight);
  TRY(expect_types<FloatTypes>(input, "input"));
  TRY(expect_same_dtype(input, "input", grad_output, "grad_output"));
  TRY(expect_same_dtype(input, "input", weight, "weight"));
  TRY(expect_rank(input, "input", 3, 4));
  TRY(expect_rank(grad_output, "grad_output", input.rank(), input.rank()));
  TRY(expect_rank(weight, "weight", input.rank(), input.rank()));
  const std::int64_t groups =
      TRY(integer_argument(arguments, kGroups, "groups", 1, kMaxWindowParameter));
  for (const ir::Dim& dim : weight.dims) {
    if (dim.is_constant() && dim.constant() >= 1 && dim.constant() <= kMaxWindowParameter) continue;
    return fail(ErrorCode::kInvalidArgument, "argument 'weight' has sizes {}, expected 1 to {}",
                to_string(weight.dims), kMaxWindowParameter);
  }
  if (weight.dims[0].constant() % groups != 0) {
    return fail(ErrorCode::kInvalidArgument,
                "argument 'weight' has size {}, expected a multiple "
                "of 'groups', {}",
                weight.dims[0].constant(), groups);
  }
  const bool is_transposed = arguments.boolean(kTransposed);
  const TensorType& large = is_transposed ? grad_output : input;
  const TensorType& small = is_transposed ? input : grad_output;
  TRY(expect_channels(small.dims[1], weight.dims[0], is_transposed ? "input" : "grad_output"));
  TRY(expect_channels(large.dims[1], weight.dims[1] * ir::Dim(groups),
                      is_transposed ? "grad_output" : "input"));
  TRY(expect_equal(input.dims[0], "batch of argument 'input'", grad_output.dims[0],
                   "batch of argument 'grad_output'"));
  TRY(check_axes(arguments, large, small));
  const auto& mask = std::get<std::vector<bool>>(arguments[kOutputMask]);
  if (mask.size() != 3) {
    return fail(ErrorCode::kInvalidArgument, "argument 'output_mask' has {} elements, expected 3",
                mask.size());
  }
  // What is not asked for is empty.
  const TensorType empty{input.dtype, {0}};
  const TensorType bias{input.dtype, {grad_output.dims[1]}};
  return std::vector{mask[0] ? input : empty, mask[1] ? weight : empty, mask[2] ? bias : empty};
}

Types infer_pooling(const TypeArguments& arguments) {
  using namespace pooling;
  const TensorType& self = arguments.tensor(kSelf);
  const TensorType& grad_output = arguments.tensor(kGradOutput);
  const TensorType& indices = arguments.tensor(kIndices);
  TRY(expect_types<FloatTypes>(self, "self"));
  TRY(expect_same_dtype(self, "self", grad_output, "grad_output"));
  TRY(expect_dtype(indices, "indices", {DType::kI64}));
  TRY(expect_rank(self, "self", 3, 4));
  TRY(expect_rank(grad_output, "grad_output", self.rank(), self.rank()));
  ir::Dims pooled = self.dims;
  const auto kernel = TRY(integers_argument(arguments, kKernelSize, "kernel_size", 2, 1));
  const std::size_t stride_position = arguments.dims(kStride).empty() ? kKernelSize : kStride;
  const auto stride = TRY(integers_argument(arguments, stride_position, "stride", 2, 1));
  const auto padding = TRY(integers_argument(arguments, kPadding, "padding", 2, 0));
  const auto dilation = TRY(integers_argument(arguments, kDilation, "dilation", 2, 1));
  for (std::size_t i = 0; i < 2; ++i) {
    const WindowSize window{.kernel = kernel[i],
                            .stride = stride[i],
                            .dilation = dilation[i],
                            .padding = padding[i],
                            .ceil_mode = arguments.boolean(kCeil)};
    ir::Dim& size = pooled[self.rank() - 2 + i];
    size = TRY(window_output(size, window, "size of 'self'"));
  }
  if (pooled != grad_output.dims) {
    return fail(ErrorCode::kInvalidArgument, "argument 'grad_output' has sizes {}, expected {}",
                to_string(grad_output.dims), to_string(pooled));
  }
  if (indices.dims != grad_output.dims) {
    return fail(ErrorCode::kInvalidArgument,
                "argument 'indices' has sizes {}, but 'grad_output' {}", to_string(indices.dims),
                to_string(grad_output.dims));
  }
  return std::vector{self};
}

// ---- samples, declaration ----------------------------------------------------------------------

constexpr ir::Sample kConvolutionSamples[] = {
    {"(f32[2,4,7,8], f32[2,3,7,8], f32[4,3,3,3], [4], [1,1], [1,1], [1,1], false, [0,0], 1, "
     "[true,true,true])"},
    {"(f32[1,4,4,4], f32[1,4,7,8], f32[4,2,3,2], [4], [2,2], [1,0], [1,1], false, [0,0], 2, "
     "[true,true,true])"},
    {"(f64[1,2,9], f64[1,3,9], f64[2,3,3], [2], [1], [2], [2], false, [0], 1, [true,true,true])"},
    {"(f32[1,3,9,9], f32[1,2,5,5], f32[2,3,3,3], [3], [2,2], [1,1], [1,1], true, [0,0], 1, "
     "[true,true,true])"},
    {"(bf16[1,2,3,3], bf16[1,2,3,3], bf16[2,2,1,1], [2], [1,1], [0,0], [1,1], false, [0,0], 1, "
     "[true,true,true])"}};
constexpr ir::Sample kPoolingSamples[] = {
    {"(f32[1,2,2,3], f32[1,2,4,6], [2,2], [2,2], [0,0], [1,1], false, i64[1,2,2,3])", 24},
    {"(f64[2,3,3], f64[2,5,5], [3,3], [1,1], [0,0], [1,1], false, i64[2,3,3])", 25},
    {"(bf16[1,2,2], bf16[1,4,4], [2,2], [2,2], [0,0], [1,1], false, i64[1,2,2])", 16}};

constexpr ir::Operator kOperators[] = {
    {.schema = "aten::convolution_backward(Tensor grad_output, Tensor input, Tensor weight, "
               "SymInt[]? bias_sizes, SymInt[] stride, SymInt[] padding, SymInt[] dilation, bool "
               "transposed, SymInt[] output_padding, SymInt groups, bool[3] output_mask) -> "
               "(Tensor, Tensor, Tensor)",
     .out_name = "aten::convolution_backward.out",
     .infer = infer_convolution,
     .kernel = convolution_kernel,
     .samples = kConvolutionSamples},
    {.schema = "aten::max_pool2d_with_indices_backward(Tensor grad_output, Tensor self, int[2] "
               "kernel_size, int[2] stride, int[2] padding, int[2] dilation, bool ceil_mode, "
               "Tensor indices) -> Tensor",
     .out_name = "aten::max_pool2d_with_indices_backward.grad_input",
     .infer = infer_pooling,
     .kernel = pooling_kernel,
     .samples = kPoolingSamples},
};

}  // namespace

std::span<const ir::Operator> gradients_operators() { return kOperators; }

}  // namespace tessera::ops
