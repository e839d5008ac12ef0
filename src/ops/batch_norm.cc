// SPDX-License-Identifier: MIT
#include <cmath>

#include "base/try.h"
#include "ops/dispatch.h"
#include "ops/families.h"
#include "ops/shape_rules.h"

/// Batch normalisation in inference. XNNPACK has no node for it: fold_batch_norm merges it into the
/// convolution before it.
namespace tessera::ops {

namespace {

using ir::KernelArguments;
using ir::KernelContext;
using ir::TensorType;
using ir::TypeArguments;
using Types = Result<std::vector<TensorType>>;

enum : std::size_t { kInput, kWeight, kBias, kRunningMean, kRunningVar, kMomentum, kEps };

// ---- kernel ------------------------------------------------------------------------------------

Result<void> kernel(KernelContext& context, const KernelArguments& arguments,
                    std::span<Tensor> outputs) {
  const Tensor& input = arguments.tensor(kInput);
  const auto num_planes = static_cast<std::size_t>(input.size(0) * input.size(1));
  if (input.num_elements() == 0) return {};
  const std::int64_t plane_size = input.num_elements() / static_cast<std::int64_t>(num_planes);
  dispatch<TypeList<float, double>>(input.dtype(), [&]<class T>() {
    const auto data = [&](std::size_t position) -> const T* {
      const Tensor* tensor = arguments.optional_tensor(position);
      return tensor == nullptr ? nullptr : tensor->data<T>();
    };
    const T* weight = data(kWeight);
    const T* bias = data(kBias);
    const std::size_t grain = kElementsPerThread / static_cast<std::size_t>(plane_size) + 1;
    context.parallel_for(num_planes, grain, [&](std::size_t begin, std::size_t end) {
      for (std::size_t plane = begin; plane < end; ++plane) {
        const std::size_t channel = plane % static_cast<std::size_t>(input.size(1));
        const T deviation =
            std::sqrt(data(kRunningVar)[channel] + static_cast<T>(arguments.real(kEps)));
        const T scale = (weight == nullptr ? T(1) : weight[channel]) / deviation;
        const T offset =
            (bias == nullptr ? T(0) : bias[channel]) - data(kRunningMean)[channel] * scale;
        const T* in = input.data<T>() + static_cast<std::int64_t>(plane) * plane_size;
        T* out = outputs[0].data<T>() + static_cast<std::int64_t>(plane) * plane_size;
        for (std::int64_t i = 0; i < plane_size; ++i) out[i] = in[i] * scale + offset;
      }
    });
  });
  return {};
}

// ---- shape -------------------------------------------------------------------------------------

Types infer(const TypeArguments& arguments) {
  const TensorType& input = arguments.tensor(kInput);
  TRY(expect_float(input, "input"));
  TRY(expect_rank(input, "input", 2, 5));
  constexpr std::pair<std::size_t, std::string_view> kParameters[] = {
      {kWeight, "weight"},
      {kBias, "bias"},
      {kRunningMean, "running_mean"},
      {kRunningVar, "running_var"}};
  for (const auto& [position, name] : kParameters) {
    const TensorType* parameter = arguments.optional_tensor(position);
    if (parameter == nullptr) continue;
    TRY(expect_same_dtype(input, "input", *parameter, name));
    TRY(expect_rank(*parameter, name, 1, 1));
    TRY(expect_equal(input.dims[1], "number of channels of 'input'", parameter->dims[0],
                     std::format("size of argument '{}'", name)));
  }
  // The batch's statistics, which inference does not compute, are empty.
  const TensorType empty{input.dtype, {0}};
  return std::vector{input, empty, empty};
}

// ---- region ------------------------------------------------------------------------------------

Region input_region(const ir::RegionQuery& query) {
  if (query.argument == kInput) return query.output_region;
  Region channels;
  channels.push_back(query.output_region[1]);
  return channels;
}

// ---- samples, declaration ----------------------------------------------------------------------

constexpr ir::Sample kSamples[] = {{"(f32[2,3,5,6], f32[3], f32[3], f32[3], f32[3], 0.1, 1e-05)"},
                                   {"(f32[1,4,7], none, none, f32[4], f32[4], 0.1, 0.001)"},
                                   {"(f64[2,3,4,4], f64[3], f64[3], f64[3], f64[3], 0.1, 1e-05)"}};

constexpr ir::Operator kOperators[] = {
    {.schema = "aten::_native_batch_norm_legit_no_training(Tensor input, Tensor? weight, Tensor? "
               "bias, Tensor running_mean, Tensor running_var, float momentum, float eps) -> "
               "(Tensor, Tensor, Tensor)",
     .out_name = "aten::_native_batch_norm_legit_no_training.out",
     .infer = infer,
     .kernel = kernel,
     .input_region = input_region,
     .samples = kSamples},
};

}  // namespace

std::span<const ir::Operator> batch_norm_operators() { return kOperators; }

}  // namespace tessera::ops
