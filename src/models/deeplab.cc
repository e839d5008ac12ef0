// SPDX-License-Identifier: MIT
#include <cmath>

#include "models/recipes.h"

// DeepLabV3 (Chen et al. 2017) on MobileNetV3 large, as torchvision's
// deeplabv3_mobilenet_v3_large. Its auxiliary classifier serves training only.
namespace tessera::models {
namespace {

constexpr std::int64_t kChannels = 256;
constexpr std::int64_t kRates[] = {12, 24, 36};

/// LAYERn a convolution, LAYERn+1 its batch norm, then ReLU.
GraphValue conv_bn_relu(GraphBuilder& net, const std::string& prefix, int first, GraphValue x,
                        Conv2dOptions options) {
  options.has_bias = false;
  x = net.conv2d(prefix + std::to_string(first), x, options);
  return net.relu(net.batch_norm(prefix + std::to_string(first + 1), x));
}

/// A 1x1 convolution and batch norm of `views` and, behind them, channels that are `mean`
/// everywhere: the mean's part of both is computed for one pixel and added to all.
GraphValue project(GraphBuilder& net, const std::string& layer, GraphValue views, GraphValue mean) {
  const std::int64_t num_views = net.channels(views);
  const std::int64_t num_channels = num_views + net.channels(mean);
  const double bound = std::sqrt(6.0 / static_cast<double>(num_channels));
  const Shape per_channel{kChannels};
  const GraphValue weight =
      net.parameter(layer + "0.weight", Shape{kChannels, num_channels, 1, 1}, {-bound, bound});
  const GraphValue scale = net.parameter(layer + "1.weight", per_channel, {0.5, 1.5});
  const GraphValue bias = net.parameter(layer + "1.bias", per_channel, {-0.1, 0.1});
  const GraphValue average = net.parameter(layer + "1.running_mean", per_channel, {-0.1, 0.1});
  const GraphValue variance = net.parameter(layer + "1.running_var", per_channel, {0.5, 1.5});
  const std::vector<float> zeros(static_cast<std::size_t>(kChannels));
  const GraphValue zero = net.constant("zero", Tensor::of<float>(per_channel, zeros));

  const auto part = [&](GraphValue input, std::int64_t begin, GraphValue shift, GraphValue center) {
    const GraphValue slice =
        net.call("aten::slice_copy.Tensor", {weight, 1, begin, begin + net.channels(input)});
    const GraphValue y = net.call("aten::conv2d", {input, slice}, layer + "0");
    return net.call("aten::batch_norm",
                    {y, scale, shift, center, variance, false, 0.1, 1e-5, false}, layer + "1");
  };
  return net.add(part(views, 0, bias, average), part(mean, num_views, zero, zero));
}

/// Atrous spatial pyramid pooling: views of several widths and the whole picture's mean.
GraphValue pyramid(GraphBuilder& net, const std::string& prefix, GraphValue x) {
  int branch = 0;
  const auto next = [&] { return prefix + "convs." + std::to_string(branch++) + "."; };
  std::vector<GraphValue> views;
  views.push_back(conv_bn_relu(net, next(), 0, x, {.out_channels = kChannels, .kernel = 1}));
  for (const std::int64_t rate : kRates) {
    views.push_back(conv_bn_relu(net, next(), 0, x, {.out_channels = kChannels, .dilation = rate}));
  }
  const GraphValue mean = conv_bn_relu(net, next(), 1, net.global_average_pool(x),
                                       {.out_channels = kChannels, .kernel = 1});
  return net.relu(project(net, prefix + "project.", net.cat_channels(views), mean));
}

}  // namespace

GraphValue deeplab_v3(GraphBuilder& net, GraphValue x, std::int64_t num_classes) {
  net.allow_unused("aux_classifier.");
  GraphValue y = mobilenet_v3_large_features(net, x, "backbone.", true);
  y = pyramid(net, "classifier.0.", y);
  y = conv_bn_relu(net, "classifier.", 1, y, {.out_channels = kChannels});
  y = net.conv2d("classifier.4", y, {.out_channels = num_classes, .kernel = 1});
  return net.resize_to(y, x);
}

}  // namespace tessera::models
