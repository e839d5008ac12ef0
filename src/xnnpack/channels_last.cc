// SPDX-License-Identifier: MIT
#include "xnnpack/channels_last.h"

#include <algorithm>
#include <vector>

namespace tessera::xnnpack {
namespace {

bool is_transpose(const NodeRecord& node, std::span<const std::uint32_t> permutation) {
  const auto* transpose = std::get_if<TransposeParams>(&node.params);
  return node.kind == NodeKind::kStaticTranspose && transpose != nullptr &&
         std::ranges::equal(transpose->permutation, permutation);
}

void rename(std::vector<std::uint32_t>& ids, std::uint32_t from, std::uint32_t to) {
  std::ranges::replace(ids, from, to);
}

ValueRecord* find_value(Payload& payload, std::uint32_t id) {
  const auto found = std::ranges::find(payload.values, id, &ValueRecord::id);
  return found == payload.values.end() ? nullptr : &*found;
}

bool is_inner(Payload& payload, std::uint32_t id) {
  const ValueRecord* value = find_value(payload, id);
  return value != nullptr && value->flags == 0 && value->constant_index == 0;
}

/// The value takes the place of what the transposes that read it make.
bool skip_transposes_behind(Payload& payload, std::uint32_t id) {
  std::vector<std::uint32_t> made;
  for (const NodeRecord& node : payload.nodes) {
    if (!std::ranges::contains(node.inputs, id)) continue;
    if (!is_transpose(node, kToChannelsLast) || !is_inner(payload, node.outputs[0])) return false;
    made.push_back(node.outputs[0]);
  }
  std::erase_if(payload.nodes,
                [&](const NodeRecord& node) { return std::ranges::contains(node.inputs, id); });
  for (NodeRecord& node : payload.nodes) {
    for (const std::uint32_t old : made) rename(node.inputs, old, id);
  }
  std::erase_if(payload.values,
                [&](const ValueRecord& value) { return std::ranges::contains(made, value.id); });
  return !made.empty();
}

/// The value takes the place of what the transpose that makes it reads.
bool skip_transpose_before(Payload& payload, std::uint32_t id) {
  const auto makes = [&](const NodeRecord& node) {
    return std::ranges::contains(node.outputs, id);
  };
  const auto reads = [&](const NodeRecord& node) { return std::ranges::contains(node.inputs, id); };
  const auto maker = std::ranges::find_if(payload.nodes, makes);
  if (maker == payload.nodes.end() || std::ranges::any_of(payload.nodes, reads)) return false;
  if (!is_transpose(*maker, kToChannelsFirst) || !is_inner(payload, maker->inputs[0])) return false;
  const std::uint32_t source = maker->inputs[0];
  payload.nodes.erase(maker);
  // What other nodes read must have padding behind it, which the caller's memory need not have.
  for (const NodeRecord& node : payload.nodes) {
    if (std::ranges::contains(node.inputs, source)) return false;
  }
  for (NodeRecord& node : payload.nodes) rename(node.outputs, source, id);
  std::erase_if(payload.values, [&](const ValueRecord& value) { return value.id == source; });
  return true;
}

}  // namespace

std::optional<Payload> with_channels_last(const Payload& payload, std::uint32_t external_id) {
  Payload changed = payload;
  const auto value = std::ranges::find(changed.values, external_id, &ValueRecord::external_id);
  if (value == changed.values.end() || value->flags == 0 || value->dims.size() != 4) {
    return std::nullopt;
  }
  const std::uint32_t id = value->id;
  value->dims = {value->dims[0], value->dims[2], value->dims[3], value->dims[1]};
  const bool is_input = value->flags == ValueRecord::kExternalInput;
  if (is_input ? skip_transposes_behind(changed, id) : skip_transpose_before(changed, id)) {
    return changed;
  }
  return std::nullopt;
}

}  // namespace tessera::xnnpack
