// SPDX-License-Identifier: MIT
#include "runtime/quantized_stage.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "base/try.h"
#include "ops/quantized_convolution.h"
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
                                         std::size_t num_outputs, float input_scale,
                                         float output_scale) {
  constexpr float kTooLarge = 256;  // XNNPACK's
  std::vector<float> scales;
  for (std::size_t i = 0; i < num_outputs; ++i) {
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

class QuantizedStage final : public ConvolutionStage {
 public:
  QuantizedStage(const DirectConvolution& plan, const NodeRecord& node,
                 std::shared_ptr<const xnnpack::PackedBlock> weights, const PerTensorQuant& input,
                 const PerTensorQuant& output)
      : ConvolutionStage(plan, std::move(weights)),
        params_(std::get<ConvolutionParams>(node.params)),
        input_zero_point_(input.zero_point),
        range_{.zero_point = output.zero_point,
               .low = quantized_bound(node.output_min, output),
               .high = quantized_bound(node.output_max, output)},
        images_(plan.images.size()) {}

  std::string_view name() const override { return "Convolution (NHWC, QC8) direct"; }
  void reshape(const xnnpack::ShapeInference& shapes) override {
    kernel_.emplace(stage_geometry(plan(), params_, shapes), weights().bytes().data(),
                    input_zero_point_, range_);
  }
  void run(ir::KernelContext& context, std::span<Tensor> tensors) override {
    for (std::size_t i = 0; i < images_.size(); ++i) {
      images_[i] = tensors[plan().images[i]].data<std::int8_t>();
    }
    kernel_->run(context, images_, tensors[plan().output].data<std::int8_t>());
  }

 private:
  const ConvolutionParams& params_;
  std::int32_t input_zero_point_;
  ops::QuantizedOutput range_;
  std::optional<ops::QuantizedConvolution> kernel_;  ///< for the sizes of the last reshape
  std::vector<const std::int8_t*> images_;
};

}  // namespace

bool is_quantized_convolution(const NodeRecord& node, const ValueRecord& input,
                              const ValueRecord& filter, const ValueRecord* bias,
                              const ValueRecord& output) {
  if (!is_int8(input) || !is_int8(output)) return false;
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
  const auto scales = TRY(output_scales(filter_scales.elements(), params.group_output_channels,
                                        input.scale, output.scale));
  const ops::QuantizedFilter filter =
      ops::quantized_filter(params.kernel_height, params.kernel_width, params.dilation_width,
                            params.group_input_channels, params.group_output_channels);
  const std::int64_t num_inputs = filter.num_segments * filter.segment_inputs;
  // [output, height, width, input] or, of the depthwise kind with one input, [1, height, width,
  // output]
  const bool is_depthwise = node.kind == NodeKind::kDepthwiseConv2d;
  Description text;  // another order of the packed numbers needs another text: files keep them
  const std::uint64_t seed = hash_seed_of(options);
  text.add(std::span<const char>("Tessera's 8-bit channels-last convolution"));
  text.add(is_depthwise);
  text.add(filter.num_segments);
  text.add(filter.segment_inputs);
  text.add(filter.output_channels);
  text.add(input.zero_point);
  text.add(std::span<const float>(scales));
  text.add(content_hash(std::as_bytes(weights.elements()), seed));
  text.add(content_hash(std::as_bytes(bias.elements()), seed));
  auto packed = TRY(xnnpack::find_or_pack(
      text, options.packed_file.get(), static_cast<std::size_t>(filter.packed_bytes()),
      [&](std::byte* to) {
        ops::pack_quantized_filter(filter,
                                   {.weights = weights.elements().data(),
                                    .output_step = is_depthwise ? 1 : num_inputs,
                                    .input_step = is_depthwise ? filter.output_channels : 1,
                                    .bias = bias.data_or_null(),
                                    .scales = scales.data(),
                                    .input_zero_point = input.zero_point},
                                   to);
      }));
  if (options.give_back) {
    options.give_back({weights.source(), bias.source(), filter_scales.source()});
  }
  return std::make_unique<QuantizedStage>(plan, node, std::move(packed), input, output);
}

}  // namespace tessera::runtime
