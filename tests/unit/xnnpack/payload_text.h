// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <format>
#include <initializer_list>
#include <string>
#include <vector>

#include "xnnpack/node_kinds.h"

namespace tessera::xnnpack {

/// A payload as text, every field.
inline std::string print(const Payload& payload) {
  std::string text = std::format("externals {}\n", payload.num_externals);
  for (const auto& value : payload.values) {
    text += std::format("value {} {} [", value.id, name_of(value.datatype));
    for (const auto dim : value.dims) text += std::format("{} ", dim);
    text += std::format("] constant {} external {} flags {} quant {}", value.constant_index,
                        value.external_id, value.flags, value.quant.index());
    if (const auto* tensor = std::get_if<PerTensorQuant>(&value.quant)) {
      text += std::format(" {} {}", tensor->scale, tensor->zero_point);
    } else if (const auto* channel = std::get_if<PerChannelQuant>(&value.quant)) {
      text += std::format(" {} {} {} {}", channel->channel_dim, channel->scales.size(),
                          channel->scale_buffer_index, channel->num_scales);
    } else if (const auto* group = std::get_if<PerChannelGroupQuant>(&value.quant)) {
      text += std::format(" {} {} {} {} {}", group->channel_dim, group->group_size,
                          group->scales.size(), group->scale_buffer_index, group->num_scales);
    } else if (const auto* token = std::get_if<PerTokenDynamicQuant>(&value.quant)) {
      text += std::format(" {}", token->num_nonbatch_dims);
    }
    text += "\n";
  }
  const auto print_numbers = [&](std::initializer_list<std::uint32_t> numbers) {
    for (const auto number : numbers) text += std::format(" {}", number);
  };
  const auto print_list = [&](const std::vector<std::uint32_t>& numbers) {
    for (const auto number : numbers) text += std::format(" {}", number);
    text += ";";
  };
  for (const auto& node : payload.nodes) {
    text += std::format("node {} flags {} range {} {} handle {}:", name_of(node.kind), node.flags,
                        node.output_min, node.output_max, node.debug_handle);
    print_list(node.inputs);
    print_list(node.outputs);
    if (const auto* c = std::get_if<ConvolutionParams>(&node.params)) {
      print_numbers({c->padding_top, c->padding_right, c->padding_bottom, c->padding_left,
                     c->kernel_height, c->kernel_width, c->subsampling_height, c->subsampling_width,
                     c->dilation_height, c->dilation_width, c->group_input_channels,
                     c->group_output_channels, c->groups, c->adjustment_height,
                     c->adjustment_width});
    } else if (const auto* p = std::get_if<PoolingParams>(&node.params)) {
      print_numbers({p->padding_top, p->padding_right, p->padding_bottom, p->padding_left,
                     p->pooling_height, p->pooling_width, p->stride_height, p->stride_width,
                     p->dilation_height, p->dilation_width});
    } else if (const auto* t = std::get_if<TransposeParams>(&node.params)) {
      print_list(t->permutation);
    } else if (const auto* r = std::get_if<ReshapeParams>(&node.params)) {
      print_list(r->new_shape);
    } else if (const auto* s = std::get_if<SliceParams>(&node.params)) {
      print_list(s->offsets);
      print_list(s->sizes);
    } else if (const auto* pad = std::get_if<ConstantPadParams>(&node.params)) {
      print_list(pad->pre_paddings);
      print_list(pad->post_paddings);
      text += std::format("{}", pad->value);
    } else if (const auto* resize = std::get_if<ResizeParams>(&node.params)) {
      print_numbers({resize->new_height, resize->new_width});
    } else if (const auto* cat = std::get_if<ConcatenateParams>(&node.params)) {
      print_numbers({cat->axis});
    } else if (const auto* slope = std::get_if<SlopeParams>(&node.params)) {
      text += std::format(" {}", slope->slope);
    }
    text += "\n";
  }
  for (const auto& constant : payload.constants) {
    text += std::format("constant {} {} {}\n", constant.key.value_or("-"), constant.offset,
                        constant.size);
  }
  return text;
}

}  // namespace tessera::xnnpack
