// SPDX-License-Identifier: MIT
#pragma once

#include "ops/xnnpack_rules.h"

/// Convolutions as XNNPACK's nodes: plain, depthwise and transposed ones of two dimensions, and
/// those of one dimension as images of height 1.
namespace tessera::ops {

/// Positions of aten::convolution's arguments.
namespace convolution {
enum : std::size_t {
  kInput,
  kWeight,
  kBias,
  kStride,
  kPadding,
  kDilation,
  kTransposed,
  kOutputPadding,
  kGroups
};
}  // namespace convolution

Reason check_convolution(const ir::NodeView& view);
/// XNNPACK has scales per channel for transposed convolutions of one group only.
Reason check_int8_convolution(const ir::NodeView& view, std::span<const float> operand_scales,
                              float result_scale);
Result<void> lower_convolution(const ir::NodeView& view, xnnpack::Builder& builder);

}  // namespace tessera::ops
