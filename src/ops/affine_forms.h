// SPDX-License-Identifier: MIT
#pragma once

#include "ops/affine_runs.h"

namespace tessera::ops {

/// A form in which quantize and dequantize operators take scales and zero points, behind the input.
struct AffineForm {
  Result<void> (*check)(const ir::TypeArguments& arguments);         ///< for infer
  Result<AffineRuns> (*runs)(const ir::KernelArguments& arguments);  ///< for kernels
  std::size_t quant_min = 0;  ///< where the range follows, and the dtype after it
};

extern const AffineForm kPerTensor;           ///< a number each
extern const AffineForm kPerTensorOfTensors;  ///< tensors of one element
extern const AffineForm kPerChannel;          ///< one for each position along an axis
extern const AffineForm kPerToken;            ///< one for each row

}  // namespace tessera::ops
