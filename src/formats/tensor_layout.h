// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <span>

#include "tessera/tensor.h"

namespace tessera {

/// Fails (kInvalidProgram) unless every size is from 0 to 2^31 - 1, the product of the sizes in
/// bytes is an amount of memory even if sizes of 0 are taken as 1 (then no order of multiplying
/// them can overflow), and `dim_order` is a permutation of the dimensions.
Result<void> check_layout(DType dtype, const Shape& sizes, std::span<const std::uint8_t> dim_order);

}  // namespace tessera
