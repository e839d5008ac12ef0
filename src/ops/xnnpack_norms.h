// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include "ops/xnnpack_rules.h"
#include "xnnpack/wiring.h"

/// (x - mean) / sqrt(variance + eps) * weight + bias in XNNPACK's nodes. The variance is the mean
/// of the squared differences, as in PyTorch.
namespace tessera::ops {

struct Normalization {
  double eps = 0;
  const Tensor* weight = nullptr;  ///< null: 1
  const Tensor* bias = nullptr;    ///< null: 0
};

/// Weight and bias, where they are not none, are constants; all tensors are f32.
Reason check_norm(const ir::NodeView& view, std::size_t weight, std::size_t bias);

/// Over the last dimensions, `num_normalized` of them, of a value with constant sizes.
void lower_layer_norm(xnnpack::Builder& builder, ir::ValueId input, ir::ValueId result,
                      std::size_t num_normalized, const Normalization& normalization);

/// Over height, width and the channels of each group, of an image [N,C,H,W] whose N and C are
/// constant.
void lower_group_norm(xnnpack::Builder& builder, ir::ValueId input, ir::ValueId result,
                      std::uint32_t num_groups, const Normalization& normalization);

}  // namespace tessera::ops
