// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include "tessera/tensor.h"

namespace tessera::ops {

/// The elements of a tensor of any dtype.
std::vector<double> to_doubles(const Tensor& tensor);

/// result = input * scale + shift, channel by channel.
struct ChannelAffine {
  std::vector<double> scale, shift;
};

/// What batch normalisation with these statistics does; null weight or bias are 1 and 0.
ChannelAffine channel_affine(const Tensor* weight, const Tensor* bias, const Tensor& mean,
                             const Tensor& variance, double eps);

}  // namespace tessera::ops
