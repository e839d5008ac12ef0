// SPDX-License-Identifier: MIT
#include <cmath>

#include "base/try.h"
#include "ops/dispatch.h"
#include "ops/moments.h"
#include "ops/shape_rules.h"
#include "ops/xnnpack_norms.h"

/// Group and layer normalisation.
namespace tessera::ops {

namespace {

using ir::Dim;
using ir::KernelArguments;
using ir::KernelContext;
using ir::NodeView;
using ir::TensorType;
using ir::TypeArguments;
using Types = Result<std::vector<TensorType>>;

namespace group_norm {
enum : std::size_t { kInput, kWeight, kBias, kBatch, kChannels, kPlane, kGroup, kEps };
}
namespace layer_norm {
enum : std::size_t { kInput, kShape, kWeight, kBias, kEps };
}

// ---- kernel ------------------------------------------------------------------------------------

template <class T>
const T* optional_data(const KernelArguments& arguments, std::size_t position) {
  const Tensor* tensor = arguments.optional_tensor(position);
  return tensor == nullptr ? nullptr : tensor->data<T>();
}

/// Calls body(run, mean, inverse deviation) for each of `count` runs of `length` elements, and
/// writes these two.
template <class T, class Body>
void normalize_runs(KernelContext& context, const T* in, std::int64_t count, std::int64_t length,
                    double eps, std::span<Tensor> outputs, const Body& body) {
  const std::size_t grain = kElementsPerThread / static_cast<std::size_t>(length + 1) + 1;
  const auto num_runs = static_cast<std::size_t>(count);
  context.parallel_for(num_runs, grain, [&](std::size_t begin, std::size_t end) {
    for (auto run = static_cast<std::int64_t>(begin); run < static_cast<std::int64_t>(end); ++run) {
      Moments moments = moments_of(in + run * length, 1, length, length);
      if (length == 0) moments.mean = 0;
      const double inverse = 1 / std::sqrt(moments.variance + eps);
      body(run, moments.mean, inverse);
      outputs[1].data<T>()[run] = static_cast<T>(moments.mean);
      outputs[2].data<T>()[run] = static_cast<T>(inverse);
    }
  });
}

Result<void> group_norm_kernel(KernelContext& context, const KernelArguments& arguments,
                               std::span<Tensor> outputs) {
  using namespace group_norm;
  const Tensor& input = arguments.tensor(kInput);
  const std::int64_t groups = arguments.integer(kGroup);
  const std::int64_t channels = arguments.integer(kChannels) / groups;  // of a group
  const std::int64_t plane = arguments.integer(kPlane);
  dispatch<FloatTypes>(input.dtype(), [&]<class T>() {
    const T* weight = optional_data<T>(arguments, kWeight);
    const T* bias = optional_data<T>(arguments, kBias);
    const T* in = input.data<T>();
    T* out = outputs[0].data<T>();
    normalize_runs(context, in, arguments.integer(kBatch) * groups, channels * plane,
                   arguments.real(kEps), outputs,
                   [&](std::int64_t run, double mean, double inverse) {
                     for (std::int64_t i = 0; i < channels; ++i) {
                       const std::int64_t channel = run % groups * channels + i;
                       const double factor = weight == nullptr ? 1 : double{weight[channel]};
                       const double addend = bias == nullptr ? 0 : double{bias[channel]};
                       const double scale = inverse * factor;
                       const std::int64_t start = (run * channels + i) * plane;
                       scale_run(in + start, out + start, plane, scale, addend - mean * scale);
                     }
                   });
  });
  return {};
}

Result<void> layer_norm_kernel(KernelContext& context, const KernelArguments& arguments,
                               std::span<Tensor> outputs) {
  using namespace layer_norm;
  const Tensor& input = arguments.tensor(kInput);
  std::int64_t length = 1;
  for (const Dim& size : arguments.dims(kShape)) length *= size.constant();
  dispatch<FloatTypes>(input.dtype(), [&]<class T>() {
    const T* weight = optional_data<T>(arguments, kWeight);
    const T* bias = optional_data<T>(arguments, kBias);
    const T* in = input.data<T>();
    T* out = outputs[0].data<T>();
    normalize_runs(context, in, outputs[1].num_elements(), length, arguments.real(kEps), outputs,
                   [&](std::int64_t run, double mean, double inverse) {
                     const T* from = in + run * length;
                     T* to = out + run * length;
                     for (std::int64_t i = 0; i < length; ++i) {
                       double value = (static_cast<double>(from[i]) - mean) * inverse;
                       if (weight != nullptr) value *= static_cast<double>(weight[i]);
                       if (bias != nullptr) value += static_cast<double>(bias[i]);
                       to[i] = static_cast<T>(value);
                     }
                   });
  });
  return {};
}

// ---- shape -------------------------------------------------------------------------------------

Types infer_group_norm(const TypeArguments& arguments) {
  using namespace group_norm;
  const TensorType& input = arguments.tensor(kInput);
  TRY(expect_types<FloatTypes>(input, "input"));
  TRY(expect_rank(input, "input", 2, Shape::kMaxRank));
  TRY(expect_equal(arguments.dim(kBatch), "argument 'N'", input.dims[0], "size 0 of 'input'"));
  TRY(expect_equal(arguments.dim(kChannels), "argument 'C'", input.dims[1], "size 1 of 'input'"));
  const ir::Dims plane(input.dims.begin() + 2, input.dims.end());
  TRY(expect_equal(arguments.dim(kPlane), "argument 'HxW'", num_elements(plane),
                   "product of the other sizes of 'input'"));
  const std::int64_t groups =
      TRY(integer_argument(arguments, kGroup, "group", 1, kMaxWindowParameter));
  const Dim& channels = input.dims[1];
  if (!channels.is_constant() || channels.constant() % groups != 0) {
    return fail(ErrorCode::kInvalidArgument,
                "'input' has {} channels, expected a multiple of argument 'group', {}",
                channels.to_string(), groups);
  }
  constexpr std::pair<std::size_t, std::string_view> kParameters[] = {{kWeight, "weight"},
                                                                      {kBias, "bias"}};
  for (const auto& [position, name] : kParameters) {
    const TensorType* parameter = arguments.optional_tensor(position);
    if (parameter == nullptr) continue;
    TRY(expect_same_dtype(input, "input", *parameter, name));
    TRY(expect_rank(*parameter, name, 1, 1));
    TRY(expect_equal(channels, "number of channels of 'input'", parameter->dims[0],
                     std::format("size of argument '{}'", name)));
  }
  const TensorType statistics{input.dtype, {input.dims[0], groups}};
  return std::vector{input, statistics, statistics};
}

Types infer_layer_norm(const TypeArguments& arguments) {
  using namespace layer_norm;
  const TensorType& input = arguments.tensor(kInput);
  const ir::Dims& shape = arguments.dims(kShape);
  TRY(expect_types<FloatTypes>(input, "input"));
  if (shape.empty() || shape.size() > input.rank() ||
      !std::equal(shape.begin(), shape.end(), input.dims.end() - static_cast<int>(shape.size()))) {
    return fail(ErrorCode::kInvalidArgument,
                "argument 'normalized_shape' is {}, expected the last sizes of 'input', {}",
                to_string(shape), to_string(input.dims));
  }
  constexpr std::pair<std::size_t, std::string_view> kParameters[] = {{kWeight, "weight"},
                                                                      {kBias, "bias"}};
  for (const auto& [position, name] : kParameters) {
    const TensorType* parameter = arguments.optional_tensor(position);
    if (parameter == nullptr) continue;
    TRY(expect_same_dtype(input, "input", *parameter, name));
    if (parameter->dims != shape) {
      return fail(ErrorCode::kInvalidArgument, "argument '{}' has sizes {}, expected {}", name,
                  to_string(parameter->dims), to_string(shape));
    }
  }
  TensorType statistics = input;
  std::fill(statistics.dims.end() - static_cast<int>(shape.size()), statistics.dims.end(), Dim(1));
  return std::vector{input, statistics, statistics};
}

// ---- region ------------------------------------------------------------------------------------

/// Whole along the dimensions that are averaged over.
Region layer_norm_region(const ir::RegionQuery& query) {
  const std::size_t num_normalized = query.arguments.dims(layer_norm::kShape).size();
  const auto shape = ir::constant_shape(query.arguments.tensor(query.argument));
  CHECK(shape.has_value());
  Region region = Region::whole(*shape);
  if (query.argument != layer_norm::kInput) return region;
  for (std::size_t dim = 0; dim + num_normalized < shape->rank(); ++dim) {
    region[dim] = query.output_region[dim];
  }
  return region;
}

// ---- XNNPACK -----------------------------------------------------------------------------------

Reason check_layer(const NodeView& view) {
  using namespace layer_norm;
  if (Reason reason = check_constant_sizes(view)) return reason;
  if (Reason reason = check_unused(view, 1)) return reason;
  return check_norm(view, kWeight, kBias);
}

Result<void> lower_layer(const NodeView& view, xnnpack::Builder& builder) {
  using namespace layer_norm;
  lower_layer_norm(builder, operand(view, kInput), view.node.results[0],
                   view.arguments.dims(kShape).size(),
                   {.eps = view.arguments.real(kEps),
                    .weight = constant_operand(view, kWeight),
                    .bias = constant_operand(view, kBias)});
  return {};
}

Reason check_group(const NodeView& view) {
  using namespace group_norm;
  if (Reason reason = check_float_image(view)) return reason;
  if (Reason reason = check_unused(view, 1)) return reason;
  if (!view.arguments.dim(kBatch).is_constant()) return "the batch varies";
  return check_norm(view, kWeight, kBias);
}

Result<void> lower_group(const NodeView& view, xnnpack::Builder& builder) {
  using namespace group_norm;
  lower_group_norm(builder, operand(view, kInput), view.node.results[0],
                   static_cast<std::uint32_t>(view.arguments.integer(kGroup)),
                   {.eps = view.arguments.real(kEps),
                    .weight = constant_operand(view, kWeight),
                    .bias = constant_operand(view, kBias)});
  return {};
}

// ---- samples, declaration ----------------------------------------------------------------------

constexpr ir::Sample kGroupNormSamples[] = {{"(f32[2,6,5,7], f32[6], f32[6], 2, 6, 35, 3, 1e-05)"},
                                            {"(f32[1,4,9], none, none, 1, 4, 9, 1, 0.001)"},
                                            {"(f32[2,4], f32[4], none, 2, 4, 1, 2, 1e-05)"},
                                            {"(f64[2,4,3], none, f64[4], 2, 4, 3, 4, 1e-05)"},
                                            {"(f16[1,4,9], f16[4], f16[4], 1, 4, 9, 2, 1e-05)"},
                                            {"(bf16[1,4,9], bf16[4], bf16[4], 1, 4, 9, 2, 1e-05)"}};
constexpr ir::Sample kLayerNormSamples[] = {
    {"(f32[2,6,35], [35], f32[35], f32[35], 1e-05)"}, {"(f32[2,3,5], [3,5], none, none, 0.001)"},
    {"(f32[2,3,5], [3,5], f32[3,5], none, 1e-05)"},   {"(f64[4,9], [9], none, f64[9], 1e-05)"},
    {"(f16[4,9], [9], f16[9], f16[9], 1e-05)"},       {"(bf16[4,9], [9], bf16[9], bf16[9], 1e-05)"},
    {"(f32[0,9], [9], f32[9], f32[9], 1e-05)"}};

constexpr ir::Operator kOperators[] = {
    {.schema = "aten::native_group_norm(Tensor input, Tensor? weight, Tensor? bias, SymInt N, "
               "SymInt C, SymInt HxW, int group, float eps) -> (Tensor, Tensor, Tensor)",
     .out_name = "aten::native_group_norm.out",
     .infer = infer_group_norm,
     .kernel = group_norm_kernel,
     .xnnpack = {check_group, lower_group},
     .samples = kGroupNormSamples},
    {.schema = "aten::native_layer_norm(Tensor input, SymInt[] normalized_shape, Tensor? weight, "
               "Tensor? bias, float eps) -> (Tensor, Tensor, Tensor)",
     .out_name = "aten::native_layer_norm.out",
     .infer = infer_layer_norm,
     .kernel = layer_norm_kernel,
     .input_region = layer_norm_region,
     .xnnpack = {check_layer, lower_layer},
     .samples = kLayerNormSamples},
};

}  // namespace

std::span<const ir::Operator> normalization_operators() { return kOperators; }

}  // namespace tessera::ops
