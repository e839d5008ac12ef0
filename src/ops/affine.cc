// SPDX-License-Identifier: MIT
#include "ops/affine.h"

#include "ops/dispatch.h"
#include "ops/shape_rules.h"

namespace tessera::ops {

namespace {

using ScaleTypes = TypeList<float, double>;
using ZeroPointTypes = Joined<IntegerTypes, TypeList<float, double>>;
constexpr QuantRange kInt32 = {std::numeric_limits<std::int32_t>::min(),
                               std::numeric_limits<std::int32_t>::max()};

}  // namespace

QuantRange range_of(DType dtype) {
  QuantRange range;
  dispatch<QuantizedTypes>(dtype, [&]<class Q>() {
    range = {std::numeric_limits<Q>::min(), std::numeric_limits<Q>::max()};
  });
  return range;
}

Result<QuantRange> quant_range_argument(const ir::TypeArguments& arguments, std::size_t position,
                                        DType dtype) {
  const QuantRange bounds = range_of(dtype);
  const std::int64_t min =
      TRY(integer_argument(arguments, position, "quant_min", bounds.min, bounds.max));
  const std::int64_t max =
      TRY(integer_argument(arguments, position + 1, "quant_max", min, bounds.max));
  return QuantRange{min, max};
}

QuantRange quant_range(const ir::KernelArguments& arguments, std::size_t position) {
  return {arguments.integer(position), arguments.integer(position + 1)};
}

Result<void> expect_params(const ir::TensorType& scales, const ir::TensorType* zero_points) {
  TRY(expect_types<ScaleTypes>(scales, "scales"));
  if (zero_points != nullptr) TRY(expect_types<ZeroPointTypes>(*zero_points, "zero_points"));
  return {};
}

Result<AffineParams> params_at(const Tensor& scales, const Tensor* zero_points, std::int64_t i) {
  AffineParams params;
  dispatch<ScaleTypes>(scales.dtype(),
                       [&]<class T>() { params.scale = static_cast<float>(scales.data<T>()[i]); });
  if (zero_points == nullptr) return params;
  double zero_point = 0;
  dispatch<ZeroPointTypes>(zero_points->dtype(), [&]<class T>() {
    zero_point = static_cast<double>(zero_points->data<T>()[i]);
  });
  if (!(zero_point >= static_cast<double>(kInt32.min) &&
        zero_point <= static_cast<double>(kInt32.max))) {
    return fail(ErrorCode::kInvalidArgument, "zero point {} is {}, expected a 32-bit integer", i,
                zero_point);
  }
  params.zero_point = static_cast<std::int32_t>(zero_point);
  return params;
}

}  // namespace tessera::ops
