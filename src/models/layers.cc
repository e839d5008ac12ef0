// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <format>

#include "models/build_state.h"

// The layers and functions of GraphBuilder, in terms of call and parameter.
namespace tessera {
namespace {

/// Keeps the variance through a ReLU (He et al. 2015): uniform up to sqrt(6 / inputs of an output).
SeededRange weight_range(std::int64_t num_inputs) {
  const double bound = std::sqrt(6.0 / static_cast<double>(std::max<std::int64_t>(num_inputs, 1)));
  return {-bound, bound};
}

constexpr SeededRange kBias{-0.1, 0.1};
constexpr SeededRange kScale{0.5, 1.5};

}  // namespace

GraphValue GraphBuilder::conv2d(const std::string& layer, GraphValue x,
                                const Conv2dOptions& options) {
  if (state_->error) return {};
  const std::int64_t in_channels = channels(x);
  if (options.groups < 1 || options.kernel < 1 || options.out_channels < 1 || in_channels < 1 ||
      in_channels % options.groups != 0) {
    state_->error = Error{
        ErrorCode::kInvalidArgument,
        std::format("layer '{}': {} channels cannot become {} with kernel {} and "
                    "{} groups",
                    layer, in_channels, options.out_channels, options.kernel, options.groups)};
    return {};
  }
  const std::int64_t group_channels = in_channels / options.groups;
  const Shape shape{options.out_channels, group_channels, options.kernel, options.kernel};
  const GraphValue weight = parameter(
      layer + ".weight", shape, weight_range(group_channels * options.kernel * options.kernel));
  const GraphArgument bias =
      options.has_bias
          ? GraphArgument(parameter(layer + ".bias", Shape{options.out_channels}, kBias))
          : GraphArgument();
  const std::int64_t padding =
      options.padding < 0 ? (options.kernel - 1) / 2 * options.dilation : options.padding;
  return call("aten::conv2d",
              {x, weight, bias, options.stride, padding, options.dilation, options.groups}, layer);
}

GraphValue GraphBuilder::batch_norm(const std::string& layer, GraphValue x, double epsilon) {
  constexpr double kMomentum = 0.1;  // of training; without meaning here
  const Shape shape{channels(x)};
  const GraphValue weight = parameter(layer + ".weight", shape, kScale);
  const GraphValue bias = parameter(layer + ".bias", shape, kBias);
  const GraphValue mean = parameter(layer + ".running_mean", shape, kBias);
  const GraphValue variance = parameter(layer + ".running_var", shape, kScale);
  return call("aten::batch_norm",
              {x, weight, bias, mean, variance, false, kMomentum, epsilon, false}, layer);
}

GraphValue GraphBuilder::linear(const std::string& layer, GraphValue x, std::int64_t out_features) {
  if (state_->error) return {};
  const ir::ValueId id{x.index};
  const bool is_known = state_->graph.is_alive(id) && state_->graph.value(id).type.rank() > 0 &&
                        state_->graph.value(id).type.dims.back().is_constant();
  if (!is_known || out_features < 1) {
    state_->error = Error{ErrorCode::kInvalidArgument,
                          std::format("layer '{}': expected a tensor whose last size is fixed, and "
                                      "at least one feature",
                                      layer)};
    return {};
  }
  const std::int64_t in_features = state_->graph.value(id).type.dims.back().constant();
  const GraphValue weight =
      parameter(layer + ".weight", Shape{out_features, in_features}, weight_range(in_features));
  const GraphValue bias = parameter(layer + ".bias", Shape{out_features}, kBias);
  return call("aten::linear", {x, weight, bias}, layer);
}

GraphValue GraphBuilder::relu(GraphValue x) { return call("aten::relu", {x}); }
GraphValue GraphBuilder::add(GraphValue a, GraphValue b) {
  return call("aten::add.Tensor", {a, b});
}
GraphValue GraphBuilder::cat_channels(const std::vector<GraphValue>& values) {
  return call("aten::cat", {values, 1});
}
GraphValue GraphBuilder::max_pool2d(GraphValue x, std::int64_t kernel, std::int64_t stride,
                                    std::int64_t padding) {
  return call("aten::max_pool2d", {x, kernel, stride, padding});
}
GraphValue GraphBuilder::global_average_pool(GraphValue x) {
  return call("aten::adaptive_avg_pool2d", {x, 1});
}
GraphValue GraphBuilder::upsample(GraphValue x, std::int64_t factor) {
  const auto scale = static_cast<double>(factor);
  return call("aten::upsample_bilinear2d.vec", {x, {}, false, {scale, scale}});
}

}  // namespace tessera
