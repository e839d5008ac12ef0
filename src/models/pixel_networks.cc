// SPDX-License-Identifier: MIT
#include <array>

#include "models/recipes.h"

// Networks whose output is an image, too.
namespace tessera::models {

/// A 3x3 Laplacian and a clamp to 0..1.
GraphValue edge(GraphBuilder& net, GraphValue x) {
  constexpr std::array<float, 9> kLaplacian = {-1, -1, -1, -1, 8, -1, -1, -1, -1};
  const GraphValue weight =
      net.parameter("conv.weight", Tensor::of<float>({1, 1, 3, 3}, kLaplacian));
  const GraphValue edges = net.call("aten::conv2d", {x, weight, {}, 1, 1}, "conv");
  return net.call("aten::clamp", {edges, 0, 1});
}

/// EDSR (Lim et al. 2017), small: 4 residual blocks of 32 channels, twice the size.
GraphValue edsr(GraphBuilder& net, GraphValue x) {
  constexpr std::int64_t kChannels = 32;
  constexpr int kNumBlocks = 4;
  constexpr std::int64_t kFactor = 2;
  constexpr double kResidualScale = 0.1;
  const Conv2dOptions options{.out_channels = kChannels};
  const GraphValue head = net.conv2d("head", x, options);
  GraphValue y = head;
  for (int i = 0; i < kNumBlocks; ++i) {
    const std::string block = "body." + std::to_string(i);
    const GraphValue inner = net.relu(net.conv2d(block + ".a", y, options));
    const GraphValue residual = net.conv2d(block + ".b", inner, options);
    y = net.add(y, net.call("aten::mul.Scalar", {residual, kResidualScale}));
  }
  y = net.add(head, net.conv2d("body." + std::to_string(kNumBlocks), y, options));
  y = net.conv2d("up.0", y, {.out_channels = kChannels * kFactor * kFactor});
  y = net.call("aten::pixel_shuffle", {y, kFactor});
  return net.conv2d("tail", y, {.out_channels = net.channels(x)});
}

namespace {

/// Two convolutions with batch norm and ReLU each.
GraphValue double_conv(GraphBuilder& net, const std::string& name, GraphValue x,
                       std::int64_t channels) {
  for (const std::string number : {"1", "2"}) {
    x = net.conv2d(name + ".c" + number, x, {.out_channels = channels, .has_bias = false});
    x = net.relu(net.batch_norm(name + ".b" + number, x));
  }
  return x;
}

}  // namespace

/// U-Net (Ronneberger et al. 2015), small: two levels of 16 and 32 channels over 64.
GraphValue unet(GraphBuilder& net, GraphValue x) {
  constexpr std::int64_t kChannels = 16;
  const GraphValue top = double_conv(net, "d0", x, kChannels);
  const GraphValue middle = double_conv(net, "d1", net.max_pool2d(top, 2, 2), 2 * kChannels);
  GraphValue y = double_conv(net, "mid", net.max_pool2d(middle, 2, 2), 4 * kChannels);
  y = double_conv(net, "u1", net.cat_channels({net.upsample(y, 2), middle}), 2 * kChannels);
  y = double_conv(net, "u0", net.cat_channels({net.upsample(y, 2), top}), kChannels);
  return net.conv2d("out", y, {.out_channels = net.channels(x), .kernel = 1});
}

}  // namespace tessera::models
