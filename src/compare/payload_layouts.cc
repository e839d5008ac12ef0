// SPDX-License-Identifier: MIT
#include "compare/payload_layouts.h"

#include <algorithm>

#include "xnnpack/channels_last.h"

namespace tessera::compare {
namespace {

using xnnpack::NodeKind;
using xnnpack::NodeRecord;

constexpr std::size_t kImageRank = 4;

/// Takes and makes images with channels last only.
bool is_for_images(NodeKind kind) {
  switch (kind) {
    case NodeKind::kConv2d:
    case NodeKind::kDepthwiseConv2d:
    case NodeKind::kConvTranspose2d:
    case NodeKind::kAvgPooling2d:
    case NodeKind::kGlobalAvgPooling2d:
    case NodeKind::kMaxPooling2d:
    case NodeKind::kArgMaxPooling2d:
    case NodeKind::kStaticResizeBilinear2D:
      return true;
    default:
      return false;
  }
}

bool is_channels_last_after(const NodeRecord& node, const std::vector<bool>& inputs) {
  if (is_for_images(node.kind)) return true;
  if (node.kind == NodeKind::kStaticTranspose) {
    const auto& permutation = std::get<xnnpack::TransposeParams>(node.params).permutation;
    if (inputs[0]) return false;
    return std::ranges::equal(permutation, xnnpack::kToChannelsLast);
  }
  if (node.kind == NodeKind::kStaticReshape || node.kind == NodeKind::kFullyConnected ||
      node.kind == NodeKind::kBatchMatrixMultiply ||
      node.kind == NodeKind::kScaledDotProductAttention) {
    return false;
  }
  return std::ranges::contains(inputs, true);  // element by element, or along an axis
}

}  // namespace

std::vector<bool> find_channels_last(const xnnpack::Payload& payload,
                                     const xnnpack::ShapeInference& operands) {
  std::vector<bool> result(payload.values.size());
  for (std::size_t i = 0; i < payload.nodes.size(); ++i) {
    const std::size_t image = operands.node_inputs(i).front();
    if (is_for_images(payload.nodes[i].kind) && payload.values[image].flags != 0) {
      result[image] = true;  // the caller's, channels last in memory
    }
  }
  for (std::size_t i = 0; i < payload.nodes.size(); ++i) {
    std::vector<bool> inputs;
    for (const std::size_t input : operands.node_inputs(i)) inputs.push_back(result[input]);
    for (const std::size_t output : operands.node_outputs(i)) {
      result[output] = payload.values[output].dims.size() == kImageRank &&
                       is_channels_last_after(payload.nodes[i], inputs);
    }
  }
  return result;
}

}  // namespace tessera::compare
