// SPDX-License-Identifier: MIT
#pragma once

#include "ops/xnnpack_rules.h"

/// The calls between real numbers and integers as XNNPACK's conversions, where no int8 node around
/// them makes them unnecessary.
namespace tessera::ops {

Reason check_quantize(const ir::NodeView& view);
Result<void> lower_quantize(const ir::NodeView& view, xnnpack::Builder& builder);

Reason check_dequantize(const ir::NodeView& view);
Result<void> lower_dequantize(const ir::NodeView& view, xnnpack::Builder& builder);

}  // namespace tessera::ops
