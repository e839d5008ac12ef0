// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "xnnpack/blob_header.h"
#include "xnnpack/node_kinds.h"
#include "xnnpack/payload.h"
#include "xnnpack_generated.h"

namespace tessera::xnnpack {
namespace {

namespace fb = tessera::fb::xnnpack;
using flatbuffers::FlatBufferBuilder;
using flatbuffers::Offset;

constexpr const char* kIdentifier = "XN01";
constexpr const char* kVersion = "0";
constexpr std::uint64_t kNamed = UINT64_MAX;  // offset of a constant that is elsewhere

struct Written {
  fb::QuantParams type = fb::QuantParams::NONE;
  Offset<void> table;
};

/// Scales are always present, even when empty: ExecuTorch reads the vector unconditionally.
Written write_quant(FlatBufferBuilder& builder, const QuantParams& quant) {
  if (const auto* tensor = std::get_if<PerTensorQuant>(&quant)) {
    return {fb::QuantParams::PerTensorQuant,
            fb::CreatePerTensorQuant(builder, tensor->scale, tensor->zero_point).Union()};
  }
  if (const auto* token = std::get_if<PerTokenDynamicQuant>(&quant)) {
    return {fb::QuantParams::PerTokenDynamicQuant,
            fb::CreatePerTokenDynamicQuant(builder, token->num_nonbatch_dims).Union()};
  }
  if (const auto* channel = std::get_if<PerChannelQuant>(&quant)) {
    return {fb::QuantParams::PerChannelQuant,
            fb::CreatePerChannelQuant(builder, builder.CreateVector(channel->scales),
                                      channel->channel_dim, channel->scale_buffer_index,
                                      channel->num_scales)
                .Union()};
  }
  const auto& group = std::get<PerChannelGroupQuant>(quant);
  return {
      fb::QuantParams::PerChannelGroupQuant,
      fb::CreatePerChannelGroupQuant(builder, builder.CreateVector(group.scales), group.channel_dim,
                                     group.group_size, group.scale_buffer_index, group.num_scales)
          .Union()};
}

Offset<fb::Value> write_value(FlatBufferBuilder& builder, const ValueRecord& value) {
  const auto tensor = fb::CreateTensorValue(builder, static_cast<fb::Datatype>(value.datatype),
                                            static_cast<std::uint32_t>(value.dims.size()),
                                            builder.CreateVector(value.dims), value.constant_index,
                                            value.external_id, value.flags, value.id);
  if (std::holds_alternative<std::monostate>(value.quant)) {
    return fb::CreateValue(builder, fb::ValueUnion::TensorValue, tensor.Union());
  }
  const auto quant = write_quant(builder, value.quant);
  const auto quantized = fb::CreateQuantizedTensorValue(builder, tensor, quant.type, quant.table);
  return fb::CreateValue(builder, fb::ValueUnion::QuantizedTensorValue, quantized.Union());
}

template <class Params>
const Params& params_of(const NodeRecord& node) {
  const auto* params = std::get_if<Params>(&node.params);
  CHECK(params != nullptr, "{} with parameters of another kind", name_of(node.kind));
  return *params;
}

std::uint32_t num_dims_of(const std::vector<std::uint32_t>& numbers) {
  return static_cast<std::uint32_t>(numbers.size());
}

Offset<void> write_convolution(FlatBufferBuilder& builder, const NodeRecord& node) {
  const auto& p = params_of<ConvolutionParams>(node);
  return fb::CreateConvolution(builder, p.padding_top, p.padding_right, p.padding_bottom,
                               p.padding_left, p.kernel_height, p.kernel_width,
                               p.subsampling_height, p.subsampling_width, p.dilation_height,
                               p.dilation_width, p.group_input_channels, p.group_output_channels,
                               p.groups, p.adjustment_height, p.adjustment_width, node.inputs[0],
                               node.inputs[1], node.inputs[2], node.outputs[0], node.flags)
      .Union();
}

Offset<void> write_pooling(FlatBufferBuilder& builder, const NodeRecord& node) {
  const auto& p = params_of<PoolingParams>(node);
  if (node.kind == NodeKind::kArgMaxPooling2d) {
    return fb::CreateArgMaxPooling(builder, p.padding_top, p.padding_right, p.padding_bottom,
                                   p.padding_left, p.pooling_height, p.pooling_width,
                                   node.inputs[0], node.outputs[0], node.outputs[1], node.flags)
        .Union();
  }
  return fb::CreatePooling(builder, p.padding_top, p.padding_right, p.padding_bottom,
                           p.padding_left, p.pooling_height, p.pooling_width, p.stride_height,
                           p.stride_width, p.dilation_height, p.dilation_width, node.inputs[0],
                           node.outputs[0], node.flags)
      .Union();
}

Offset<void> write_concatenate(FlatBufferBuilder& builder, const NodeRecord& node) {
  auto inputs = node.inputs;
  inputs.resize(5, kNoValue);
  return fb::CreateConcatenate(builder, params_of<ConcatenateParams>(node).axis, inputs[0],
                               inputs[1], inputs[2], inputs[3], node.outputs[0], node.flags,
                               inputs[4])
      .Union();
}

/// Writes forms that carry vectors.
Offset<void> write_shaped(FlatBufferBuilder& builder, NodeForm form, const NodeRecord& node) {
  const std::uint32_t input = node.inputs[0], output = node.outputs[0];
  switch (form) {
    case NodeForm::kTranspose: {
      const auto& permutation = params_of<TransposeParams>(node).permutation;
      return fb::CreateStaticTranspose(builder, num_dims_of(permutation),
                                       builder.CreateVector(permutation), input, output, node.flags)
          .Union();
    }
    case NodeForm::kReshape: {
      const auto& shape = params_of<ReshapeParams>(node).new_shape;
      return fb::CreateStaticReshape(builder, num_dims_of(shape), builder.CreateVector(shape),
                                     input, output, node.flags)
          .Union();
    }
    case NodeForm::kSlice: {
      const auto& slice = params_of<SliceParams>(node);
      const auto offsets = builder.CreateVector(slice.offsets);
      const auto sizes = builder.CreateVector(slice.sizes);
      return fb::CreateStaticSlice(builder, num_dims_of(slice.offsets), offsets, sizes, input,
                                   output, node.flags)
          .Union();
    }
    default: {
      const auto& padding = params_of<ConstantPadParams>(node);
      const auto before = builder.CreateVector(padding.pre_paddings);
      const auto after = builder.CreateVector(padding.post_paddings);
      return fb::CreateStaticConstantPad(builder, before, after, padding.value, input, output,
                                         node.flags)
          .Union();
    }
  }
}

Offset<void> write_form(FlatBufferBuilder& builder, const NodeRecord& node) {
  const auto& in = node.inputs;
  const std::uint32_t output = node.outputs[0];
  switch (const auto form = info_of(node.kind).form) {
    case NodeForm::kUnary:
      return fb::CreateNode1x1(builder, in[0], output, node.flags).Union();
    case NodeForm::kBinary:
      return fb::CreateNode2x1(builder, in[0], in[1], output, node.flags).Union();
    case NodeForm::kConcatenate:
      return write_concatenate(builder, node);
    case NodeForm::kConvolution:
      return write_convolution(builder, node);
    case NodeForm::kPooling:
    case NodeForm::kArgMaxPooling:
      return write_pooling(builder, node);
    case NodeForm::kResize: {
      const auto& p = params_of<ResizeParams>(node);
      return fb::CreateStaticResizeBilinear(builder, p.new_height, p.new_width, in[0], output,
                                            node.flags)
          .Union();
    }
    case NodeForm::kFullyConnected:
      return fb::CreateFullyConnected(builder, in[0], in[1], in[2], output, node.flags).Union();
    case NodeForm::kSlope:
      return fb::CreateSlope(builder, params_of<SlopeParams>(node).slope, in[0], output, node.flags)
          .Union();
    case NodeForm::kAttention:
      return fb::CreateAttention(builder, in[0], in[1], in[2], in[3], in[4], output, node.flags)
          .Union();
    case NodeForm::kTranspose:
    case NodeForm::kReshape:
    case NodeForm::kSlice:
    case NodeForm::kConstantPad:
      return write_shaped(builder, form, node);
  }
  std::unreachable();
}

Offset<fb::Node> write_node(FlatBufferBuilder& builder, const NodeRecord& node) {
  CHECK(node.inputs.size() == info_of(node.kind).num_inputs && !node.outputs.empty(),
        "{} with {} inputs", name_of(node.kind), node.inputs.size());
  const auto table = write_form(builder, node);
  Offset<fb::OutputMinMax> range;
  if (node.output_min != -NodeRecord::kInfinity || node.output_max != NodeRecord::kInfinity) {
    range = fb::CreateOutputMinMax(builder, node.output_min, node.output_max);
  }
  return fb::CreateNode(builder, static_cast<fb::NodeUnion>(node.kind), table, node.debug_handle,
                        range);
}

Offset<fb::ConstantDataOffset> write_constant(FlatBufferBuilder& builder,
                                              const ConstantRecord& constant, bool is_reserved) {
  CHECK(is_reserved || constant.key.has_value(), "constants are written by key only");
  const auto key = builder.CreateString(constant.key.value_or(""));
  return fb::CreateConstantDataOffset(builder, is_reserved ? 0 : kNamed, constant.size, key);
}

std::vector<std::uint32_t> externals_with(const Payload& payload, std::uint32_t flag) {
  std::vector<const ValueRecord*> values;
  for (const auto& value : payload.values) {
    if ((value.flags & flag) != 0) values.push_back(&value);
  }
  std::ranges::sort(values, {}, [](const auto* value) { return value->external_id; });
  std::vector<std::uint32_t> ids;
  for (const auto* value : values) ids.push_back(value->id);
  return ids;
}

void write_graph(FlatBufferBuilder& builder, const Payload& payload) {
  std::vector<Offset<fb::Node>> nodes;
  for (const auto& node : payload.nodes) nodes.push_back(write_node(builder, node));
  std::vector<Offset<fb::Value>> values;
  for (const auto& value : payload.values) values.push_back(write_value(builder, value));
  std::vector<Offset<fb::ConstantDataOffset>> constants;
  for (const auto& constant : payload.constants) {
    constants.push_back(write_constant(builder, constant, constants.empty()));
  }
  const auto version = builder.CreateString(kVersion);
  const auto nodes_vector = builder.CreateVector(nodes);
  const auto values_vector = builder.CreateVector(values);
  const auto inputs = builder.CreateVector(externals_with(payload, ValueRecord::kExternalInput));
  const auto outputs = builder.CreateVector(externals_with(payload, ValueRecord::kExternalOutput));
  const auto constants_vector = builder.CreateVector(constants);
  builder.Finish(fb::CreateGraph(builder, version, nodes_vector, values_vector,
                                 payload.num_externals, inputs, outputs, 0, constants_vector),
                 kIdentifier);
}

}  // namespace

std::vector<std::byte> write_payload(const Payload& payload) {
  FlatBufferBuilder builder;
  write_graph(builder, payload);
  const std::size_t size = builder.GetSize();
  const std::size_t padded =
      (size + BlobHeader::kAlignment - 1) / BlobHeader::kAlignment * BlobHeader::kAlignment;
  const BlobHeader header{
      .flatbuffer_offset = BlobHeader::kSize,
      .flatbuffer_size = static_cast<std::uint32_t>(size),
      .constants_offset = static_cast<std::uint32_t>(BlobHeader::kSize + padded)};
  std::vector<std::byte> blob(BlobHeader::kSize + padded);
  header.write(std::span(blob).first(BlobHeader::kSize));
  std::memcpy(blob.data() + BlobHeader::kSize, builder.GetBufferPointer(), size);
  return blob;
}

}  // namespace tessera::xnnpack
