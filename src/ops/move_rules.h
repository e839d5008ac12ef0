// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include "ir/operator.h"

/// What the infer functions and kernels of several operators that move elements have in common.
namespace tessera::ops {

using Types = Result<std::vector<ir::TensorType>>;

/// A constant `dim` argument as a position from the front. A tensor of rank 0 counts as one
/// dimension, as in ATen.
Result<std::size_t> dim_argument(const ir::TypeArguments& arguments, std::size_t position,
                                 std::size_t rank, std::string_view name);
/// A list of such dims, each at most once. None stands for no dims.
Result<std::vector<std::size_t>> dims_argument(const ir::TypeArguments& arguments,
                                               std::size_t position, std::size_t rank,
                                               std::string_view name);
/// A list of sizes from 0 on, of a new tensor.
Result<ir::Dims> sizes_argument(const ir::TypeArguments& arguments, std::size_t position,
                                std::string_view name);
/// Fails unless the rank leaves room for one more dimension.
Result<void> expect_room(const ir::TensorType& type, std::string_view name);
/// i32 or i64: what tensors of indices are.
Result<void> expect_index(const ir::TensorType& type, std::string_view name);

/// Fails if elements of this type cannot hold a Scalar argument: 300 for u8.
Result<void> expect_scalar(const ir::TypeArguments& arguments, std::size_t position, DType dtype,
                           std::string_view name);

/// The sizes of an argument as numbers, for region rules.
Shape shape_at(const ir::TypeArguments& arguments, std::size_t position);

/// Element `i` of a tensor of indices, i32 or i64.
inline std::int64_t index_at(const Tensor& index, std::int64_t i) {
  return index.dtype() == DType::kI64 ? index.data<std::int64_t>()[i]
                                      : index.data<std::int32_t>()[i];
}

}  // namespace tessera::ops
