// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "runtime/scalars.h"
#include "tessera/result.h"

namespace tessera::runtime {

/// What a primitive operator reads besides numbers, or does besides computing one.
enum class PrimKind : std::uint8_t {
  kNumbers,    ///< numbers -> number
  kSize,       ///< tensor, dimension -> its size there
  kNumel,      ///< tensor -> number of elements
  kElement,    ///< tensor -> its first element
  kView,       ///< tensor, sizes -> the same memory with other sizes
  kCopyIndex,  ///< tensor to, tensor from, i: to[i] = from
};

/// One of the operators that ExecuTorch's core runtime has itself. Calls have `num_inputs`
/// arguments and one result (kCopyIndex changes its first argument and has none).
struct PrimOperator {
  using Function = Result<Scalar> (*)(std::span<const Scalar> inputs);

  std::string_view name;
  std::size_t num_inputs = 0;
  PrimKind kind = PrimKind::kNumbers;
  Function function = nullptr;  ///< for kNumbers
};

/// All 28 (kernels/prim_ops/register_prim_ops.cpp of ExecuTorch 1.4).
std::span<const PrimOperator> prim_operators();
/// By name in the file, "executorch_prim::add.Scalar"; null if there is none.
const PrimOperator* find_prim_operator(std::string_view name);

}  // namespace tessera::runtime
