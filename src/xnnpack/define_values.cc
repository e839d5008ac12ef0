// SPDX-License-Identifier: MIT
#include "xnnpack/define_values.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <unordered_set>
#include <utility>

#include "base/check.h"
#include "base/try.h"
#include "xnnpack/node_kinds.h"

namespace tessera::xnnpack {
namespace {

/// By name: the blob's numbers are not XNNPACK's.
Result<xnn_datatype> xnn_datatype_of(Datatype datatype) {
  switch (datatype) {
    case Datatype::kF32:
      return xnn_datatype_fp32;
    case Datatype::kF16:
      return xnn_datatype_fp16;
    case Datatype::kQInt8:
      return xnn_datatype_qint8;
    case Datatype::kQUInt8:
      return xnn_datatype_quint8;
    case Datatype::kQInt32:
      return xnn_datatype_qint32;
    case Datatype::kQCInt8:
      return xnn_datatype_qcint8;
    case Datatype::kQCInt32:
      return xnn_datatype_qcint32;
    case Datatype::kQCInt4:
      return xnn_datatype_qcint4;
    case Datatype::kQDInt8:
      return xnn_datatype_qdint8;
    case Datatype::kQBInt4:
      return xnn_datatype_qbint4;
    case Datatype::kInt32:
      return xnn_datatype_int32;
    default:
      return fail(ErrorCode::kNotSupported, "datatype {}", name_of(datatype));
  }
}

/// Constants that are read only while weights are packed: filters and biases.
std::unordered_set<std::uint32_t> packed_values(const Payload& payload) {
  std::unordered_set<std::uint32_t> packed, read_later;
  for (const auto& node : payload.nodes) {
    const auto form = info_of(node.kind).form;
    const bool packs = form == NodeForm::kConvolution || form == NodeForm::kFullyConnected;
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      (packs && i > 0 ? packed : read_later).insert(node.inputs[i]);
    }
  }
  for (const std::uint32_t id : read_later) packed.erase(id);
  return packed;
}

std::vector<float> load_floats(std::span<const std::byte> bytes, std::size_t count) {
  CHECK(bytes.size() >= count * sizeof(float), "checked by the delegate");
  std::vector<float> floats(count);
  std::memcpy(floats.data(), bytes.data(), count * sizeof(float));
  return floats;
}

/// Rounds to nearest the way ExecuTorch does for scales that are inline: scaled up by 1 + 2^-8
/// (half a unit in the last place of the seven bits), then truncated.
std::uint16_t to_bf16(float value) {
  constexpr float kHalfUnit = 1.00389105f;
  return static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(value * kHalfUnit) >> 16);
}

class ValueDefiner {
 public:
  ValueDefiner(const Payload& payload, std::span<const std::span<const std::byte>> constants,
               DefinedSubgraph& defined)
      : packed_(packed_values(payload)), constants_(constants), defined_(defined) {}

  Result<std::uint32_t> define(const ValueRecord& value) {
    value_ = &value;
    set_dims();
    datatype_ = TRY(xnn_datatype_of(value.datatype));
    data_ = TRY(set_data());
    if (data_ != nullptr) defined_.addresses.emplace(value.id, data_);
    external_id_ = value.flags == 0 ? XNN_INVALID_VALUE_ID : value.external_id;
    std::uint32_t id = XNN_INVALID_VALUE_ID;
    const auto status =
        TRY(std::visit([&](const auto& quant) { return call(quant, &id); }, value.quant));
    if (status != xnn_status_success) {
      return fail(ErrorCode::kNotSupported, "XNNPACK refuses {} with {} dims: {}",
                  name_of(value.datatype), value.dims.size(), name_of(status));
    }
    return id;
  }

 private:
  /// Constants have their sizes. All others get size 1 everywhere: XNNPACK plans its workspace for
  /// the largest sizes that a value has ever had and counts those it was defined with, so defining
  /// upper bounds would cost their memory even if only small images come. Real sizes arrive with
  /// xnn_reshape_runtime, before anything is planned.
  void set_dims() {
    dims_.fill(1);
    num_dims_ = value_->dims.size();
    if (value_->constant_index != 0) std::ranges::copy(value_->dims, dims_.begin());
  }

  Result<const void*> set_data() {
    if (value_->constant_index == 0) return nullptr;
    const auto bytes = constants_[value_->constant_index];
    const std::size_t size = num_bytes(value_->datatype, value_->dims);
    CHECK(bytes.size() >= size, "checked by the delegate");
    const bool is_aligned = reinterpret_cast<std::uintptr_t>(bytes.data()) % alignof(float) == 0;
    if (packed_.contains(value_->id) && is_aligned) return bytes.data();
    auto copy = TRY(Tensor::empty(DType::kU8, Shape{static_cast<std::int64_t>(size)}));
    std::memcpy(copy.bytes(), bytes.data(), size);
    defined_.constants.push_back(copy);
    return copy.bytes();
  }

  Result<xnn_status> call(std::monostate, std::uint32_t* id) {
    return xnn_define_tensor_value(defined_.subgraph.get(), datatype_, num_dims_, dims_.data(),
                                   data_, external_id_, value_->flags, id);
  }

  Result<xnn_status> call(const PerTensorQuant& quant, std::uint32_t* id) {
    return xnn_define_quantized_tensor_value(defined_.subgraph.get(), datatype_, quant.zero_point,
                                             quant.scale, num_dims_, dims_.data(), data_,
                                             external_id_, value_->flags, id);
  }

  Result<xnn_status> call(const PerTokenDynamicQuant& quant, std::uint32_t* id) {
    return xnn_define_dynamically_quantized_tensor_value(
        defined_.subgraph.get(), datatype_, num_dims_,
        static_cast<std::size_t>(quant.num_nonbatch_dims), dims_.data(), external_id_,
        value_->flags, id);
  }

  Result<xnn_status> call(const PerChannelQuant& quant, std::uint32_t* id) {
    auto scales = quant.scale_buffer_index == 0
                      ? quant.scales
                      : load_floats(constants_[quant.scale_buffer_index], quant.num_scales);
    for (const float scale : scales) TRY(check_scale(scale));
    defined_.scales.push_back(std::move(scales));
    const std::int32_t zero_point = value_->datatype == Datatype::kQCInt4 ? kInt4ZeroPoint : 0;
    return xnn_define_channelwise_quantized_tensor_value_v2(
        defined_.subgraph.get(), datatype_, zero_point, defined_.scales.back().data(), num_dims_,
        static_cast<std::size_t>(quant.channel_dim), dims_.data(), data_, external_id_,
        value_->flags, id);
  }

  Result<xnn_status> call(const PerChannelGroupQuant& quant, std::uint32_t* id) {
    std::vector<std::uint16_t> scales;
    if (quant.scale_buffer_index == 0) {
      for (const float scale : quant.scales) scales.push_back(to_bf16(scale));
    } else {
      scales.resize(quant.num_scales);
      const auto bytes = constants_[quant.scale_buffer_index];
      CHECK(bytes.size() >= scales.size() * sizeof(scales[0]), "checked by the delegate");
      std::memcpy(scales.data(), bytes.data(), scales.size() * sizeof(scales[0]));
    }
    for (const std::uint16_t scale : scales) {
      TRY(check_scale(std::bit_cast<float>(std::uint32_t{scale} << 16)));
    }
    defined_.bf16_scales.push_back(std::move(scales));
    return xnn_define_blockwise_quantized_tensor_value(
        defined_.subgraph.get(), datatype_, kInt4ZeroPoint, defined_.bf16_scales.back().data(),
        num_dims_, static_cast<std::size_t>(quant.channel_dim),
        static_cast<std::size_t>(quant.group_size), dims_.data(), data_, external_id_,
        value_->flags, id);
  }

  static Result<void> check_scale(float scale) {
    if (std::isnormal(scale) && scale > 0) return {};
    return fail(ErrorCode::kInvalidProgram, "scale {}", scale);
  }

  static constexpr std::int32_t kInt4ZeroPoint = 8;  // nibbles are unsigned

  std::unordered_set<std::uint32_t> packed_;
  std::span<const std::span<const std::byte>> constants_;
  DefinedSubgraph& defined_;

  const ValueRecord* value_ = nullptr;
  xnn_datatype datatype_ = xnn_datatype_invalid;
  std::array<std::size_t, XNN_MAX_TENSOR_DIMS> dims_{};
  std::size_t num_dims_ = 0;
  const void* data_ = nullptr;
  std::uint32_t external_id_ = XNN_INVALID_VALUE_ID;
};

/// The payload's values in the order in which to define them: those that even nodes make before
/// those that odd nodes make. XNNPACK's memory planner takes values of one size in the order of
/// their ids and never puts one below the single block that is alive beside it
/// (src/memory-planner.c, find_value_alloc_offset): a chain in its natural order gets fresh memory
/// for every link, in this order two blocks serve the whole chain.
std::vector<const ValueRecord*> definition_order(const Payload& payload) {
  std::unordered_set<std::uint32_t> made_by_odd;
  for (std::size_t i = 1; i < payload.nodes.size(); i += 2) {
    made_by_odd.insert(payload.nodes[i].outputs.begin(), payload.nodes[i].outputs.end());
  }
  std::vector<const ValueRecord*> order;
  for (const ValueRecord& value : payload.values) order.push_back(&value);
  std::ranges::stable_partition(
      order, [&](const ValueRecord* value) { return !made_by_odd.contains(value->id); });
  return order;
}

}  // namespace

Result<ValueIds> define_values(const Payload& payload,
                               std::span<const std::span<const std::byte>> constants,
                               DefinedSubgraph& defined) {
  ValueDefiner definer(payload, constants, defined);
  ValueIds ids;
  for (const ValueRecord* value : definition_order(payload)) {
    auto id = definer.define(*value);
    if (!id) {
      return with_context(std::move(id).error(),
                          std::format("XNNPACK delegate: value {}", value->id));
    }
    ids.emplace(value->id, *id);
  }
  return ids;
}

}  // namespace tessera::xnnpack
