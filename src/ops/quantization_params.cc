// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <vector>

#include "base/try.h"
#include "ops/affine.h"
#include "ops/affine_runs.h"
#include "ops/dispatch.h"
#include "ops/lanes.h"
#include "ops/shape_rules.h"

/// Scales and zero points that suit the elements of a tensor.
namespace tessera::ops {

namespace {

using ir::KernelArguments;
using ir::KernelContext;
using ir::TensorType;
using ir::TypeArguments;
using Types = Result<std::vector<TensorType>>;

namespace per_tensor {
enum : std::size_t { kInput, kQuantMin, kQuantMax, kEps, kDtype };
}
namespace per_token {
enum : std::size_t { kInput, kDtype };
/// ExecuTorch's kernel takes these whatever the dtype.
constexpr QuantRange kRange = {-128, 127};
}  // namespace per_token

// ---- kernel ------------------------------------------------------------------------------------

struct Params {
  double scale = 1;
  std::int64_t zero_point = 0;
};

/// ExecuTorch's rule (kernels/quantized/cpu/op_choose_qparams.cpp, v1.4): the interval holds 0, and
/// 0 is exactly one of the integers. Scales below its threshold are raised to it, a scale of 0
/// becomes 0.1.
Params choose(float min, float max, const QuantRange& range) {
  constexpr double kSmallestScale = 6.1e-5f;
  min = std::min(min, 0.0f);
  max = std::max(max, 0.0f);
  const auto steps = static_cast<double>(range.max - range.min);
  Params params{.scale = (static_cast<double>(max) - static_cast<double>(min)) / steps};
  const auto narrow = static_cast<float>(params.scale);
  if (!(narrow > 0) || std::isinf(1.0f / narrow)) params.scale = 0.1;
  if (params.scale < kSmallestScale) {
    const float amplifier = static_cast<float>(kSmallestScale) / static_cast<float>(params.scale);
    params.scale = kSmallestScale;
    if (min == 0) {
      max = static_cast<float>(kSmallestScale * steps);
    } else if (max == 0) {
      min = static_cast<float>(-kSmallestScale * steps);
    } else {
      min *= amplifier;
      max *= amplifier;
    }
  }
  // From the end of the interval that gives the smaller rounding error.
  const double below = static_cast<double>(min) / params.scale;
  const double above = static_cast<double>(max) / params.scale;
  const auto least = static_cast<double>(range.min), greatest = static_cast<double>(range.max);
  const bool from_min = std::abs(least) - std::abs(below) < std::abs(greatest) - std::abs(above);
  const double zero_point = from_min ? least - below : greatest - above;
  if (!(zero_point >= least)) {
    params.zero_point = range.min;
  } else if (zero_point > greatest) {
    params.zero_point = range.max;
  } else {
    params.zero_point = static_cast<std::int64_t>(std::nearbyint(static_cast<float>(zero_point)));
  }
  return params;
}

/// Of `count` elements; none have the interval [0, 0].
Params choose_for(const float* in, std::int64_t count, const QuantRange& range) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const auto smaller = [](float a, float b) { return b < a ? b : a; };
  const auto greater = [](float a, float b) { return b > a ? b : a; };
  float lows[kReductionLanes], highs[kReductionLanes];
  std::fill_n(lows, kReductionLanes, kInfinity);
  std::fill_n(highs, kReductionLanes, -kInfinity);
  reduce_run(in, count, lows, smaller);
  reduce_run(in, count, highs, greater);
  const float low = merge_lanes(lows, smaller), high = merge_lanes(highs, greater);
  return choose(low == kInfinity ? 0 : low, high == -kInfinity ? 0 : high, range);
}

void store(std::span<Tensor> outputs, std::int64_t i, const Params& params) {
  outputs[0].data<double>()[i] = params.scale;
  outputs[1].data<std::int64_t>()[i] = params.zero_point;
}

Result<void> per_tensor_kernel(KernelContext&, const KernelArguments& arguments,
                               std::span<Tensor> outputs) {
  using namespace per_tensor;
  const Tensor& input = arguments.tensor(kInput);
  store(outputs, 0,
        choose_for(input.data<float>(), input.num_elements(), quant_range(arguments, kQuantMin)));
  return {};
}

Result<void> per_token_kernel(KernelContext& context, const KernelArguments& arguments,
                              std::span<Tensor> outputs) {
  using namespace per_token;
  const Tensor& input = arguments.tensor(kInput);
  const std::int64_t length = input.size(input.rank() - 1);
  const auto num_tokens = static_cast<std::size_t>(outputs[0].num_elements());
  const std::size_t grain = kElementsPerThread / static_cast<std::size_t>(length + 1) + 1;
  context.parallel_for(num_tokens, grain, [&](std::size_t begin, std::size_t end) {
    for (auto i = static_cast<std::int64_t>(begin); i < static_cast<std::int64_t>(end); ++i) {
      store(outputs, i, choose_for(input.data<float>() + i * length, length, kRange));
    }
  });
  return {};
}

// ---- shape -------------------------------------------------------------------------------------

Types infer_per_tensor(const TypeArguments& arguments) {
  using namespace per_tensor;
  TRY(expect_dtype(arguments.tensor(kInput), "input", {DType::kF32}));
  const DType dtype = TRY(quantized_dtype_argument(arguments, kDtype));
  const QuantRange range = TRY(quant_range_argument(arguments, kQuantMin, dtype));
  if (range.min == range.max) {
    return fail(ErrorCode::kInvalidArgument, "arguments 'quant_min' and 'quant_max' are both {}",
                range.min);
  }
  return std::vector{TensorType{DType::kF64, {1}}, TensorType{DType::kI64, {1}}};
}

Types infer_per_token(const TypeArguments& arguments) {
  using namespace per_token;
  const TensorType& input = arguments.tensor(kInput);
  TRY(expect_dtype(input, "input", {DType::kF32}));
  TRY(expect_rank(input, "input", 1, Shape::kMaxRank));
  static_cast<void>(TRY(quantized_dtype_argument(arguments, kDtype)));
  ir::Dims tokens = input.dims;
  tokens.back() = 1;
  return std::vector{TensorType{DType::kF64, tokens}, TensorType{DType::kI64, tokens}};
}

// ---- samples, declaration ----------------------------------------------------------------------

constexpr ir::Sample kPerTensorSamples[] = {{"(f32[3,40], -128, 127, 1e-07, 1)"},
                                            {"(f32[7], 0, 255, 1e-07, 0)"},
                                            {"(f32[1], -8, 7, 1e-07, 1)"}};
constexpr ir::Sample kPerTokenSamples[] = {{"(f32[3,40], 1)"}, {"(f32[2,3,5], 1)"}};

constexpr ir::Operator kOperators[] = {
    {.schema = "quantized_decomposed::choose_qparams.tensor(Tensor input, int quant_min, int "
               "quant_max, float eps, ScalarType dtype) -> (Tensor, Tensor)",
     .out_name = "quantized_decomposed::choose_qparams.Tensor_out",
     .infer = infer_per_tensor,
     .kernel = per_tensor_kernel,
     .quantize = {.kind = ir::QuantKind::kChooseParams},
     .samples = kPerTensorSamples},
    {.schema = "quantized_decomposed::choose_qparams_per_token_asymmetric(Tensor input, ScalarType "
               "dtype) -> (Tensor, Tensor)",
     .out_name = "quantized_decomposed::choose_qparams_per_token_asymmetric.out",
     .infer = infer_per_token,
     .kernel = per_token_kernel,
     .quantize = {.kind = ir::QuantKind::kChooseParams},
     .samples = kPerTokenSamples},
};

}  // namespace

std::span<const ir::Operator> quantization_params_operators() { return kOperators; }

}  // namespace tessera::ops
