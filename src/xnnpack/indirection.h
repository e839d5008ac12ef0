// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

#include "xnnpack/infer_shapes.h"
#include "xnnpack/node_records.h"

namespace tessera::xnnpack {

/// Bytes of the pointer tables that XNNPACK makes for the convolutions of a payload whose sizes
/// have been inferred: one pointer per output pixel and filter tap
/// (src/operators/convolution-nhwc.c, indirection_buffer_size, up to rounding).
///
/// XNNPACK either keeps every table from reshape on, which is fastest, or (with
/// XNN_FLAG_TRANSIENT_INDIRECTION_BUFFER) makes each anew in shared workspace at every run, which a
/// large image needs: at 4096x4096 a table takes 1.2 GB.
std::size_t indirection_bytes(const Payload& payload, const ShapeInference& inference);

}  // namespace tessera::xnnpack
