// SPDX-License-Identifier: MIT
#include "ir/operator.h"

#include "ir/text.h"

namespace tessera::ir {

TensorType type_of(const Tensor& tensor) {
  return {tensor.dtype(), Dims(tensor.shape().begin(), tensor.shape().end())};
}

Result<Shape> constant_shape(const TensorType& type) {
  if (type.rank() > Shape::kMaxRank) {
    return fail(ErrorCode::kInvalidArgument, "{} has {} dimensions, at most {} are possible",
                print(type), type.rank(), Shape::kMaxRank);
  }
  Shape shape;
  for (const Dim& dim : type.dims) {
    if (!dim.is_constant() || dim.constant() < 0) {
      return fail(ErrorCode::kInvalidArgument, "the size {} of {} is no number from 0 on",
                  dim.to_string(), print(type));
    }
    shape.push_back(dim.constant());
  }
  return shape;
}

}  // namespace tessera::ir
