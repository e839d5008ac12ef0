// SPDX-License-Identifier: MIT
#include "ops/shape_rules.h"

#include <algorithm>

#include "base/try.h"

namespace tessera::ops {

using ir::Dim;
using ir::Dims;
using ir::TensorType;
using ir::TypeArguments;

Result<void> expect_dtype(const TensorType& type, std::string_view name,
                          std::initializer_list<DType> expected) {
  if (std::ranges::find(expected, type.dtype) != expected.end()) return {};
  std::string names;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    if (i > 0) names += i + 1 == expected.size() ? " or " : ", ";
    names += name_of(expected.begin()[i]);
  }
  return fail(ErrorCode::kInvalidType, "argument '{}' is {}, expected {}", name,
              name_of(type.dtype), names);
}

Result<void> expect_float(const TensorType& type, std::string_view name) {
  return expect_dtype(type, name, {DType::kF32, DType::kF64, DType::kF16, DType::kBF16});
}

Result<void> expect_same_dtype(const TensorType& a, std::string_view name_a, const TensorType& b,
                               std::string_view name_b) {
  if (a.dtype == b.dtype) return {};
  return fail(ErrorCode::kInvalidType, "argument '{}' is {}, but argument '{}' is {}", name_b,
              name_of(b.dtype), name_a, name_of(a.dtype));
}

Result<void> expect_rank(const TensorType& type, std::string_view name, std::size_t min,
                         std::size_t max) {
  if (type.rank() >= min && type.rank() <= max) return {};
  const std::string expected = min == max ? std::to_string(min) : std::format("{} to {}", min, max);
  return fail(ErrorCode::kInvalidArgument, "argument '{}' has sizes {}, expected {} dimensions",
              name, to_string(type.dims), expected);
}

Result<void> expect_equal(const Dim& a, std::string_view what_a, const Dim& b,
                          std::string_view what_b) {
  if (a == b) return {};
  const std::string_view reason =
      a.is_constant() && b.is_constant() ? "" : " (not equal for all sizes)";
  return fail(ErrorCode::kInvalidArgument, "{} is {}, but {} is {}{}", what_b, b.to_string(),
              what_a, a.to_string(), reason);
}

namespace {

Result<std::int64_t> checked_integer(const Dim& dim, std::string_view name, std::int64_t min,
                                     std::int64_t max) {
  if (!dim.is_constant()) {
    return fail(ErrorCode::kInvalidArgument, "argument '{}' is {}, expected a constant", name,
                dim.to_string());
  }
  if (dim.constant() < min || dim.constant() > max) {
    return fail(ErrorCode::kInvalidArgument, "argument '{}' is {}, expected {} to {}", name,
                dim.constant(), min, max);
  }
  return dim.constant();
}

}  // namespace

Result<std::int64_t> integer_argument(const TypeArguments& arguments, std::size_t position,
                                      std::string_view name, std::int64_t min, std::int64_t max) {
  return checked_integer(arguments.dim(position), name, min, max);
}

Result<std::vector<std::int64_t>> integers_argument(const TypeArguments& arguments,
                                                    std::size_t position, std::string_view name,
                                                    std::size_t length, std::int64_t min,
                                                    std::int64_t max) {
  const Dims& list = arguments.dims(position);
  if (list.size() != length && list.size() != 1) {
    return fail(ErrorCode::kInvalidArgument, "argument '{}' has {} elements, expected {}", name,
                list.size(), length);
  }
  std::vector<std::int64_t> values;
  for (const Dim& element : list) values.push_back(TRY(checked_integer(element, name, min, max)));
  values.resize(length, values.front());
  return values;
}

Result<std::size_t> normalize_dim(std::int64_t dim, std::size_t rank, std::string_view name) {
  const auto signed_rank = static_cast<std::int64_t>(rank);
  if (dim < -signed_rank || dim >= signed_rank) {
    return fail(ErrorCode::kInvalidArgument, "argument '{}' is {}, expected {} to {}", name, dim,
                -signed_rank, signed_rank - 1);
  }
  return static_cast<std::size_t>(dim < 0 ? dim + signed_rank : dim);
}

Result<Dim> window_output(const Dim& input, const WindowSize& window, std::string_view what) {
  const std::int64_t extent = window.dilation * (window.kernel - 1) + 1;
  const Dim room = input + Dim(2 * window.padding - extent);
  if (room.is_constant() && room.constant() < 0) {
    return fail(ErrorCode::kInvalidArgument,
                "{} is {} with padding {} on each side, but the window covers {}", what,
                input.to_string(), window.padding, extent);
  }
  if (!window.ceil_mode) return floor_div(room, Dim(window.stride)) + Dim(1);
  const Dim sticking_out = ceil_div(room, window.stride) + Dim(1);
  const Dim starting_inside =
      floor_div(input + Dim(window.padding - 1), Dim(window.stride)) + Dim(1);
  return min(sticking_out, starting_inside);
}

Result<Dims> broadcast(const Dims& a, const Dims& b) {
  Dims result = a.size() >= b.size() ? a : b;
  const Dims& shorter = a.size() >= b.size() ? b : a;
  const std::size_t offset = result.size() - shorter.size();
  for (std::size_t i = 0; i < shorter.size(); ++i) {
    Dim& size = result[offset + i];
    if (size == shorter[i] || shorter[i] == Dim(1)) continue;
    if (size != Dim(1)) {
      return fail(ErrorCode::kInvalidArgument, "sizes {} and {} do not broadcast: {} is not {}",
                  to_string(a), to_string(b), size.to_string(), shorter[i].to_string());
    }
    size = shorter[i];
  }
  return result;
}

std::string to_string(const Dims& dims) {
  std::string text = "[";
  for (std::size_t i = 0; i < dims.size(); ++i) {
    text += (i == 0 ? "" : ", ") + dims[i].to_string();
  }
  return text + "]";
}

Dim num_elements(const Dims& dims) {
  Dim product = 1;
  for (const Dim& dim : dims) product = product * dim;
  return product;
}

}  // namespace tessera::ops
