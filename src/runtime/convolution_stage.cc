// SPDX-License-Identifier: MIT
#include "runtime/convolution_stage.h"

#include <optional>
#include <vector>

#include "base/try.h"
#include "runtime/quantized_stage.h"
#include "runtime/stage_constants.h"
#include "xnnpack/find_or_pack.h"

namespace tessera::runtime {
namespace {

using xnnpack::ConvolutionParams;
using xnnpack::NodeKind;
using xnnpack::NodeRecord;

/// What packing a convolution's weights reads. Another order of the packed numbers needs another
/// text: files keep them.
Description description_of(std::span<const float> filter, std::span<const float> bias,
                           const ConvolutionParams& params, bool is_depthwise, std::uint64_t seed) {
  Description text;
  text.add(std::span<const char>("Tessera's channels-last convolution"));
  text.add(is_depthwise);
  text.add(params.kernel_height * params.kernel_width * params.group_input_channels);
  text.add(params.group_output_channels);
  text.add(content_hash(std::as_bytes(filter), seed));
  text.add(content_hash(std::as_bytes(bias), seed));
  return text;
}

class FloatStage final : public ConvolutionStage {
 public:
  FloatStage(const DirectConvolution& plan, const ConvolutionParams& params,
             std::shared_ptr<const xnnpack::PackedBlock> weights)
      : ConvolutionStage(plan, std::move(weights)),
        params_(params),
        images_(plan.reads_planes ? params.group_input_channels : plan.images.size()) {}

  std::string_view name() const override { return "Convolution (NHWC, F32) direct"; }
  void reshape(const xnnpack::ShapeInference& shapes) override {
    kernel_.emplace(stage_geometry(plan(), params_, shapes),
                    reinterpret_cast<const float*>(weights().bytes().data()), plan().low,
                    plan().high);
  }
  void run(ir::KernelContext& context, std::span<Tensor> tensors) override {
    const Tensor& first = tensors[plan().images[0]];
    for (std::size_t i = 0; i < images_.size(); ++i) {
      images_[i] = plan().reads_planes ? first.data<float>() + static_cast<std::int64_t>(i) *
                                                                   first.size(2) * first.size(3)
                                       : tensors[plan().images[i]].data<float>();
    }
    kernel_->run(context, images_, tensors[plan().output].data<float>());
  }

 private:
  const ConvolutionParams& params_;
  std::optional<ops::ChannelsLastConvolution> kernel_;  ///< for the sizes of the last reshape
  std::vector<const float*> images_;
};

Result<std::unique_ptr<ConvolutionStage>> make_float_stage(
    const xnnpack::Payload& payload, const DirectConvolution& plan,
    const xnnpack::FindNamedData& find_named_data, const xnnpack::DelegateOptions& options) {
  const NodeRecord& node = payload.nodes[plan.node];
  const auto& params = std::get<ConvolutionParams>(node.params);
  const StageConstants constants(payload, find_named_data);
  const auto filter = TRY(constants.elements_of<float>(node.inputs[1]));
  const auto bias = TRY(constants.elements_of<float>(node.inputs[2]));
  const std::int64_t outputs = params.group_output_channels;
  const std::int64_t inputs =
      std::int64_t{params.kernel_height} * params.kernel_width * params.group_input_channels;
  // [output, height, width, input] or, of the depthwise kind with one input, [1, height, width,
  // output]
  const bool is_depthwise = node.kind == NodeKind::kDepthwiseConv2d;
  const auto num_bytes =
      static_cast<std::size_t>(ops::packed_filter_size(inputs, outputs)) * sizeof(float);
  auto weights = TRY(xnnpack::find_or_pack(
      description_of(filter.elements(), bias.elements(), params, is_depthwise,
                     hash_seed_of(options)),
      options.packed_file.get(), num_bytes, [&](std::byte* packed) {
        ops::pack_filter(inputs, outputs, filter.elements().data(), is_depthwise ? 1 : inputs,
                         is_depthwise ? outputs : 1, bias.data_or_null(),
                         reinterpret_cast<float*>(packed));
      }));
  if (options.give_back) options.give_back({filter.source(), bias.source()});
  return std::make_unique<FloatStage>(plan, params, std::move(weights));
}

}  // namespace

ops::ChannelsLastGeometry stage_geometry(const DirectConvolution& plan,
                                         const ConvolutionParams& params,
                                         const xnnpack::ShapeInference& shapes) {
  const Shape& image = shapes.shape(plan.images[0]);
  const Shape input =  // N, H, W, C
      plan.reads_planes ? Shape{image[0], image[2], image[3], image[1]} : image;
  const Shape& output = shapes.shape(plan.output);
  ops::ChannelsLastGeometry geometry{.batch = output[0],
                                     .output_channels = output[3],
                                     .height = {.input = input[1],
                                                .output = output[1],
                                                .kernel = params.kernel_height,
                                                .stride = params.subsampling_height,
                                                .padding = params.padding_top,
                                                .dilation = params.dilation_height},
                                     .width = {.input = input[2],
                                               .output = output[2],
                                               .kernel = params.kernel_width,
                                               .stride = params.subsampling_width,
                                               .padding = params.padding_left,
                                               .dilation = params.dilation_width}};
  for (const std::size_t value : plan.images) {
    if (!plan.reads_planes) geometry.input_channels.push_back(shapes.shape(value)[3]);
  }
  if (plan.reads_planes) {
    geometry.input_channels.assign(static_cast<std::size_t>(input[3]), 1);
    geometry.image_pixels = input[3] * input[1] * input[2];
  }
  return geometry;
}

Result<std::unique_ptr<ConvolutionStage>> make_convolution_stage(
    const xnnpack::Payload& payload, const DirectConvolution& plan,
    const xnnpack::FindNamedData& find_named_data, const xnnpack::DelegateOptions& options) {
  return (plan.is_quantized ? make_quantized_stage : make_float_stage)(payload, plan,
                                                                       find_named_data, options);
}

}  // namespace tessera::runtime
