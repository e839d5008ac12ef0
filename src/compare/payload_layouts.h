// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include "xnnpack/infer_shapes.h"
#include "xnnpack/node_records.h"

namespace tessera::compare {

/// By index into the payload's values: whether it is an image N, H, W, C, which the model knows as
/// N, C, H, W. The blob does not say so; it follows from the nodes, of which some take no other
/// layout, and from transposes. A model's own permutations may look the same.
std::vector<bool> find_channels_last(const xnnpack::Payload& payload,
                                     const xnnpack::ShapeInference& operands);

}  // namespace tessera::compare
