// SPDX-License-Identifier: MIT
#include "xnnpack/packing_sources.h"

#include <type_traits>
#include <variant>

#include "base/check.h"
#include "xnnpack/node_kinds.h"

namespace tessera::xnnpack {
namespace {

/// Writes down all that packing one node's weights can read.
class NodeDescription {
 public:
  NodeDescription(std::span<const std::span<const std::byte>> constants, ConstantHashes& hashes)
      : constants_(constants), hashes_(hashes) {}

  void add(const NodeRecord& node) {
    text_.add(node.kind);
    text_.add(node.flags);
    text_.add(node.output_min);
    text_.add(node.output_max);
    if (const auto* params = std::get_if<ConvolutionParams>(&node.params)) {
      static_assert(std::has_unique_object_representations_v<ConvolutionParams>);
      text_.add(std::as_bytes(std::span(params, 1)));
    }
  }

  void add(const ValueRecord* value) {
    text_.add(value != nullptr);
    if (value == nullptr) return;
    text_.add(value->datatype);
    text_.add(value->quant.index());
    std::visit([this](const auto& quant) { add_quant(quant); }, value->quant);
    // Sizes of other values change from call to call, so XNNPACK cannot pack for them.
    if (value->constant_index == 0) return;
    text_.add(std::span<const std::uint32_t>(value->dims));
    add_constant(value->constant_index);
  }

  ContentHash hash() const { return text_.hash(hashes_.seed()); }

 private:
  void add_quant(std::monostate) {}
  void add_quant(const PerTensorQuant& quant) {
    text_.add(quant.scale);
    text_.add(quant.zero_point);
  }
  void add_quant(const PerTokenDynamicQuant& quant) { text_.add(quant.num_nonbatch_dims); }
  void add_quant(const PerChannelQuant& quant) {
    text_.add(quant.channel_dim);
    add_scales(quant.scales, quant.scale_buffer_index);
  }
  void add_quant(const PerChannelGroupQuant& quant) {
    text_.add(quant.channel_dim);
    text_.add(quant.group_size);
    add_scales(quant.scales, quant.scale_buffer_index);
  }
  void add_scales(const std::vector<float>& scales, std::uint32_t buffer_index) {
    text_.add(buffer_index != 0);
    if (buffer_index != 0) {
      add_constant(buffer_index);
    } else {
      text_.add(std::span<const float>(scales));
    }
  }
  void add_constant(std::uint32_t index) {
    text_.add(constants_[index].size());
    text_.add(hashes_.of(index, constants_));
  }

  Description text_;
  std::span<const std::span<const std::byte>> constants_;
  ConstantHashes& hashes_;
};

}  // namespace

const ContentHash& ConstantHashes::of(std::size_t index,
                                      std::span<const std::span<const std::byte>> constants) {
  hashes_.resize(constants.size());
  if (!hashes_[index]) hashes_[index] = content_hash(constants[index], seed_);
  return *hashes_[index];
}

PackingSources::PackingSources(const Payload& payload,
                               std::span<const std::span<const std::byte>> constants,
                               const ConstantAddresses& addresses, ConstantHashes& hashes) {
  std::unordered_map<std::uint32_t, const ValueRecord*> values;
  for (const ValueRecord& value : payload.values) values.emplace(value.id, &value);
  const auto address_of = [&](std::uint32_t id) -> const void* {
    const auto found = addresses.find(id);
    return found == addresses.end() ? nullptr : found->second;
  };
  for (const NodeRecord& node : payload.nodes) {
    const NodeForm form = info_of(node.kind).form;
    if (form != NodeForm::kConvolution && form != NodeForm::kFullyConnected) continue;
    const void* filter = address_of(node.inputs[1]);
    if (filter == nullptr) continue;  // packed anew at every run
    NodeDescription description(constants, hashes);
    description.add(node);
    for (const std::uint32_t id : node.inputs) {
      description.add(id == kNoValue ? nullptr : values.at(id));
    }
    description.add(values.at(node.outputs[0]));
    const ContentHash hash = description.hash();
    const auto [entry, is_new] = sources_.try_emplace({filter, address_of(node.inputs[2])}, hash);
    if (!is_new && entry->second != hash) entry->second = std::nullopt;
  }
}

std::optional<ContentHash> PackingSources::find(const void* filter, const void* bias) const {
  const auto found = sources_.find({filter, bias});
  return found == sources_.end() ? std::nullopt : found->second;
}

}  // namespace tessera::xnnpack
