// SPDX-License-Identifier: MIT
#pragma once

#include "tessera/tensor.h"

namespace tessera {

/// Copies all elements; `to` has the same dtype and sizes and may have another dim order. The two
/// do not overlap, unless they are the same memory in the same order.
void reorder(const Tensor& from, Tensor& to);

}  // namespace tessera
