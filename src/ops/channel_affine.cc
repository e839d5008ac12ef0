// SPDX-License-Identifier: MIT
#include "ops/channel_affine.h"

#include <cmath>

#include "ops/convert.h"

namespace tessera::ops {

std::vector<double> to_doubles(const Tensor& tensor) {
  std::vector<double> doubles(static_cast<std::size_t>(tensor.num_elements()));
  convert_elements(tensor.dtype(), tensor.bytes(), DType::kF64, doubles.data(), doubles.size());
  return doubles;
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
