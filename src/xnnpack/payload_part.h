// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "xnnpack/node_records.h"

namespace tessera::xnnpack {

/// Some of a payload's nodes as a payload of its own.
struct PayloadPart {
  Payload payload;
  /// Indices into the whole payload's values of the part's external values, by external id: what
  /// its nodes read and others make, then what its nodes make and others, or callers, read.
  std::vector<std::size_t> inputs, outputs;
};

/// The part that has these nodes (indices in ascending order) of a checked payload. All values that
/// cross its border must be f32, qint8 or quint8. Constants that it does not need become empty.
PayloadPart part_of(const Payload& payload, std::span<const std::size_t> nodes);

/// A checked payload that gives further values, which its nodes make, to its callers: behind its
/// own outputs, in this order. Indices into the payload's values of internal ones that tensor_dtype
/// has a type for.
Payload with_outputs(Payload payload, std::span<const std::size_t> values);

}  // namespace tessera::xnnpack
