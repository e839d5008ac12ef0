// SPDX-License-Identifier: MIT
#pragma once

#include <optional>

#include "tessera/tensor.h"
#include "xnnpack/node_records.h"

namespace tessera::xnnpack {

/// Element type of a tensor with such elements; nothing if Tessera's tensors have none.
std::optional<DType> tensor_dtype(Datatype datatype);

}  // namespace tessera::xnnpack
