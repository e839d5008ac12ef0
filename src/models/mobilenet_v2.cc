// SPDX-License-Identifier: MIT
#include "models/recipes.h"

// MobileNetV2 (Sandler et al. 2018) with torchvision's names.
namespace tessera::models {
namespace {

struct Stage {
  std::int64_t expansion;
  std::int64_t channels;
  int num_blocks;
  std::int64_t stride;  ///< of the first block
};
constexpr Stage kStages[] = {
    {1, 16, 1, 1}, {6, 24, 2, 2},  {6, 32, 3, 2},  {6, 64, 4, 2},
    {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1},
};
constexpr std::int64_t kFirstChannels = 32;
constexpr std::int64_t kLastChannels = 1280;

/// LAYER.0 a convolution, LAYER.1 its batch norm, then ReLU6.
GraphValue conv_bn_relu(GraphBuilder& net, const std::string& layer, GraphValue x,
                        Conv2dOptions options) {
  options.has_bias = false;
  x = net.batch_norm(layer + ".1", net.conv2d(layer + ".0", x, options));
  return net.call("aten::relu6", {x}, layer + ".2");
}

GraphValue inverted_residual(GraphBuilder& net, const std::string& layer, GraphValue x,
                             const Stage& stage, std::int64_t stride) {
  const std::int64_t in_channels = net.channels(x);
  const std::int64_t hidden = in_channels * stage.expansion;
  int position = 0;
  const auto next = [&] { return layer + ".conv." + std::to_string(position++); };
  GraphValue y = x;
  if (stage.expansion != 1) {
    y = conv_bn_relu(net, next(), y, {.out_channels = hidden, .kernel = 1});
  }
  y = conv_bn_relu(net, next(), y, {.out_channels = hidden, .stride = stride, .groups = hidden});
  y = net.conv2d(next(), y, {.out_channels = stage.channels, .kernel = 1, .has_bias = false});
  y = net.batch_norm(next(), y);
  return stride == 1 && in_channels == stage.channels ? net.add(x, y) : y;
}

}  // namespace

GraphValue mobilenet_v2(GraphBuilder& net, GraphValue x, std::int64_t num_classes) {
  int position = 0;
  const auto next = [&] { return "features." + std::to_string(position++); };
  x = conv_bn_relu(net, next(), x, {.out_channels = kFirstChannels, .stride = 2});
  for (const Stage& stage : kStages) {
    for (int i = 0; i < stage.num_blocks; ++i) {
      x = inverted_residual(net, next(), x, stage, i == 0 ? stage.stride : 1);
    }
  }
  x = conv_bn_relu(net, next(), x, {.out_channels = kLastChannels, .kernel = 1});
  x = net.call("aten::flatten.using_ints", {net.global_average_pool(x), 1});
  return net.linear("classifier.1", x, num_classes);
}

}  // namespace tessera::models
