// SPDX-License-Identifier: MIT
#include "compare/operation_kinds.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

namespace tessera::compare {
namespace {

using xnnpack::NodeKind;
using Entry = std::pair<std::string_view, std::string_view>;

constexpr std::string_view kConvolution = "convolution", kLinear = "linear", kMean = "mean";

/// Operators whose kind is not their own name: those that other programs have under another name,
/// and those that compute nothing.
constexpr std::array kKernels = std::to_array<Entry>({
    {"_adaptive_avg_pool2d", kMean},
    {"_native_batch_norm_legit_no_training", kBatchNorm},
    {"_softmax", "softmax"},
    {"_to_copy", kConvert},
    {"_to_dim_order_copy", kConvert},
    {"_clone_dim_order", kConvert},
    {"add_scalar", "add"},
    {"addmm", kLinear},
    {"alias_copy", kConvert},
    {"avg_pool2d", "average pooling"},
    {"clone", kConvert},
    {"constant_pad_nd", "pad"},
    {"dequantize_per_tensor", kConvert},
    {"dequantize_per_token", kConvert},
    {"detach_copy", kConvert},
    {"et_view", kMovement},
    {"expand_copy", kMovement},
    {"hardtanh", kClamp},
    {"max_pool2d_with_indices", "max pooling"},
    {"mm", kLinear},
    {"bmm", "matmul"},
    {"permute_copy", kMovement},
    {"quantize_per_tensor", kConvert},
    {"quantize_per_token", kConvert},
    {"relu", kClamp},
    {"slice_copy", "slice"},
    {"squeeze_copy", kMovement},
    {"t_copy", kMovement},
    {"transpose_copy", kMovement},
    {"unsqueeze_copy", kMovement},
    {"upsample_bilinear2d", "resize"},
    {"view_copy", kMovement},
});

constexpr std::array kNodes = std::to_array<std::pair<NodeKind, std::string_view>>({
    {NodeKind::kSubtract, "sub"},
    {NodeKind::kMultiply, "mul"},
    {NodeKind::kFullyConnected, kLinear},
    {NodeKind::kConv2d, kConvolution},
    {NodeKind::kDepthwiseConv2d, kConvolution},
    {NodeKind::kConvTranspose2d, kConvolution},
    {NodeKind::kStaticTranspose, kMovement},
    {NodeKind::kStaticReshape, kMovement},
    {NodeKind::kStaticResizeBilinear2D, "resize"},
    {NodeKind::kStaticConstantPad, "pad"},
    {NodeKind::kStaticSlice, "slice"},
    {NodeKind::kAvgPooling2d, "average pooling"},
    {NodeKind::kGlobalAvgPooling2d, kMean},
    {NodeKind::kMaxPooling2d, "max pooling"},
    {NodeKind::kConvert, kConvert},
    {NodeKind::kCopy, kConvert},
    {NodeKind::kSquareRoot, "sqrt"},
    {NodeKind::kReciprocalSquareRoot, "rsqrt"},
    {NodeKind::kCeiling, "ceil"},
    {NodeKind::kLeakyReLU, "leaky_relu"},
    {NodeKind::kNegate, "neg"},
    {NodeKind::kConcatenate2, "cat"},
    {NodeKind::kConcatenate3, "cat"},
    {NodeKind::kConcatenate4, "cat"},
    {NodeKind::kConcatenate5, "cat"},
    {NodeKind::kBatchMatrixMultiply, "matmul"},
});

/// "add" of "aten::add.out".
std::string_view base_name(std::string_view name) {
  const std::size_t colons = name.find("::");
  if (colons != std::string_view::npos) name.remove_prefix(colons + 2);
  return name.substr(0, name.find('.'));
}

}  // namespace

std::string kind_of_kernel(std::string_view name) {
  const std::string_view base = base_name(name);
  const auto found = std::ranges::find(kKernels, base, &Entry::first);
  return std::string(found == kKernels.end() ? base : found->second);
}

std::string kind_of_node(NodeKind kind) {
  const auto found = std::ranges::find(kNodes, kind, &std::pair<NodeKind, std::string_view>::first);
  if (found != kNodes.end()) return std::string(found->second);
  std::string name(xnnpack::name_of(kind));
  std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
  return name;
}

std::optional<std::size_t> weight_argument(std::string_view name) {
  const std::string_view base = base_name(name);
  if (base == kConvolution || base == kLinear || base == "mm") return 1;
  if (base == "addmm") return 2;
  return std::nullopt;
}

bool has_weights(NodeKind kind) {
  return kind == NodeKind::kConv2d || kind == NodeKind::kDepthwiseConv2d ||
         kind == NodeKind::kConvTranspose2d || kind == NodeKind::kFullyConnected;
}

}  // namespace tessera::compare
