// SPDX-License-Identifier: MIT
#include "xnnpack/payload_check.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "base/try.h"
#include "xnnpack/node_check.h"
#include "xnnpack/node_kinds.h"

namespace tessera::xnnpack {
namespace {

constexpr std::size_t kMaxDims = 6;                 // XNN_MAX_TENSOR_DIMS
constexpr std::uint32_t kMaxExternals = 4096;       // as ExecuTorch
constexpr std::uint64_t kMaxElements = 1ull << 56;  // so that bytes fit in 64 bits

template <class... Args>
std::unexpected<Error> value_error(const ValueRecord& value, std::format_string<Args...> format,
                                   Args&&... args) {
  return fail(ErrorCode::kInvalidProgram, "XNNPACK blob: value {}: {}", value.id,
              std::format(format, std::forward<Args>(args)...));
}

Result<void> check_dims(const ValueRecord& value) {
  if (value.dims.size() > kMaxDims) {
    return value_error(value, "{} dims, at most {} are possible", value.dims.size(), kMaxDims);
  }
  std::uint64_t num_elements = 1;
  for (const std::uint32_t dim : value.dims) {
    if (dim == 0) return value_error(value, "a size is 0");
    if (num_elements > kMaxElements / dim)
      return value_error(value, "the sizes' product overflows");
    num_elements *= dim;
  }
  return {};
}

/// Scales are inline or a constant of `element_bytes` each; as many as there are channels.
Result<void> check_scales(const Payload& payload, const ValueRecord& value,
                          const std::vector<float>& inline_scales, std::uint32_t buffer_index,
                          std::uint64_t num_scales, std::uint64_t expected,
                          std::uint64_t element_bytes) {
  const std::uint64_t found = buffer_index == 0 ? inline_scales.size() : num_scales;
  if (found != expected) return value_error(value, "{} scales, expected {}", found, expected);
  if (buffer_index >= payload.constants.size()) {
    return value_error(value, "scales are constant {} of {}", buffer_index,
                       payload.constants.size());
  }
  if (buffer_index != 0 && payload.constants[buffer_index].size < expected * element_bytes) {
    return value_error(value, "{} scales in a constant of {} bytes", expected,
                       payload.constants[buffer_index].size);
  }
  return {};
}

Result<void> check_channel_quant(const Payload& payload, const ValueRecord& value,
                                 const PerChannelQuant& quant) {
  if (value.constant_index == 0)
    return value_error(value, "per-channel quantized, but no constant");
  if (quant.channel_dim < 0 || static_cast<std::size_t>(quant.channel_dim) >= value.dims.size()) {
    return value_error(value, "channel_dim {} of {} dims", quant.channel_dim, value.dims.size());
  }
  const std::uint64_t num_channels = value.dims[static_cast<std::size_t>(quant.channel_dim)];
  return check_scales(payload, value, quant.scales, quant.scale_buffer_index, quant.num_scales,
                      num_channels, sizeof(float));
}

Result<void> check_group_quant(const Payload& payload, const ValueRecord& value,
                               const PerChannelGroupQuant& quant) {
  constexpr std::int32_t kGroupUnit = 32;
  constexpr std::uint64_t kBf16Bytes = 2;
  if (value.constant_index == 0) return value_error(value, "group-wise quantized, but no constant");
  if (value.dims.size() != 2 || quant.channel_dim != 0) {
    return value_error(value, "group-wise quantization needs [output, input] and channel_dim 0");
  }
  if (quant.group_size <= 0 || quant.group_size % kGroupUnit != 0 ||
      value.dims[1] % static_cast<std::uint32_t>(quant.group_size) != 0) {
    return value_error(value, "groups of {} in {} input channels", quant.group_size, value.dims[1]);
  }
  const std::uint64_t num_groups = value.dims[1] / static_cast<std::uint32_t>(quant.group_size);
  return check_scales(payload, value, quant.scales, quant.scale_buffer_index, quant.num_scales,
                      value.dims[0] * num_groups, kBf16Bytes);
}

Result<void> check_quant(const Payload& payload, const ValueRecord& value) {
  const auto wrong = [&] {
    return value_error(value, "{} with quantization parameters of another kind or none",
                       name_of(value.datatype));
  };
  switch (value.datatype) {
    case Datatype::kF32:
    case Datatype::kF16:
    case Datatype::kBF16:
    case Datatype::kPF32:
    case Datatype::kInt32:
      if (!std::holds_alternative<std::monostate>(value.quant)) return wrong();
      return {};
    case Datatype::kQInt8:
    case Datatype::kQUInt8:
    case Datatype::kQInt32: {
      const auto* quant = std::get_if<PerTensorQuant>(&value.quant);
      if (quant == nullptr) return wrong();
      if (!std::isnormal(quant->scale) || quant->scale < 0) {
        return value_error(value, "scale {}", quant->scale);
      }
      return {};
    }
    case Datatype::kQCInt8:
    case Datatype::kQCInt32:
    case Datatype::kQCInt4: {
      const auto* quant = std::get_if<PerChannelQuant>(&value.quant);
      return quant == nullptr ? wrong() : check_channel_quant(payload, value, *quant);
    }
    case Datatype::kQBInt4: {
      const auto* quant = std::get_if<PerChannelGroupQuant>(&value.quant);
      return quant == nullptr ? wrong() : check_group_quant(payload, value, *quant);
    }
    case Datatype::kQDInt8:
    case Datatype::kQPInt8: {
      const auto* quant = std::get_if<PerTokenDynamicQuant>(&value.quant);
      if (quant == nullptr) return wrong();
      if (quant->num_nonbatch_dims < 0 ||
          static_cast<std::size_t>(quant->num_nonbatch_dims) >= value.dims.size() ||
          value.constant_index != 0) {
        return value_error(value, "dynamic quantization over {} of {} dims",
                           quant->num_nonbatch_dims, value.dims.size());
      }
      return {};
    }
    case Datatype::kInvalid:
      break;
  }
  return value_error(value, "datatype {}", static_cast<int>(value.datatype));
}

Result<void> check_constant(const Payload& payload, const ValueRecord& value) {
  if (value.constant_index == 0) return {};
  if (value.constant_index >= payload.constants.size()) {
    return value_error(value, "constant {} of {}", value.constant_index, payload.constants.size());
  }
  const std::uint64_t expected = num_bytes(value.datatype, value.dims);
  const std::uint64_t found = payload.constants[value.constant_index].size;
  if (found < expected) {
    return value_error(value, "its constant has {} bytes, expected {}", found, expected);
  }
  if (value.flags != 0) return value_error(value, "external and constant");
  return {};
}

Result<void> check_inline_constants(const Payload& payload) {
  const std::uint64_t whole = payload.inline_constants.size();
  for (std::size_t i = 0; i < payload.constants.size(); ++i) {
    const auto& constant = payload.constants[i];
    if (constant.key.has_value()) continue;
    if (constant.offset > whole || constant.size > whole - constant.offset) {
      return fail(ErrorCode::kInvalidProgram,
                  "XNNPACK blob: constant {} at [{}, +{}] is outside {} bytes of constants", i,
                  constant.offset, constant.size, whole);
    }
  }
  return {};
}

/// External ids are 0..n-1, inputs first, each once.
Result<void> check_externals(const Payload& payload) {
  constexpr std::uint32_t kBoth = ValueRecord::kExternalInput | ValueRecord::kExternalOutput;
  if (payload.num_externals > kMaxExternals) {
    return fail(ErrorCode::kInvalidProgram, "XNNPACK blob: {} externals, at most {} are possible",
                payload.num_externals, kMaxExternals);
  }
  std::vector<std::uint32_t> flags(payload.num_externals, 0);
  for (const auto& value : payload.values) {
    if (value.flags > kBoth || value.flags == kBoth) {
      return value_error(value, "flags {:#x}", value.flags);
    }
    if (value.flags == 0) continue;
    if (value.external_id >= payload.num_externals || flags[value.external_id] != 0) {
      return value_error(value, "external id {} of {} is taken or out of range", value.external_id,
                         payload.num_externals);
    }
    flags[value.external_id] = value.flags;
  }
  if (std::ranges::contains(flags, 0u) || !std::ranges::is_sorted(flags)) {
    return fail(ErrorCode::kInvalidProgram,
                "XNNPACK blob: externals {} are not inputs, then outputs, without gaps",
                payload.num_externals);
  }
  return {};
}

using ValuesById = std::unordered_map<std::uint32_t, const ValueRecord*>;

Result<ValuesById> check_values(const Payload& payload) {
  ValuesById by_id;
  for (const auto& value : payload.values) {
    if (value.id == kNoValue || !by_id.emplace(value.id, &value).second) {
      return value_error(value, "id is used twice or reserved");
    }
    TRY(check_dims(value));
    TRY(check_quant(payload, value));
    TRY(check_constant(payload, value));
  }
  return by_id;
}

/// Operands of one node, looked up; `ready` has the values that exist before it.
class NodeOperands {
 public:
  explicit NodeOperands(const ValuesById& by_id) : by_id_(by_id) {
    for (const auto& [id, value] : by_id) {
      const bool is_given =
          value->constant_index != 0 || (value->flags & ValueRecord::kExternalInput) != 0;
      is_ready_.emplace(id, is_given);
    }
  }

  Result<NodeValues> find(const NodeRecord& node) {
    const auto& info = info_of(node.kind);
    NodeValues values;
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      const std::uint32_t id = node.inputs[i];
      const bool is_bias =
          i == 2 && (info.form == NodeForm::kConvolution || info.form == NodeForm::kFullyConnected);
      if (id == kNoValue && is_bias) {
        values.inputs.push_back(nullptr);
        continue;
      }
      const auto found = is_ready_.find(id);
      if (found == is_ready_.end() || !found->second) {
        return fail(ErrorCode::kInvalidProgram, "reads value {}, which is not defined before", id);
      }
      values.inputs.push_back(by_id_.at(id));
    }
    for (const std::uint32_t id : node.outputs) {
      const auto found = is_ready_.find(id);
      if (found == is_ready_.end() || found->second) {
        return fail(ErrorCode::kInvalidProgram,
                    "writes value {}, which does not exist or is defined already", id);
      }
      found->second = true;
      values.outputs.push_back(by_id_.at(id));
    }
    return values;
  }

  bool is_ready(std::uint32_t id) const { return is_ready_.at(id); }

 private:
  const ValuesById& by_id_;
  std::unordered_map<std::uint32_t, bool> is_ready_;
};

}  // namespace

std::string describe(const Payload& payload, std::size_t node_index) {
  return std::format("node {} ({})", node_index, name_of(payload.nodes[node_index].kind));
}

Result<void> check_payload(const Payload& payload) {
  TRY(check_inline_constants(payload));
  const auto by_id = TRY(check_values(payload));
  TRY(check_externals(payload));
  NodeOperands operands(by_id);
  for (std::size_t i = 0; i < payload.nodes.size(); ++i) {
    const auto& node = payload.nodes[i];
    auto checked = operands.find(node).and_then(
        [&](const NodeValues& values) { return check_node(node, values); });
    if (!checked) {
      return with_context(std::move(checked).error(),
                          std::format("XNNPACK blob: {}", describe(payload, i)));
    }
  }
  for (const auto& value : payload.values) {
    if ((value.flags & ValueRecord::kExternalOutput) != 0 && !operands.is_ready(value.id)) {
      return value_error(value, "an output that no node writes");
    }
  }
  return {};
}

}  // namespace tessera::xnnpack
