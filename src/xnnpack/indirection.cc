// SPDX-License-Identifier: MIT
#include "xnnpack/indirection.h"

#include <algorithm>

namespace tessera::xnnpack {
namespace {

/// Pointers per output pixel; none where XNNPACK needs no table.
std::size_t pointers_per_pixel(const NodeRecord& node) {
  const auto* convolution = std::get_if<ConvolutionParams>(&node.params);
  if (convolution == nullptr) return 0;
  const std::size_t taps =
      std::size_t{convolution->kernel_height} * std::size_t{convolution->kernel_width};
  if (node.kind == NodeKind::kConv2d) return taps == 1 ? 0 : taps;
  if (node.kind == NodeKind::kDepthwiseConv2d) {
    // Neighbouring windows share their columns.
    const std::uint32_t new_columns =
        convolution->dilation_width == 1
            ? std::min(convolution->subsampling_width, convolution->kernel_width)
            : convolution->kernel_width;
    return std::size_t{convolution->kernel_height} * new_columns;
  }
  return 0;
}

}  // namespace

std::size_t indirection_bytes(const Payload& payload, const ShapeInference& inference) {
  std::size_t bytes = 0;
  for (std::size_t node = 0; node < payload.nodes.size(); ++node) {
    const std::size_t pointers = pointers_per_pixel(payload.nodes[node]);
    if (pointers == 0) continue;
    const Shape& output = inference.shape(inference.node_outputs(node)[0]);  // NHWC
    bytes += sizeof(void*) * pointers * static_cast<std::size_t>(output[1] * output[2]);
  }
  return bytes;
}

}  // namespace tessera::xnnpack
