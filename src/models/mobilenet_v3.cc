// SPDX-License-Identifier: MIT
#include <algorithm>
#include <span>

#include "models/recipes.h"

// MobileNetV3 (Howard et al. 2019) with torchvision's names.
namespace tessera::models {
namespace {

enum Activation { kRelu, kHardswish };

struct Block {
  std::int64_t kernel;
  std::int64_t expanded;  ///< channels inside
  std::int64_t channels;  ///< of the result
  bool has_squeeze;       ///< squeeze-and-excitation
  Activation activation;
  std::int64_t stride;
};
constexpr Block kSmall[] = {
    {3, 16, 16, true, kRelu, 2},       {3, 72, 24, false, kRelu, 2},
    {3, 88, 24, false, kRelu, 1},      {5, 96, 40, true, kHardswish, 2},
    {5, 240, 40, true, kHardswish, 1}, {5, 240, 40, true, kHardswish, 1},
    {5, 120, 48, true, kHardswish, 1}, {5, 144, 48, true, kHardswish, 1},
    {5, 288, 96, true, kHardswish, 2}, {5, 576, 96, true, kHardswish, 1},
    {5, 576, 96, true, kHardswish, 1},
};
constexpr Block kLarge[] = {
    {3, 16, 16, false, kRelu, 1},       {3, 64, 24, false, kRelu, 2},
    {3, 72, 24, false, kRelu, 1},       {5, 72, 40, true, kRelu, 2},
    {5, 120, 40, true, kRelu, 1},       {5, 120, 40, true, kRelu, 1},
    {3, 240, 80, false, kHardswish, 2}, {3, 200, 80, false, kHardswish, 1},
    {3, 184, 80, false, kHardswish, 1}, {3, 184, 80, false, kHardswish, 1},
    {3, 480, 112, true, kHardswish, 1}, {3, 672, 112, true, kHardswish, 1},
    {5, 672, 160, true, kHardswish, 2}, {5, 960, 160, true, kHardswish, 1},
    {5, 960, 160, true, kHardswish, 1},
};
constexpr std::size_t kNumDilatedBlocks = 3;
constexpr std::int64_t kFirstChannels = 16;
constexpr std::int64_t kLastExpansion = 6;
constexpr double kEpsilon = 1e-3;

/// A quarter, in steps of 8, and not less than nine tenths of it.
std::int64_t squeezed_channels(std::int64_t channels) {
  constexpr std::int64_t kStep = 8;
  const std::int64_t wanted = channels / 4;
  const std::int64_t rounded = std::max(kStep, (wanted + kStep / 2) / kStep * kStep);
  return rounded * 10 < wanted * 9 ? rounded + kStep : rounded;
}

GraphValue activate(GraphBuilder& net, GraphValue x, Activation activation) {
  return activation == kRelu ? net.relu(x) : net.call("aten::hardswish", {x});
}

/// LAYER.0 a convolution, LAYER.1 its batch norm.
GraphValue conv_bn(GraphBuilder& net, const std::string& layer, GraphValue x,
                   Conv2dOptions options) {
  options.has_bias = false;
  return net.batch_norm(layer + ".1", net.conv2d(layer + ".0", x, options), kEpsilon);
}

GraphValue squeeze_excite(GraphBuilder& net, const std::string& layer, GraphValue x) {
  const std::int64_t channels = net.channels(x);
  GraphValue scale = net.global_average_pool(x);
  scale =
      net.conv2d(layer + ".fc1", scale, {.out_channels = squeezed_channels(channels), .kernel = 1});
  scale = net.conv2d(layer + ".fc2", net.relu(scale), {.out_channels = channels, .kernel = 1});
  return net.call("aten::mul.Tensor", {net.call("aten::hardsigmoid", {scale}), x}, layer);
}

GraphValue inverted_residual(GraphBuilder& net, const std::string& layer, GraphValue x,
                             const Block& block, std::int64_t dilation) {
  int position = 0;
  const auto next = [&] { return layer + ".block." + std::to_string(position++); };
  const std::int64_t in_channels = net.channels(x);
  const std::int64_t stride = dilation > 1 ? 1 : block.stride;
  GraphValue y = x;
  if (block.expanded != in_channels) {
    y = conv_bn(net, next(), y, {.out_channels = block.expanded, .kernel = 1});
    y = activate(net, y, block.activation);
  }
  y = conv_bn(net, next(), y,
              {.out_channels = block.expanded,
               .kernel = block.kernel,
               .stride = stride,
               .dilation = dilation,
               .groups = block.expanded});
  y = activate(net, y, block.activation);
  if (block.has_squeeze) y = squeeze_excite(net, next(), y);
  y = conv_bn(net, next(), y, {.out_channels = block.channels, .kernel = 1});
  return block.stride == 1 && in_channels == block.channels ? net.add(y, x) : y;
}

GraphValue features(GraphBuilder& net, GraphValue x, const std::string& prefix,
                    std::span<const Block> blocks, std::size_t num_dilated) {
  std::size_t position = 0;
  const auto next = [&] { return prefix + std::to_string(position++); };
  x = conv_bn(net, next(), x, {.out_channels = kFirstChannels, .stride = 2});
  x = activate(net, x, kHardswish);
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const std::int64_t dilation = i + num_dilated >= blocks.size() ? 2 : 1;
    x = inverted_residual(net, next(), x, blocks[i], dilation);
  }
  x = conv_bn(net, next(), x, {.out_channels = net.channels(x) * kLastExpansion, .kernel = 1});
  return activate(net, x, kHardswish);
}

GraphValue classify(GraphBuilder& net, GraphValue x, std::int64_t hidden,
                    std::int64_t num_classes) {
  x = net.call("aten::flatten.using_ints", {net.global_average_pool(x), 1});
  x = activate(net, net.linear("classifier.0", x, hidden), kHardswish);
  return net.linear("classifier.3", x, num_classes);
}

}  // namespace

GraphValue mobilenet_v3_small(GraphBuilder& net, GraphValue x, std::int64_t num_classes) {
  return classify(net, features(net, x, "features.", kSmall, 0), 1024, num_classes);
}

GraphValue mobilenet_v3_large(GraphBuilder& net, GraphValue x, std::int64_t num_classes) {
  return classify(net, features(net, x, "features.", kLarge, 0), 1280, num_classes);
}

GraphValue mobilenet_v3_large_features(GraphBuilder& net, GraphValue x, const std::string& prefix,
                                       bool is_dilated) {
  return features(net, x, prefix, kLarge, is_dilated ? kNumDilatedBlocks : 0);
}

}  // namespace tessera::models
