// SPDX-License-Identifier: MIT
#include "ops/affine_runs.h"

#include "ops/along_dim.h"
#include "ops/promotion.h"
#include "ops/shape_rules.h"

namespace tessera::ops {

namespace {

Result<std::vector<AffineParams>> all_params(const Tensor& scales, const Tensor* zero_points) {
  std::vector<AffineParams> params;
  params.reserve(static_cast<std::size_t>(scales.num_elements()));
  for (std::int64_t i = 0; i < scales.num_elements(); ++i) {
    params.push_back(TRY(params_at(scales, zero_points, i)));
  }
  return params;
}

}  // namespace

Result<AffineRuns> channel_runs(const Tensor& tensor, std::int64_t axis, const Tensor& scales,
                                const Tensor* zero_points) {
  const AlongDim along(tensor.shape(), dim_of(axis, tensor.rank()));
  return AffineRuns{along.outer * along.size, along.inner, TRY(all_params(scales, zero_points))};
}

Result<AffineRuns> token_runs(const Tensor& tensor, const Tensor& scales,
                              const Tensor* zero_points) {
  return AffineRuns{scales.num_elements(), tensor.size(tensor.rank() - 1),
                    TRY(all_params(scales, zero_points))};
}

Result<void> expect_one_param(const ir::TensorType& scale, const ir::TensorType& zero_point) {
  TRY(expect_params(scale, &zero_point));
  TRY(expect_equal(ir::Dim(1), "number of scales", num_elements(scale.dims),
                   "number of elements of argument 'scale'"));
  return expect_equal(ir::Dim(1), "number of zero points", num_elements(zero_point.dims),
                      "number of elements of argument 'zero_point'");
}

Result<void> expect_channel_params(const ir::TypeArguments& arguments, std::size_t axis_position,
                                   const ir::TensorType& scales,
                                   const ir::TensorType* zero_points) {
  const ir::TensorType& input = arguments.tensor(0);
  TRY(expect_params(scales, zero_points));
  const std::int64_t axis = TRY(integer_argument(arguments, axis_position, "axis"));
  const ir::Dim& size = input.dims[TRY(normalize_dim(axis, input.rank(), "axis"))];
  TRY(expect_rank(scales, "scales", 1, 1));
  TRY(expect_equal(size, "size of 'input' along the axis", scales.dims[0],
                   "size of argument 'scales'"));
  if (zero_points == nullptr) return {};
  TRY(expect_rank(*zero_points, "zero_points", 1, 1));
  return expect_equal(size, "size of 'input' along the axis", zero_points->dims[0],
                      "size of argument 'zero_points'");
}

Result<void> expect_token_params(const ir::TensorType& input, const ir::TensorType& scales,
                                 const ir::TensorType& zero_points) {
  TRY(expect_params(scales, &zero_points));
  TRY(expect_rank(input, "input", 1, Shape::kMaxRank));
  ir::Dims tokens = input.dims;
  tokens.back() = 1;
  for (const ir::TensorType* params : {&scales, &zero_points}) {
    if (params->dims == tokens) continue;
    return fail(ErrorCode::kInvalidArgument, "scales or zero points have sizes {}, expected {}",
                to_string(params->dims), to_string(tokens));
  }
  return {};
}

Result<void> expect_zero_point(const ir::TypeArguments& arguments, std::size_t position) {
  static_cast<void>(TRY(integer_argument(arguments, position, "zero_point",
                                         std::numeric_limits<std::int32_t>::min(),
                                         std::numeric_limits<std::int32_t>::max())));
  return {};
}

Result<DType> quantized_dtype_argument(const ir::TypeArguments& arguments, std::size_t position) {
  const DType dtype = TRY(dtype_argument(arguments, position, DType::kI8));
  if (contains(QuantizedTypes(), dtype)) return dtype;
  return fail(ErrorCode::kInvalidType, "argument 'dtype' is {}, expected {}", name_of(dtype),
              names_of(QuantizedTypes()));
}

}  // namespace tessera::ops
