// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <initializer_list>
#include <limits>
#include <string_view>
#include <vector>

#include "ir/operator.h"

/// What operators' infer functions check and compute. Messages name the argument; the caller of
/// infer puts the operator's name in front.
namespace tessera::ops {

/// Largest kernel size, stride, padding and the like: products of a few of them cannot overflow.
inline constexpr std::int64_t kMaxWindowParameter = 1 << 20;

/// Fails with "argument 'self' is i8, expected f32 or f64".
Result<void> expect_dtype(const ir::TensorType& type, std::string_view name,
                          std::initializer_list<DType> expected);
/// Floating point types that every kernel has.
Result<void> expect_float(const ir::TensorType& type, std::string_view name);
Result<void> expect_same_dtype(const ir::TensorType& a, std::string_view name_a,
                               const ir::TensorType& b, std::string_view name_b);
Result<void> expect_rank(const ir::TensorType& type, std::string_view name, std::size_t min,
                         std::size_t max);
/// Fails unless the two sizes are equal for all values of their symbols.
Result<void> expect_equal(const ir::Dim& a, std::string_view what_a, const ir::Dim& b,
                          std::string_view what_b);

/// A constant integer argument within [min, max].
Result<std::int64_t> integer_argument(const ir::TypeArguments& arguments, std::size_t position,
                                      std::string_view name,
                                      std::int64_t min = std::numeric_limits<std::int64_t>::min(),
                                      std::int64_t max = std::numeric_limits<std::int64_t>::max());
/// A list of constant integers within [min, max], of this length; one element stands for all.
Result<std::vector<std::int64_t>> integers_argument(const ir::TypeArguments& arguments,
                                                    std::size_t position, std::string_view name,
                                                    std::size_t length, std::int64_t min,
                                                    std::int64_t max = kMaxWindowParameter);
/// Element `index` of a list of constant integers that infer has accepted.
template <class T>
std::int64_t list_element(const ir::BasicArguments<T>& arguments, std::size_t position,
                          std::size_t index) {
  return arguments.integer(position, arguments.dims(position).size() == 1 ? 0 : index);
}

/// A dimension counted from the front (0 ..) or the back (-1 ..) -> counted from the front.
Result<std::size_t> normalize_dim(std::int64_t dim, std::size_t rank, std::string_view name);

/// Number of positions of a sliding window, or why there is none.
struct WindowSize {
  std::int64_t kernel = 1, stride = 1, dilation = 1;
  std::int64_t padding = 0;  ///< on each side
  bool ceil_mode = false;    ///< a last window may stick out, if it starts inside
};
Result<ir::Dim> window_output(const ir::Dim& input, const WindowSize& window,
                              std::string_view what);

/// Sizes of an elementwise result.
Result<ir::Dims> broadcast(const ir::Dims& a, const ir::Dims& b);

/// "[1, 3, h, w]"
std::string to_string(const ir::Dims& dims);
ir::Dim num_elements(const ir::Dims& dims);

}  // namespace tessera::ops
