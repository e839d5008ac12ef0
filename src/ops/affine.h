// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "base/try.h"
#include "ir/operator.h"
#include "ops/element_types.h"

/// Affine quantization: real number = (integer - zero point) * scale. As ExecuTorch's
/// kernels/quantized (v1.4) does it: with scales as f32, rounding half to even before the zero
/// point is added.
namespace tessera::ops {

using QuantizedTypes = TypeList<std::uint8_t, std::int8_t, std::int16_t, std::int32_t>;

struct AffineParams {
  float scale = 1;
  std::int32_t zero_point = 0;
};

/// Least and greatest integer that a quantized tensor has.
struct QuantRange {
  std::int64_t min = 0, max = 0;
};

/// Bounds of a QuantizedTypes dtype.
QuantRange range_of(DType dtype);
/// Arguments quant_min and quant_max; fails unless they are in order and fit the dtype.
Result<QuantRange> quant_range_argument(const ir::TypeArguments& arguments, std::size_t position,
                                        DType dtype);
QuantRange quant_range(const ir::KernelArguments& arguments, std::size_t position);
/// Element i of tensors of scales (f32 or f64) and zero points (integers or floating point; null:
/// 0). Fails for a zero point that is no 32-bit integer.
Result<AffineParams> params_at(const Tensor& scales, const Tensor* zero_points, std::int64_t i);
/// Checks the dtypes of such tensors.
Result<void> expect_params(const ir::TensorType& scales, const ir::TensorType* zero_points);

/// out[i] = in[i] / scale + zero point, rounded and clamped; NaN becomes the least integer.
template <class T, class Q>
void quantize_run(const T* in, Q* out, std::int64_t count, const AffineParams& params,
                  const QuantRange& range) {
  using C = Compute<T>;
  const C inverse = static_cast<C>(1.0f / params.scale);
  const auto lowest = range.min - params.zero_point, highest = range.max - params.zero_point;
  // Numbers up to here lose their fraction, rounded half to even, when 1.5 * 2^23 is added: that
  // can be vectorized on any processor. To clamp first gives the same, because the bounds are
  // integers.
  constexpr std::int64_t kRoundable = 1 << 22;
  if (lowest >= -kRoundable && highest <= kRoundable) {
    constexpr float kRound = 12582912.0f;
    const auto low = static_cast<float>(lowest), high = static_cast<float>(highest);
    for (std::int64_t i = 0; i < count; ++i) {
      auto scaled = static_cast<float>(static_cast<C>(in[i]) * inverse);
      scaled = scaled > low ? scaled : low;
      scaled = scaled < high ? scaled : high;
      scaled = (scaled + kRound) - kRound;
      out[i] = static_cast<Q>(static_cast<std::int32_t>(scaled) + params.zero_point);
    }
    return;
  }
  for (std::int64_t i = 0; i < count; ++i) {
    const float scaled = std::nearbyint(static_cast<float>(static_cast<C>(in[i]) * inverse));
    double sum = scaled + static_cast<float>(params.zero_point);
    sum = sum > static_cast<double>(range.min) ? sum : static_cast<double>(range.min);
    sum = sum < static_cast<double>(range.max) ? sum : static_cast<double>(range.max);
    out[i] = static_cast<Q>(static_cast<std::int64_t>(sum));
  }
}

/// out[i] = (in[i] - zero point) * scale
template <class Q, class T>
void dequantize_run(const Q* in, T* out, std::int64_t count, const AffineParams& params) {
  if constexpr (sizeof(Q) < 4) {
    // The difference of a small integer is exact in 32 bits unless the zero point is extreme.
    if (std::abs(static_cast<std::int64_t>(params.zero_point)) < (1 << 30)) {
      for (std::int64_t i = 0; i < count; ++i) {
        const std::int32_t difference = std::int32_t{in[i]} - params.zero_point;
        out[i] = static_cast<T>(static_cast<float>(difference) * params.scale);
      }
      return;
    }
  }
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t difference = std::int64_t{in[i]} - params.zero_point;
    out[i] = static_cast<T>(static_cast<float>(difference) * params.scale);
  }
}

}  // namespace tessera::ops
