// SPDX-License-Identifier: MIT
#include "ops/channel_affine.h"

#include <cmath>

namespace tessera::ops {

std::vector<double> to_doubles(const Tensor& tensor) {
  const auto copy = [](const auto& elements) {
    std::vector<double> doubles;
    for (const auto element : elements) doubles.push_back(static_cast<double>(element));
    return doubles;
  };
  if (tensor.dtype() == DType::kF16) return copy(tensor.elements<Half>());
  return tensor.dtype() == DType::kF64 ? copy(tensor.elements<double>())
                                       : copy(tensor.elements<float>());
}

ChannelAffine channel_affine(const Tensor* weight, const Tensor* bias, const Tensor& mean,
                             const Tensor& variance, double eps) {
  const std::vector<double> means = to_doubles(mean), variances = to_doubles(variance);
  const auto parameter = [&](const Tensor* tensor, double absent) {
    return tensor == nullptr ? std::vector<double>(means.size(), absent) : to_doubles(*tensor);
  };
  ChannelAffine affine{parameter(weight, 1), parameter(bias, 0)};
  for (std::size_t channel = 0; channel < means.size(); ++channel) {
    affine.scale[channel] /= std::sqrt(variances[channel] + eps);
    affine.shift[channel] -= means[channel] * affine.scale[channel];
  }
  return affine;
}

}  // namespace tessera::ops
