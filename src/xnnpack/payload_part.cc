// SPDX-License-Identifier: MIT
#include "xnnpack/payload_part.h"

#include <algorithm>
#include <unordered_map>
#include <variant>

namespace tessera::xnnpack {
namespace {

/// What the part's nodes, the others and the callers do with a value.
struct Use {
  bool is_read_inside = false, is_made_inside = false, is_read_outside = false;
};

std::uint32_t scale_buffer_of(const ValueRecord& value) {
  if (const auto* quant = std::get_if<PerChannelQuant>(&value.quant)) {
    return quant->scale_buffer_index;
  }
  const auto* quant = std::get_if<PerChannelGroupQuant>(&value.quant);
  return quant == nullptr ? 0 : quant->scale_buffer_index;
}

std::vector<Use> uses_of(const Payload& payload, std::span<const std::size_t> nodes) {
  std::unordered_map<std::uint32_t, std::size_t> index;
  for (std::size_t i = 0; i < payload.values.size(); ++i) index[payload.values[i].id] = i;
  std::vector<Use> uses(payload.values.size());
  for (std::size_t i = 0; i < payload.values.size(); ++i) {
    uses[i].is_read_outside = payload.values[i].flags == ValueRecord::kExternalOutput;
  }
  for (std::size_t i = 0; i < payload.nodes.size(); ++i) {
    const bool is_inside = std::ranges::binary_search(nodes, i);
    for (const std::uint32_t id : payload.nodes[i].inputs) {
      if (id == kNoValue) continue;
      Use& use = uses[index.at(id)];
      (is_inside ? use.is_read_inside : use.is_read_outside) = true;
    }
    for (const std::uint32_t id : payload.nodes[i].outputs) {
      if (is_inside) uses[index.at(id)].is_made_inside = true;
    }
  }
  return uses;
}

}  // namespace

PayloadPart part_of(const Payload& payload, std::span<const std::size_t> nodes) {
  const std::vector<Use> uses = uses_of(payload, nodes);
  PayloadPart part;
  Payload& result = part.payload;
  result.inline_constants = payload.inline_constants;
  result.constants.resize(payload.constants.size());
  for (const std::size_t node : nodes) result.nodes.push_back(payload.nodes[node]);
  const auto add_externals = [&](std::uint32_t flag, std::vector<std::size_t>& externals) {
    for (std::size_t i = 0; i < uses.size(); ++i) {
      if (payload.values[i].constant_index != 0) continue;
      const bool is_input = uses[i].is_read_inside && !uses[i].is_made_inside;
      const bool is_output = uses[i].is_made_inside && uses[i].is_read_outside;
      if (flag == ValueRecord::kExternalInput ? is_input : is_output) externals.push_back(i);
    }
  };
  add_externals(ValueRecord::kExternalInput, part.inputs);
  add_externals(ValueRecord::kExternalOutput, part.outputs);
  for (std::size_t i = 0; i < uses.size(); ++i) {
    if (!uses[i].is_read_inside && !uses[i].is_made_inside) continue;
    ValueRecord value = payload.values[i];
    value.flags = 0;
    value.external_id = kNoValue;
    const auto input = std::ranges::find(part.inputs, i),
               output = std::ranges::find(part.outputs, i);
    if (input != part.inputs.end()) {
      value.flags = ValueRecord::kExternalInput;
      value.external_id = static_cast<std::uint32_t>(input - part.inputs.begin());
    } else if (output != part.outputs.end()) {
      value.flags = ValueRecord::kExternalOutput;
      value.external_id = static_cast<std::uint32_t>(part.inputs.size()) +
                          static_cast<std::uint32_t>(output - part.outputs.begin());
    }
    for (const std::uint32_t constant : {value.constant_index, scale_buffer_of(value)}) {
      if (constant != 0) result.constants[constant] = payload.constants[constant];
    }
    result.values.push_back(std::move(value));
  }
  result.num_externals = static_cast<std::uint32_t>(part.inputs.size() + part.outputs.size());
  return part;
}

Payload with_outputs(Payload payload, std::span<const std::size_t> values) {
  for (const std::size_t value : values) {
    payload.values[value].flags = ValueRecord::kExternalOutput;
    payload.values[value].external_id = payload.num_externals++;
  }
  return payload;
}

}  // namespace tessera::xnnpack
