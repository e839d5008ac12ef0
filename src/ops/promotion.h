// SPDX-License-Identifier: MIT
#pragma once

#include <optional>

#include "ir/operator.h"

/// ATen's type promotion (torch.result_type; c10/core/ScalarType.h and
/// aten/src/ATen/native/TypeProperties.cpp).
namespace tessera::ops {

/// The smallest type that both fit: promote(kI32, kF16) is kF16, promote(kU8, kI8) is kI16.
DType promote(DType a, DType b);

/// Collects operands: tensors with dimensions go before tensors of rank 0, those before Scalars,
/// unless the later is of a higher kind (bool, integer, floating point).
class ResultType {
 public:
  ResultType& add(const ir::TensorType& tensor) { return add(tensor.dtype, tensor.rank()); }
  ResultType& add(DType dtype, std::size_t rank);
  /// A Scalar argument at this position: an integer is i64, a real number the default f32.
  template <class T>
  ResultType& add_scalar(const ir::BasicArguments<T>& arguments, std::size_t position) {
    const auto& argument = arguments[position];
    if (std::holds_alternative<bool>(argument)) return add_scalar(DType::kBool);
    return add_scalar(std::holds_alternative<double>(argument) ? DType::kF32 : DType::kI64);
  }
  ResultType& add_scalar(DType dtype);
  DType dtype() const;

 private:
  std::optional<DType> dimensioned_, zero_dimensional_, scalar_;
};

/// Result type of operands `self` and `other` at these positions, both tensors.
DType result_type(const ir::TypeArguments& arguments, std::size_t self, std::size_t other);
/// Integers and bool become f32, as in true division, exp, mean, ...
DType float_type(DType dtype);
/// The dtype that a ScalarType argument names, or `otherwise` if it is None. Fails for a number
/// that Tessera has no dtype for.
Result<DType> dtype_argument(const ir::TypeArguments& arguments, std::size_t position,
                             DType otherwise);

}  // namespace tessera::ops
