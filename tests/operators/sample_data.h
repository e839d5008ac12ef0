// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <string_view>

#include "ops/element_types.h"
#include "tessera/tensor.h"

/// The elements of samples' tensors. tools/make_goldens.py has the same rule in Python.
namespace tessera::testing {

/// Which tensor of which sample: `tensor` counts the tensors of the call, those in lists too.
struct SampleTensorId {
  std::string_view operator_name;  ///< "aten::add.Tensor"
  std::size_t sample = 0;
  std::size_t tensor = 0;
};

/// 24 pseudo-random bits for each element: the upper ones of splitmix64 of a counter that starts at
/// FNV-1a of the operator's name, the sample and the tensor.
inline std::uint32_t sample_bits(const SampleTensorId& id, std::uint64_t element) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : id.operator_name) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  }
  hash = (hash ^ id.sample) * 0x100000001b3;
  hash = (hash ^ id.tensor) * 0x100000001b3;
  std::uint64_t mixed = hash + (element + 1) * 0x9e3779b97f4a7c15;
  mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
  mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
  return static_cast<std::uint32_t>((mixed ^ (mixed >> 31)) >> 40);
}

/// Which elements a tensor has.
struct ElementRange {
  bool is_positive = false;
  std::int64_t index_limit = 0;  ///< ir::Sample::index_limit
};

/// Tensor arguments whose elements must be positive: variances, scales.
inline constexpr std::array<std::string_view, 4> kPositiveArguments = {"running_var", "scale",
                                                                       "scales", "weight_scales"};

/// Real numbers are multiples of 2^-22 in [-2, 2), or in [0.25, 2.25) if positive (rounded to the
/// type); integers are in [-10, 10], or [0, 20] if unsigned, or below the index limit.
template <class T>
T sample_element(std::uint32_t bits, const ElementRange& range) {
  if constexpr (std::is_same_v<T, bool>) {
    return bits % 2 != 0;
  } else if constexpr (ops::kIsFloat<T>) {
    const double value = (static_cast<double>(bits) - (1 << 23)) / (1 << 22);
    return static_cast<T>(range.is_positive ? std::abs(value) + 0.25 : value);
  } else if (range.index_limit > 0) {
    return static_cast<T>(bits % static_cast<std::uint32_t>(range.index_limit));
  } else {
    return static_cast<T>(static_cast<std::int64_t>(bits % 21) - (std::is_signed_v<T> ? 10 : 0));
  }
}

/// A tensor filled by the rule; any of ops::AllTypes.
Result<Tensor> make_sample_tensor(const SampleTensorId& id, DType dtype, const Shape& shape,
                                  const ElementRange& range);

}  // namespace tessera::testing
