// SPDX-License-Identifier: MIT
#include "runtime/quantized_stage.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "base/try.h"
#include "ops/quantized_convolution.h"
#include "ops/quantized_depthwise.h"
#include "runtime/stage_constants.h"
#include "xnnpack/find_or_pack.h"

namespace tessera::runtime {
namespace {

using xnnpack::ConvolutionParams;
using xnnpack::Datatype;
using xnnpack::NodeKind;
using xnnpack::NodeRecord;
using xnnpack::PerChannelQuant;
using xnnpack::PerTensorQuant;
using xnnpack::ValueRecord;

constexpr std::int32_t kLeast = -128, kMost = 127;

bool is_int8(const ValueRecord& value) {
  const auto* quant = std::get_if<PerTensorQuant>(&value.quant);
  return value.datatype == Datatype::kQInt8 && quant != nullptr && quant->zero_point >= kLeast &&
         quant->zero_point <= kMost;
}

ops::WindowAxis height_of(const ConvolutionParams& params) {
  return {.kernel = params.kernel_height,
          .stride = params.subsampling_height,
          .dilation = params.dilation_height};
}
ops::WindowAxis width_of(const ConvolutionParams& params) {
  return {.kernel = params.kernel_width,
          .stride = params.subsampling_width,
          .dilation = params.dilation_width};
}

/// Its windows are as small as any real network's.
bool has_kernel(const ConvolutionParams& params) {
  if (params.groups == 1) {
    return ops::has_small_quantized_window(height_of(params), width_of(params),
                                           params.group_input_channels);
  }
  return params.group_input_channels == 1 && params.group_output_channels == 1 &&
         ops::QuantizedDepthwise::is_for(height_of(params), width_of(params));
}

/// A bound of the node's outputs as XNNPACK rounds it (src/xnnpack/requantization.h,
/// xnn_qs8_quantize).
std::int32_t quantized_bound(float bound, const PerTensorQuant& quant) {
  const float moved = bound / quant.scale + static_cast<float>(quant.zero_point);
  return static_cast<std::int32_t>(std::lrint(
      std::fmin(std::fmax(moved, static_cast<float>(kLeast)), static_cast<float>(kMost))));
}

/// What sums are multiplied with (XNNPACK's src/operators/convolution-nhwc.c, in the same order),
/// for each output.
Result<std::vector<float>> output_scales(std::span<const float> filter_scales,
                                         std::int64_t num_outputs, float input_scale,
                                         float output_scale) {
  constexpr float kTooLarge = 256;  // XNNPACK's
  std::vector<float> scales;
  for (std::size_t i = 0; i < static_cast<std::size_t>(num_outputs); ++i) {
    const float filter_scale = filter_scales[filter_scales.size() == 1 ? 0 : i];
    const float scale = input_scale * filter_scale / output_scale;
    if (!std::isnormal(filter_scale) || !(filter_scale > 0) || !(scale < kTooLarge)) {
      return fail(ErrorCode::kNotSupported, "XNNPACK refuses scale {} of output channel {}",
                  filter_scale, i);
    }
    scales.push_back(scale);
  }
  return scales;
}

/// What both kinds of stages have.
struct QuantizedNumbers {
  std::int32_t input_zero_point;
  ops::QuantizedOutput range;
};

QuantizedNumbers numbers_of(const NodeRecord& node, const PerTensorQuant& input,
                            const PerTensorQuant& output) {
  return {.input_zero_point = input.zero_point,
          .range = {.zero_point = output.zero_point,
                    .low = quantized_bound(node.output_min, output),
                    .high = quantized_bound(node.output_max, output)}};
}

class QuantizedStage final : public ConvolutionStage {
 public:
  QuantizedStage(const DirectConvolution& plan, const ConvolutionParams& params,
                 std::shared_ptr<const xnnpack::PackedBlock> weights,
                 const QuantizedNumbers& numbers)
      : ConvolutionStage(plan, std::move(weights)),
        params_(params),
        numbers_(numbers),
        images_(plan.images.size()) {}

  std::string_view name() const override { return "Convolution (NHWC, QC8) direct"; }
  void reshape(const xnnpack::ShapeInference& shapes) override {
    kernel_.emplace(stage_geometry(plan(), params_, shapes), weights().bytes().data(),
                    numbers_.input_zero_point, numbers_.range);
  }
  void run(ir::KernelContext& context, std::span<Tensor> tensors) override {
    for (std::size_t i = 0; i < images_.size(); ++i) {
      images_[i] = tensors[plan().images[i]].data<std::int8_t>();
    }
    kernel_->run(context, images_, tensors[plan().output].data<std::int8_t>());
  }

 private:
  const ConvolutionParams& params_;
  QuantizedNumbers numbers_;
  std::optional<ops::QuantizedConvolution> kernel_;  ///< for the sizes of the last reshape
  std::vector<const std::int8_t*> images_;
};

class DepthwiseStage final : public ConvolutionStage {
 public:
  DepthwiseStage(const DirectConvolution& plan, const ConvolutionParams& params,
                 std::shared_ptr<const xnnpack::PackedBlock> weights,
                 const QuantizedNumbers& numbers)
      : ConvolutionStage(plan, std::move(weights)), params_(params), numbers_(numbers) {}

  std::string_view name() const override { return "Convolution (NHWC, QC8) DWConv direct"; }
  void reshape(const xnnpack::ShapeInference& shapes) override {
    const ops::ChannelsLastGeometry geometry = stage_geometry(plan(), params_, shapes);
    kernel_.emplace(ops::DepthwiseGeometry{.batch = geometry.batch,
                                           .channels = geometry.output_channels,
                                           .height = geometry.height,
                                           .width = geometry.width},
                    weights().bytes().data(), numbers_.input_zero_point, numbers_.range);
  }
  void run(ir::KernelContext& context, std::span<Tensor> tensors) override {
    kernel_->run(context, tensors[plan().images[0]].data<std::int8_t>(),
                 tensors[plan().output].data<std::int8_t>());
  }

 private:
  const ConvolutionParams& params_;
  QuantizedNumbers numbers_;
  std::optional<ops::QuantizedDepthwise> kernel_;  ///< for the sizes of the last reshape
};

}  // namespace

bool is_quantized_convolution(const NodeRecord& node, const ValueRecord& input,
                              const ValueRecord& filter, const ValueRecord* bias,
                              const ValueRecord& output) {
  if (!is_int8(input) || !is_int8(output) || !has_kernel(std::get<ConvolutionParams>(node.params)))
    return false;
  if (const auto* quant = std::get_if<PerTensorQuant>(&filter.quant)) {
    return filter.datatype == Datatype::kQInt8 && quant->zero_point == 0 &&
           (bias == nullptr || bias->datatype == Datatype::kQInt32);
  }
  const auto* quant = std::get_if<PerChannelQuant>(&filter.quant);
  const std::int32_t output_dim = node.kind == NodeKind::kDepthwiseConv2d ? 3 : 0;
  return quant != nullptr && filter.datatype == Datatype::kQCInt8 &&
         quant->channel_dim == output_dim &&
         (bias == nullptr || bias->datatype == Datatype::kQCInt32);
}

Result<std::unique_ptr<ConvolutionStage>> make_quantized_stage(
    const xnnpack::Payload& payload, const DirectConvolution& plan,
    const xnnpack::FindNamedData& find_named_data, const xnnpack::DelegateOptions& options) {
  const NodeRecord& node = payload.nodes[plan.node];
  const auto& params = std::get<ConvolutionParams>(node.params);
  const StageConstants constants(payload, find_named_data);
  const auto weights = TRY(constants.elements_of<std::int8_t>(node.inputs[1]));
  const auto bias = TRY(constants.elements_of<std::int32_t>(node.inputs[2]));
  const auto& input = std::get<PerTensorQuant>(constants.value_of(node.inputs[0]).quant);
  const auto& output = std::get<PerTensorQuant>(constants.value_of(node.outputs[0]).quant);
  const auto filter_scales = TRY(constants.scales_of(constants.value_of(node.inputs[1])));
  const std::int64_t num_outputs = std::int64_t{params.groups} * params.group_output_channels;
  const auto scales =
      TRY(output_scales(filter_scales.elements(), num_outputs, input.scale, output.scale));
  const ops::QuantizedFilter filter =
      ops::quantized_filter(params.kernel_height, params.kernel_width, params.dilation_width,
                            params.group_input_channels, num_outputs);
  const ops::DepthwiseFilter depthwise_filter(params.kernel_height, params.kernel_width,
                                              num_outputs);
  const bool is_grouped = params.groups > 1;
  const std::int64_t num_inputs = filter.num_segments * filter.segment_inputs;
  // [output, height, width, input] or, of the depthwise kind, [1, height, width, output]
  const bool is_depthwise = node.kind == NodeKind::kDepthwiseConv2d;
  Description text;  // another order of the packed numbers needs another text: files keep them
  const std::uint64_t seed = hash_seed_of(options);
  text.add(std::span<const char>("Tessera's 8-bit channels-last convolution"));
  text.add(is_depthwise);
  text.add(is_grouped);
  text.add(params.kernel_width);
  text.add(filter.num_segments);
  text.add(filter.segment_inputs);
  text.add(filter.output_channels);
  text.add(input.zero_point);
  text.add(std::span<const float>(scales));
  text.add(content_hash(std::as_bytes(weights.elements()), seed));
  text.add(content_hash(std::as_bytes(bias.elements()), seed));
  const auto num_bytes = static_cast<std::size_t>(is_grouped ? depthwise_filter.packed_bytes()
                                                             : filter.packed_bytes());
  auto packed =
      TRY(xnnpack::find_or_pack(text, options.packed_file.get(), num_bytes, [&](std::byte* to) {
        const ops::QuantizedWeights source{.weights = weights.elements().data(),
                                           .output_step = is_depthwise ? 1 : num_inputs,
                                           .input_step = is_depthwise ? num_outputs : 1,
                                           .bias = bias.data_or_null(),
                                           .scales = scales.data(),
                                           .input_zero_point = input.zero_point};
        if (is_grouped) {
          depthwise_filter.pack(source, to);
        } else {
          ops::pack_quantized_filter(filter, source, to);
        }
      }));
  if (options.give_back) {
    options.give_back({weights.source(), bias.source(), filter_scales.source()});
  }
  const QuantizedNumbers numbers = numbers_of(node, input, output);
  if (is_grouped) {
    return std::make_unique<DepthwiseStage>(plan, params, std::move(packed), numbers);
  }
  return std::make_unique<QuantizedStage>(plan, params, std::move(packed), numbers);
}

}  // namespace tessera::runtime
