// SPDX-License-Identifier: MIT
#include <span>

#include "models/recipes.h"

// ResNet (He et al. 2016) with torchvision's names.
namespace tessera::models {
namespace {

struct Stage {
  int num_blocks;
  std::int64_t channels;  ///< of the 3x3 convolutions
};
constexpr Stage kResNet18[] = {{2, 64}, {2, 128}, {2, 256}, {2, 512}};
constexpr Stage kResNet50[] = {{3, 64}, {4, 128}, {6, 256}, {3, 512}};
constexpr std::int64_t kBottleneckExpansion = 4;

/// Convolution NAMEnumber without bias and batch norm: conv1 and bn1.
GraphValue conv_bn(GraphBuilder& net, const std::string& prefix, const std::string& number,
                   GraphValue x, Conv2dOptions options) {
  options.has_bias = false;
  x = net.conv2d(prefix + "conv" + number, x, options);
  return net.batch_norm(prefix + "bn" + number, x);
}

/// What is added to a block's result: its input, or a projection of it to other sizes.
GraphValue shortcut(GraphBuilder& net, const std::string& prefix, GraphValue x,
                    std::int64_t out_channels, std::int64_t stride) {
  if (stride == 1 && net.channels(x) == out_channels) return x;
  x = net.conv2d(prefix + "downsample.0", x,
                 {.out_channels = out_channels, .kernel = 1, .stride = stride, .has_bias = false});
  return net.batch_norm(prefix + "downsample.1", x);
}

GraphValue basic_block(GraphBuilder& net, const std::string& prefix, GraphValue x,
                       std::int64_t channels, std::int64_t stride) {
  GraphValue y =
      net.relu(conv_bn(net, prefix, "1", x, {.out_channels = channels, .stride = stride}));
  y = conv_bn(net, prefix, "2", y, {.out_channels = channels});
  return net.relu(net.add(y, shortcut(net, prefix, x, channels, stride)));
}

/// The stride stands at the 3x3 convolution ("v1.5").
GraphValue bottleneck(GraphBuilder& net, const std::string& prefix, GraphValue x,
                      std::int64_t channels, std::int64_t stride) {
  const std::int64_t out_channels = channels * kBottleneckExpansion;
  GraphValue y = net.relu(conv_bn(net, prefix, "1", x, {.out_channels = channels, .kernel = 1}));
  y = net.relu(conv_bn(net, prefix, "2", y, {.out_channels = channels, .stride = stride}));
  y = conv_bn(net, prefix, "3", y, {.out_channels = out_channels, .kernel = 1});
  return net.relu(net.add(y, shortcut(net, prefix, x, out_channels, stride)));
}

using Block = GraphValue (*)(GraphBuilder&, const std::string&, GraphValue, std::int64_t,
                             std::int64_t);

GraphValue resnet(GraphBuilder& net, GraphValue x, std::span<const Stage> stages, Block block,
                  std::int64_t num_classes) {
  x = net.relu(conv_bn(net, "", "1", x, {.out_channels = 64, .kernel = 7, .stride = 2}));
  x = net.max_pool2d(x, 3, 2, 1);
  for (std::size_t stage = 0; stage < stages.size(); ++stage) {
    for (int i = 0; i < stages[stage].num_blocks; ++i) {
      const std::string prefix =
          "layer" + std::to_string(stage + 1) + "." + std::to_string(i) + ".";
      x = block(net, prefix, x, stages[stage].channels, stage > 0 && i == 0 ? 2 : 1);
    }
  }
  x = net.call("aten::flatten.using_ints", {net.global_average_pool(x), 1});
  return net.linear("fc", x, num_classes);
}

}  // namespace

GraphValue resnet18(GraphBuilder& net, GraphValue x, std::int64_t num_classes) {
  return resnet(net, x, kResNet18, basic_block, num_classes);
}
GraphValue resnet50(GraphBuilder& net, GraphValue x, std::int64_t num_classes) {
  return resnet(net, x, kResNet50, bottleneck, num_classes);
}

}  // namespace tessera::models
