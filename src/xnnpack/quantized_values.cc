// SPDX-License-Identifier: MIT
// What a Builder does with integers that stand for real numbers.
#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "xnnpack/builder.h"
#include "xnnpack/quantized_operands.h"

namespace tessera::xnnpack {
namespace {

/// Rounded and kept within 32 bits: sums beyond them would wrap.
std::int32_t to_int32(double value) {
  return static_cast<std::int32_t>(std::clamp(std::nearbyint(value), -0x1p31, 0x1p31 - 1));
}

}  // namespace

void Builder::begin(const ir::Node& node) {
  is_int8_ = plan_.runs_in_int8(node);
  output_quant_.reset();
  if (!is_int8_) return;
  moves_ = node.op->quantize.kind == ir::QuantKind::kMove;
  output_quant_ = *plan_.quant_of(resolved(node.results[0]));
}

ir::ValueId Builder::resolved(ir::ValueId value) const {
  return is_int8_ ? plan_.holder(value) : value;
}

/// An operand with another scale than that of the result whose elements it gives.
std::uint32_t Builder::with_output_quant(std::uint32_t id) {
  const ValueRecord& record = record_of(id);
  const auto& quant = std::get<PerTensorQuant>(record.quant);
  if (!moves_ ||
      (quant.scale == output_quant_->scale && quant.zero_point == output_quant_->zero_point)) {
    return id;
  }
  const std::uint32_t converted =
      add_value({.datatype = record.datatype, .dims = record.dims, .quant = *output_quant_});
  payload_.nodes.push_back({.kind = NodeKind::kConvert, .inputs = {id}, .outputs = {converted}});
  return converted;
}

void Builder::quantize(ir::ValueId value, ir::ValueId quantized) {
  if (has(quantized, Layout::kNchw) || has(quantized, Layout::kNhwc)) return;
  const Layout layout = layout_of(value);
  // Between signed and unsigned integers XNNPACK needs no real numbers.
  const ir::ValueId integers = plan_.is_dequantized(value) ? plan_.holder(value) : value;
  const bool is_direct = body_.value(integers).type.dtype != body_.value(quantized).type.dtype;
  const std::uint32_t from = input(is_direct ? integers : value, layout);
  payload_.nodes.push_back(
      {.kind = NodeKind::kConvert, .inputs = {from}, .outputs = {output(quantized, layout)}});
}

QuantParams Builder::channel_quant(const std::vector<float>& scales, std::uint32_t channel_dim) {
  const auto count = static_cast<std::int64_t>(scales.size());
  return PerChannelQuant{
      .channel_dim = static_cast<std::int32_t>(channel_dim),
      .scale_buffer_index = constant_index(Tensor::of<float>({count}, scales), "scale_"),
      .num_scales = static_cast<std::uint32_t>(count)};
}

std::uint32_t Builder::define_constant(ir::ValueId id, const Tensor& tensor) {
  const PerTensorQuant* quant = plan_.quant_of(id);
  if (quant == nullptr) return constant(tensor);
  return add_value({.datatype = Datatype::kQInt8,
                    .dims = constant_dims(tensor.shape()),
                    .constant_index = constant_index(tensor),
                    .quant = *quant});
}

/// Rows that XNNPACK quantizes by their range when it runs.
std::uint32_t Builder::dynamic_input(ir::ValueId value) {
  const auto known = dynamic_ids_.find(value);
  if (known != dynamic_ids_.end()) return known->second;
  const std::uint32_t from = input(value, Layout::kNchw);
  const std::uint32_t id = add_value({.datatype = Datatype::kQDInt8,
                                      .dims = record_of(from).dims,
                                      .quant = PerTokenDynamicQuant{.num_nonbatch_dims = 1}});
  payload_.nodes.push_back({.kind = NodeKind::kConvert, .inputs = {from}, .outputs = {id}});
  return dynamic_ids_[value] = id;
}

/// Two elements in a byte, the first in its low half, each 8 above what it stands for; scales are
/// bf16.
ValueRecord Builder::group_weight(const GroupScales& groups) {
  const auto elements = groups.elements->elements<std::int8_t>();
  const std::int64_t rows = groups.elements->size(0), columns = groups.elements->size(1);
  const std::int64_t row_bytes = (columns + 1) / 2;
  std::vector<std::uint8_t> packed(static_cast<std::size_t>(rows * row_bytes));
  for (std::int64_t row = 0; row < rows; ++row) {
    for (std::int64_t column = 0; column < columns; ++column) {
      const auto nibble =
          static_cast<std::uint8_t>(elements[static_cast<std::size_t>(row * columns + column)] + 8);
      packed[static_cast<std::size_t>(row * row_bytes + column / 2)] |=
          static_cast<std::uint8_t>(nibble << (column % 2 * 4));
    }
  }
  std::vector<BFloat16> scales;
  for (const float scale : groups.scales) scales.push_back(static_cast<BFloat16>(scale));
  const auto count = static_cast<std::int64_t>(scales.size());
  return {.datatype = Datatype::kQBInt4,
          .dims = {static_cast<std::uint32_t>(rows), static_cast<std::uint32_t>(columns)},
          .constant_index = constant_index(Tensor::of<std::uint8_t>({rows, row_bytes}, packed)),
          .quant = PerChannelGroupQuant{
              .group_size = static_cast<std::int32_t>(groups.group_size),
              .scale_buffer_index = constant_index(Tensor::of<BFloat16>({count}, scales), "scale_"),
              .num_scales = static_cast<std::uint32_t>(count)}};
}

std::uint32_t Builder::weight(ir::ValueId value, const Tensor& filter, std::uint32_t channel_dim) {
  if (const auto groups = group_scales(body_, value)) return add_value(group_weight(*groups));
  const auto scales = constant_scales(body_, value);
  if (!scales) return constant(filter);
  ValueRecord record{.dims = constant_dims(filter.shape()),
                     .constant_index = constant_index(filter)};
  if (scales->axis || !is_int8_) {  // with rows of their own scales XNNPACK wants one per channel
    std::vector<float> all = scales->scales;
    if (!scales->axis) all.assign(filter.shape()[channel_dim], scales->scales[0]);
    record.datatype = Datatype::kQCInt8;
    record.quant = channel_quant(all, channel_dim);
  } else {
    record.datatype = Datatype::kQInt8;
    record.quant = PerTensorQuant{.scale = scales->scales[0]};
  }
  return add_value(std::move(record));
}

std::uint32_t Builder::bias(const Tensor* bias, ir::ValueId input, ir::ValueId weight,
                            std::uint32_t channel_dim) {
  if (bias == nullptr) return kNoValue;
  const auto weight_scales = constant_scales(body_, weight);
  if (!is_int8_ || !weight_scales) {
    Tensor flat = converted_to(*bias, DType::kF32);
    flat.set_shape(Shape{bias->num_elements()});
    return constant(flat);
  }
  const float input_scale = plan_.quant_of(resolved(input))->scale;
  std::vector<float> scales = weight_scales->scales;
  for (float& scale : scales) scale *= input_scale;
  std::vector<std::int32_t> sums;
  const Tensor real = converted_to(*bias, DType::kF32);
  for (const float element : real.elements<float>()) {
    const float scale = scales[scales.size() == 1 ? 0 : sums.size()];
    sums.push_back(to_int32(static_cast<double>(element) / static_cast<double>(scale)));
  }
  const Tensor integers = Tensor::of<std::int32_t>({bias->num_elements()}, sums);
  ValueRecord record{.datatype = Datatype::kQInt32,
                     .dims = constant_dims(integers.shape()),
                     .constant_index = constant_index(integers),
                     .quant = PerTensorQuant{.scale = scales[0]}};
  if (weight_scales->axis) {
    record.datatype = Datatype::kQCInt32;
    record.quant = channel_quant(scales, channel_dim);
  }
  return add_value(std::move(record));
}

}  // namespace tessera::xnnpack
