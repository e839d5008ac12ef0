// SPDX-License-Identifier: MIT
#include "quantize/weight_scales.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "base/try.h"

namespace tessera::quantize {
namespace {

/// A contiguous tensor as [outer, channels, inner].
struct Channels {
  std::int64_t outer = 1, count = 1, inner = 1;

  Channels(const Shape& shape, ScaleAxis axis) {
    if (!axis) {
      inner = shape.num_elements();
      return;
    }
    CHECK(*axis < shape.rank(), "axis {} of {}", *axis, shape.to_string());
    for (std::size_t dim = 0; dim < shape.rank(); ++dim) {
      (dim < *axis ? outer : dim == *axis ? count : inner) *= shape[dim];
    }
  }

  /// Calls body(first element, number of elements) for each run of one channel.
  template <class Body>
  void for_each_run(std::int64_t channel, const Body& body) const {
    for (std::int64_t i = 0; i < outer; ++i) body((i * count + channel) * inner, inner);
  }
};

float largest_magnitude(const Tensor& weight, const Channels& channels, std::int64_t channel) {
  float largest = 0;
  channels.for_each_run(channel, [&](std::int64_t first, std::int64_t count) {
    for (std::int64_t i = first; i < first + count; ++i) {
      const float magnitude = std::abs(weight.data<float>()[i]);
      if (std::isfinite(magnitude)) largest = std::max(largest, magnitude);
    }
  });
  return largest;
}

std::int8_t quantized(float element, float inverse_scale, int limit) {
  const float scaled = std::nearbyint(element * inverse_scale);
  const auto bound = static_cast<float>(limit);
  return static_cast<std::int8_t>(std::isnan(scaled) ? 0.0f : std::clamp(scaled, -bound, bound));
}

double squared_error(const Tensor& weight, const Channels& channels, std::int64_t channel,
                     float scale, int limit) {
  const float inverse_scale = 1 / scale;
  double sum = 0;
  channels.for_each_run(channel, [&](std::int64_t first, std::int64_t count) {
    for (std::int64_t i = first; i < first + count; ++i) {
      const float element = weight.data<float>()[i];
      if (!std::isfinite(element)) continue;
      const auto value = scale * static_cast<float>(quantized(element, inverse_scale, limit));
      const double difference = static_cast<double>(element) - static_cast<double>(value);
      sum += difference * difference;
    }
  });
  return sum;
}

}  // namespace

std::vector<float> symmetric_scales(const Tensor& weight, ScaleAxis axis, int limit) {
  CHECK(weight.dtype() == DType::kF32 && weight.dim_order().is_contiguous());
  const Channels channels(weight.shape(), axis);
  std::vector<float> scales;
  for (std::int64_t channel = 0; channel < channels.count; ++channel) {
    const float largest = largest_magnitude(weight, channels, channel);
    const float scale = std::max(largest / static_cast<float>(limit), kSmallestWeightScale);
    scales.push_back(largest == 0 ? 0 : scale);
  }
  // What stands for a channel of zeros does not matter to it, but products of scales do to its
  // bias: it gets one that the layer has anyway.
  const float largest = scales.empty() ? 0 : *std::ranges::max_element(scales);
  std::ranges::replace(scales, 0.0f, largest == 0 ? 1 / static_cast<float>(limit) : largest);
  return scales;
}

std::vector<float> least_error_scales(const Tensor& weight, ScaleAxis axis, int limit) {
  std::vector<float> scales = symmetric_scales(weight, axis, limit);
  const Channels channels(weight.shape(), axis);
  // Below a third, more is lost at the ends than can be won in the middle, down to three bits.
  constexpr float kLowest = 0.3f;
  constexpr int kSteps = 70;
  for (std::int64_t channel = 0; channel < channels.count; ++channel) {
    float& scale = scales[static_cast<std::size_t>(channel)];
    const float widest = scale;
    double least = squared_error(weight, channels, channel, widest, limit);
    for (int step = 1; step <= kSteps; ++step) {
      const float part = 1 - (1 - kLowest) * static_cast<float>(step) / kSteps;
      const float candidate = std::max(widest * part, kSmallestWeightScale);
      const double error = squared_error(weight, channels, channel, candidate, limit);
      if (error >= least) continue;
      least = error;
      scale = candidate;
    }
  }
  return scales;
}

Result<Tensor> quantize_weight(const Tensor& weight, ScaleAxis axis, std::span<const float> scales,
                               int limit) {
  CHECK(weight.dtype() == DType::kF32 && weight.dim_order().is_contiguous());
  CHECK(0 < limit && limit <= kWeightLimit);
  const Channels channels(weight.shape(), axis);
  CHECK(scales.size() == static_cast<std::size_t>(channels.count));
  Tensor result = TRY(Tensor::empty(DType::kI8, weight.shape()));
  for (std::int64_t channel = 0; channel < channels.count; ++channel) {
    const float inverse_scale = 1 / scales[static_cast<std::size_t>(channel)];
    channels.for_each_run(channel, [&](std::int64_t first, std::int64_t count) {
      for (std::int64_t i = first; i < first + count; ++i) {
        result.data<std::int8_t>()[i] = quantized(weight.data<float>()[i], inverse_scale, limit);
      }
    });
  }
  return result;
}

Result<Tensor> dequantize_weight(const Tensor& quantized, ScaleAxis axis,
                                 std::span<const float> scales) {
  CHECK(quantized.dtype() == DType::kI8 && quantized.dim_order().is_contiguous());
  const Channels channels(quantized.shape(), axis);
  CHECK(scales.size() == static_cast<std::size_t>(channels.count));
  Tensor result = TRY(Tensor::empty(DType::kF32, quantized.shape()));
  for (std::int64_t channel = 0; channel < channels.count; ++channel) {
    const float scale = scales[static_cast<std::size_t>(channel)];
    channels.for_each_run(channel, [&](std::int64_t first, std::int64_t count) {
      for (std::int64_t i = first; i < first + count; ++i) {
        result.data<float>()[i] = scale * static_cast<float>(quantized.data<std::int8_t>()[i]);
      }
    });
  }
  return result;
}

}  // namespace tessera::quantize
