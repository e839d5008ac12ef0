// SPDX-License-Identifier: MIT
#include "ops/upsample_rules.h"

#include <cmath>

#include "base/try.h"
#include "ops/shape_rules.h"

namespace tessera::ops {

namespace {

using ir::Dim;
using ir::TensorType;

/// floor(size * factor) as ATen computes it. A symbolic size needs a factor n / 2^k.
Result<Dim> scaled_size(const Dim& size, double factor) {
  constexpr double kMaxFactor = 1 << 20;
  if (!(factor > 0 && factor <= kMaxFactor)) {
    return fail(ErrorCode::kInvalidArgument, "argument 'scale_factors' has {}, expected 0 to {}",
                factor, kMaxFactor);
  }
  if (size.is_constant()) {
    return Dim(static_cast<std::int64_t>(static_cast<double>(size.constant()) * factor));
  }
  std::int64_t denominator = 1;
  while (denominator < 1024 && factor != std::floor(factor)) {
    factor *= 2;
    denominator *= 2;
  }
  if (factor != std::floor(factor)) {
    return fail(ErrorCode::kNotSupported,
                "argument 'scale_factors' has {}, expected a multiple of 1/1024 for size {}",
                factor / static_cast<double>(denominator), size.to_string());
  }
  return floor_div(size * Dim(static_cast<std::int64_t>(factor)), Dim(denominator));
}

}  // namespace

Result<std::vector<TensorType>> infer_upsample(const ir::TypeArguments& arguments,
                                               std::size_t output_size, std::size_t scale_factors) {
  const TensorType& input = arguments.tensor(0);
  TRY(expect_rank(input, "input", 4, 4));
  if (arguments.is_none(output_size) == arguments.is_none(scale_factors)) {
    return fail(ErrorCode::kInvalidArgument,
                "expected either argument 'output_size' or argument 'scale_factors'");
  }
  const bool has_size = !arguments.is_none(output_size);
  const std::size_t length =
      has_size ? arguments.dims(output_size).size() : arguments.reals(scale_factors).size();
  if (length != 2) {
    return fail(ErrorCode::kInvalidArgument, "argument '{}' has {} elements, expected 2",
                has_size ? "output_size" : "scale_factors", length);
  }
  TensorType result = input;
  for (std::size_t i = 0; i < 2; ++i) {
    Dim& size = result.dims[2 + i];
    size = has_size ? arguments.dims(output_size)[i]
                    : TRY(scaled_size(size, arguments.reals(scale_factors)[i]));
  }
  TRY(expect_image_sizes(input, result));
  return std::vector{std::move(result)};
}

Result<void> expect_image_sizes(const TensorType& input, const TensorType& result) {
  for (std::size_t dim = 2; dim < 4; ++dim) {
    if (input.dims[dim] == Dim(0)) {
      return fail(ErrorCode::kInvalidArgument, "argument 'input' has sizes {}, expected no 0",
                  to_string(input.dims));
    }
    const Dim& size = result.dims[dim];
    if (size.is_constant() && size.constant() < 1) {
      return fail(ErrorCode::kInvalidArgument, "the result's size would be {}", size.to_string());
    }
  }
  return {};
}

double upsample_scale(std::int64_t input, std::int64_t output, bool align_corners,
                      std::optional<double> factor) {
  if (align_corners) {
    return output > 1 ? static_cast<double>(input - 1) / static_cast<double>(output - 1) : 0;
  }
  return factor ? 1 / *factor : static_cast<double>(input) / static_cast<double>(output);
}

}  // namespace tessera::ops
