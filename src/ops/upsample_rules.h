// SPDX-License-Identifier: MIT
#pragma once

#include "ir/operator.h"

/// What the upsample_*2d operators have in common: images [N, C, H, W] become as large as an
/// argument says or times a factor.
namespace tessera::ops {

/// Result types from arguments `output_size` and `scale_factors` at these positions, exactly one of
/// which is there. The caller checks the dtype of argument 0, `input`.
Result<std::vector<ir::TensorType>> infer_upsample(const ir::TypeArguments& arguments,
                                                   std::size_t output_size,
                                                   std::size_t scale_factors);

/// Checks that there are rows and columns to take from, and that some are wanted.
Result<void> expect_image_sizes(const ir::TensorType& input, const ir::TensorType& result);

/// Distance in the input between neighbours of the output along a dimension; `factor` is the scale
/// factor, if there is one.
double upsample_scale(std::int64_t input, std::int64_t output, bool align_corners,
                      std::optional<double> factor);

/// Element `dim` of an optional list.
template <class A>
std::optional<double> scale_factor(const A& arguments, std::size_t position, std::size_t dim) {
  if (arguments.is_none(position)) return std::nullopt;
  return arguments.reals(position)[dim];
}

}  // namespace tessera::ops
