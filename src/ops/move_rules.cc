// SPDX-License-Identifier: MIT
#include "ops/move_rules.h"

#include <algorithm>
#include <cmath>

#include "base/try.h"
#include "ops/dispatch.h"
#include "ops/shape_rules.h"

namespace tessera::ops {

Result<std::size_t> dim_argument(const ir::TypeArguments& arguments, std::size_t position,
                                 std::size_t rank, std::string_view name) {
  return normalize_dim(TRY(integer_argument(arguments, position, name)),
                       std::max<std::size_t>(rank, 1), name);
}

Result<std::vector<std::size_t>> dims_argument(const ir::TypeArguments& arguments,
                                               std::size_t position, std::size_t rank,
                                               std::string_view name) {
  std::vector<std::size_t> dims;
  if (arguments.is_none(position)) return dims;
  for (const ir::Dim& dim : arguments.dims(position)) {
    if (!dim.is_constant()) {
      return fail(ErrorCode::kInvalidArgument, "argument '{}' has {}, expected constants", name,
                  dim.to_string());
    }
    dims.push_back(TRY(normalize_dim(dim.constant(), std::max<std::size_t>(rank, 1), name)));
    if (std::ranges::count(dims, dims.back()) > 1) {
      return fail(ErrorCode::kInvalidArgument, "argument '{}' has {} twice", name, dim.constant());
    }
  }
  return dims;
}

Result<ir::Dims> sizes_argument(const ir::TypeArguments& arguments, std::size_t position,
                                std::string_view name) {
  const ir::Dims& sizes = arguments.dims(position);
  if (sizes.size() > Shape::kMaxRank) {
    return fail(ErrorCode::kInvalidArgument, "argument '{}' has {} elements, expected up to {}",
                name, sizes.size(), Shape::kMaxRank);
  }
  for (const ir::Dim& size : sizes) {
    if (!size.is_constant() || size.constant() >= 0) continue;
    return fail(ErrorCode::kInvalidArgument, "argument '{}' is {}, expected sizes from 0 on", name,
                to_string(sizes));
  }
  return sizes;
}

Result<void> expect_room(const ir::TensorType& type, std::string_view name) {
  return expect_rank(type, name, 0, Shape::kMaxRank - 1);
}

Result<void> expect_index(const ir::TensorType& type, std::string_view name) {
  return expect_dtype(type, name, {DType::kI64, DType::kI32});
}

Result<void> expect_scalar(const ir::TypeArguments& arguments, std::size_t position, DType dtype,
                           std::string_view name) {
  if (!contains(AllTypes(), dtype)) {
    return fail(ErrorCode::kInvalidType, "its result is {}, expected {}", name_of(dtype),
                names_of(AllTypes()));
  }
  const double value = arguments.real(position);
  bool fits = true;
  dispatch<AllTypes>(dtype, [&]<class T>() {
    // Negative numbers wrap around for unsigned types, as in ATen.
    if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
      fits = std::abs(value) <= static_cast<double>(std::numeric_limits<T>::max()) ||
             value == static_cast<double>(std::numeric_limits<T>::min());
    }
  });
  if (fits) return {};
  return fail(ErrorCode::kInvalidArgument, "argument '{}' is {}, which {} cannot hold", name, value,
              name_of(dtype));
}

Shape shape_at(const ir::TypeArguments& arguments, std::size_t position) {
  const auto shape = ir::constant_shape(arguments.tensor(position));
  CHECK(shape.has_value());
  return *shape;
}

}  // namespace tessera::ops
