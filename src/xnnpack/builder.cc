// SPDX-License-Identifier: MIT
#include "xnnpack/builder.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "base/content_hash.h"
#include "base/try.h"
#include "xnnpack/float_weights.h"
#include "xnnpack/node_kinds.h"
#include "xnnpack/payload.h"
#include "xnnpack/payload_check.h"
#include "xnnpack/quantized_operands.h"

namespace tessera::xnnpack {
namespace {

constexpr std::array<std::size_t, 4> kToNhwc = {0, 2, 3, 1};
constexpr std::array<std::size_t, 4> kToNchw = {0, 3, 1, 2};

const std::array<std::size_t, 4>& permutation_to(Layout layout) {
  return layout == Layout::kNhwc ? kToNhwc : kToNchw;
}

std::optional<Datatype> as_datatype(DType dtype) {
  switch (dtype) {
    case DType::kF32:
      return Datatype::kF32;
    case DType::kF16:
      return Datatype::kF16;
    case DType::kI8:
      return Datatype::kQInt8;
    case DType::kU8:
      return Datatype::kQUInt8;
    default:
      return std::nullopt;
  }
}

template <class Sizes>
std::vector<std::uint32_t> to_nhwc(const Sizes& nchw) {
  std::vector<std::uint32_t> dims;
  for (const std::size_t dim : kToNhwc) dims.push_back(static_cast<std::uint32_t>(nchw[dim]));
  return dims;
}

/// The elements of an NCHW tensor in NHWC order.
Tensor permuted_to_nhwc(const Tensor& nchw) {
  const std::int64_t channels = nchw.size(1), pixels = nchw.size(2) * nchw.size(3);
  const std::size_t element_bytes = size_of(nchw.dtype());
  std::vector<std::byte> bytes(nchw.num_bytes());
  std::byte* to = bytes.data();
  for (std::int64_t n = 0; n < nchw.size(0); ++n) {
    for (std::int64_t pixel = 0; pixel < pixels; ++pixel) {
      for (std::int64_t c = 0; c < channels; ++c, to += element_bytes) {
        const std::int64_t from = (n * channels + c) * pixels + pixel;
        std::memcpy(to, nchw.bytes() + static_cast<std::size_t>(from) * element_bytes,
                    element_bytes);
      }
    }
  }
  const Shape shape{nchw.size(0), nchw.size(2), nchw.size(3), channels};
  return Tensor::of_bytes(nchw.dtype(), shape, bytes);
}

}  // namespace

Tensor converted_to(const Tensor& tensor, DType dtype) {
  if (tensor.dtype() == dtype) return tensor;
  const auto convert = [&]<class From, class To>(std::type_identity<From>, std::type_identity<To>) {
    std::vector<To> elements;
    for (const From element : tensor.elements<From>()) {
      elements.push_back(static_cast<To>(static_cast<float>(element)));
    }
    return Tensor::of<To>(tensor.shape(), elements);
  };
  CHECK(dtype == DType::kF32 || tensor.dtype() == DType::kF32, "{} to {}", tensor.type_string(),
        tessera::name_of(dtype));
  return dtype == DType::kF32 ? convert(std::type_identity<Half>(), std::type_identity<float>())
                              : convert(std::type_identity<float>(), std::type_identity<Half>());
}

std::vector<std::uint32_t> Builder::constant_dims(const Shape& shape) {
  std::vector<std::uint32_t> dims(shape.begin(), shape.end());
  if (dims.empty()) dims.push_back(1);
  return dims;
}

std::vector<std::uint32_t> Builder::upper_bounds(const ir::Value& value) {
  std::vector<std::uint32_t> dims;
  for (const auto& dim : value.type.dims) {
    const auto range = dim.range(body_.symbols);
    if (!range || range->max < 1 || range->max > UINT32_MAX) {
      if (!error_) {
        error_ = Error{ErrorCode::kNotSupported,
                       std::format("'{}': size {} has no upper bound that XNNPACK can have",
                                   value.name, dim.to_string())};
      }
      dims.push_back(1);
    } else {
      dims.push_back(static_cast<std::uint32_t>(range->max));
    }
  }
  if (dims.empty()) dims.push_back(1);
  return dims;
}

std::uint32_t Builder::add_value(ValueRecord record) {
  record.id = next_id_;
  payload_.values.push_back(std::move(record));
  return next_id_++;
}

std::uint32_t Builder::define(ir::ValueId id, std::vector<std::uint32_t> dims) {
  const ir::Value& value = body_.value(id);
  const PerTensorQuant* quant = plan_.quant_of(id);
  const auto datatype = as_datatype(value.type.dtype);
  const bool is_integer = datatype == Datatype::kQInt8 || datatype == Datatype::kQUInt8;
  if ((!datatype || (is_integer && quant == nullptr)) && !error_) {
    error_ = Error{ErrorCode::kNotSupported, std::format("'{}': XNNPACK has no {}", value.name,
                                                         tessera::name_of(value.type.dtype))};
  }
  ValueRecord record{.datatype = datatype.value_or(Datatype::kF32), .dims = std::move(dims)};
  if (quant != nullptr) {
    if (!is_integer) record.datatype = Datatype::kQInt8;
    record.quant = *quant;
  }
  return add_value(std::move(record));
}

Layout Builder::only_layout(ir::ValueId value, Layout layout) const {
  return body_.value(value).type.rank() == 4 ? layout : Layout::kNchw;
}

std::optional<std::uint32_t> Builder::find(ir::ValueId value, Layout layout) const {
  const auto found = ids_.find({value, layout});
  return found == ids_.end() ? std::nullopt : std::optional(found->second);
}

void Builder::define_inputs() {
  for (const auto input : body_.inputs()) {
    const std::uint32_t id = define(input, upper_bounds(body_.value(input)));
    payload_.values.back().external_id = payload_.num_externals++;
    payload_.values.back().flags = ValueRecord::kExternalInput;
    ids_[{input, Layout::kNchw}] = id;
  }
}

/// A result in NCHW that is an output of the body is written where the caller wants it at once.
std::uint32_t Builder::define_result(ir::ValueId value, Layout layout) {
  const auto& record = body_.value(value);
  auto dims = upper_bounds(record);
  if (layout == Layout::kNhwc) dims = to_nhwc(dims);
  const std::uint32_t id = define(value, std::move(dims));
  const bool is_new = ids_.emplace(std::pair(value, layout), id).second;
  CHECK(is_new, "'{}' is defined twice", record.name);
  const auto output = std::ranges::find(body_.outputs(), value);
  if (layout == Layout::kNchw && output != body_.outputs().end()) {
    const auto position = static_cast<std::size_t>(output - body_.outputs().begin());
    is_written_[position] = true;
    payload_.values.back().external_id =
        payload_.num_externals + static_cast<std::uint32_t>(position);
    payload_.values.back().flags = ValueRecord::kExternalOutput;
  }
  return id;
}

std::uint32_t Builder::input(ir::ValueId value, Layout layout) {
  if (is_int8_) return with_output_quant(plain_input(resolved(value), layout));
  if (const auto source = dynamic_source(body_, value)) return dynamic_input(*source);
  return plain_input(value, layout);
}

std::uint32_t Builder::plain_input(ir::ValueId value, Layout layout) {
  layout = only_layout(value, layout);
  if (const auto id = find(value, layout)) return *id;
  if (const auto& record = body_.value(value); record.kind == ir::ValueKind::kConstant) {
    const bool is_permuted = layout == Layout::kNhwc;
    return ids_[{value, layout}] =
               define_constant(value, is_permuted ? permuted_to_nhwc(record.data) : record.data);
  }
  if (const ir::ValueId integers = plan_.holder(value); plan_.is_dequantized(value)) {
    const std::uint32_t from = plain_input(integers, layout);
    const std::uint32_t id = define_result(value, layout);
    payload_.nodes.push_back({.kind = NodeKind::kConvert, .inputs = {from}, .outputs = {id}});
    return id;
  }
  const auto other = find(value, layout == Layout::kNhwc ? Layout::kNchw : Layout::kNhwc);
  CHECK(other.has_value(), "'{}' is read before it is made", body_.value(value).name);
  const auto& permutation = permutation_to(layout);
  const std::uint32_t id = define_result(value, layout);
  payload_.nodes.push_back({.kind = NodeKind::kStaticTranspose,
                            .inputs = {*other},
                            .outputs = {id},
                            .params = TransposeParams{{permutation.begin(), permutation.end()}}});
  return id;
}

void Builder::alias(ir::ValueId result, Layout layout, std::uint32_t id) {
  result = resolved(result);
  const bool is_new = ids_.emplace(std::pair(result, only_layout(result, layout)), id).second;
  CHECK(is_new, "'{}' is defined twice", body_.value(result).name);
}

bool Builder::has(ir::ValueId value, Layout layout) const {
  value = resolved(value);
  return find(value, only_layout(value, layout)).has_value();
}

std::uint32_t Builder::intermediate(NodeKind kind, std::uint32_t operand,
                                    std::vector<std::uint32_t> dims) {
  const ValueRecord& like = record_of(operand);
  ValueRecord record{.datatype = like.datatype, .dims = std::move(dims), .quant = like.quant};
  if (is_int8_ && !moves_elements(kind)) record.quant = *output_quant_;
  return add_value(std::move(record));
}

const ValueRecord& Builder::record_of(std::uint32_t id) const {
  const auto value = std::ranges::find(payload_.values, id, &ValueRecord::id);
  CHECK(value != payload_.values.end(), "there is no value {}", id);
  return *value;
}

Datatype Builder::datatype_of(std::uint32_t id) const { return record_of(id).datatype; }

std::vector<std::uint32_t> Builder::dims_of(ir::ValueId value, Layout layout) {
  const auto dims = upper_bounds(body_.value(value));
  return only_layout(value, layout) == Layout::kNhwc ? to_nhwc(dims) : dims;
}

std::uint32_t Builder::broadcast_constant(ir::ValueId value, Layout layout) {
  value = resolved(value);
  const Tensor& tensor = body_.value(value).data;
  if (layout == Layout::kNchw || tensor.num_elements() == 1) return define_constant(value, tensor);
  CHECK(tensor.rank() <= 4, "{} against 4-D values", tensor.type_string());
  Shape shape;
  for (std::size_t dim = tensor.rank(); dim < 4; ++dim) shape.push_back(1);
  for (const std::int64_t size : tensor.shape()) shape.push_back(size);
  Tensor image = tensor;
  image.set_shape(shape);
  return define_constant(value, permuted_to_nhwc(image));
}

Layout Builder::layout_of(ir::ValueId value) const {
  value = resolved(value);
  const bool is_made = find(value, Layout::kNchw) || find(value, Layout::kNhwc);
  if (!is_made && plan_.is_dequantized(value)) value = plan_.holder(value);
  return find(value, Layout::kNhwc) ? Layout::kNhwc : Layout::kNchw;
}

std::uint32_t Builder::output(ir::ValueId value, Layout layout) {
  return define_result(resolved(value), only_layout(value, layout));
}

std::uint32_t Builder::constant_index(const Tensor& tensor, std::string_view prefix) {
  const std::span bytes(tensor.bytes(), tensor.num_bytes());
  const ContentHash hash = content_hash(bytes, 0);
  auto key = std::format("{}{:016x}{:016x}", prefix, hash.high, hash.low);
  const auto found = std::ranges::find(payload_.constants, key, &ConstantRecord::key);
  const auto index = static_cast<std::uint32_t>(found - payload_.constants.begin());
  if (found == payload_.constants.end()) {
    named_data_.emplace_back(key, tensor);
    payload_.constants.push_back({.key = std::move(key), .size = bytes.size()});
  }
  return index;
}

std::uint32_t Builder::constant(const Tensor& tensor) {
  const auto datatype = as_datatype(tensor.dtype());
  CHECK(datatype.has_value(), "a constant of {}", tensor.type_string());
  return add_value({.datatype = *datatype,
                    .dims = constant_dims(tensor.shape()),
                    .constant_index = constant_index(tensor)});
}

void Builder::add_node(NodeRecord node) { payload_.nodes.push_back(std::move(node)); }

bool Builder::fuse_clamp(ir::ValueId input, ir::ValueId output, float min, float max) {
  const Layout layout = only_layout(input, layout_of(input));
  // The rounding of an input that was quantized before stays as it is.
  const auto id = resolved(input) == input ? find(input, layout) : std::nullopt;
  output = resolved(output);
  if (!id || body_.is_output(input) || body_.users(input).size() != 1) return false;
  const auto is_same = [&](const auto& entry) { return entry.second == *id; };
  if (std::ranges::count_if(ids_, is_same) != 1) return false;  // somebody else's value, too
  const auto node = std::ranges::find_if(payload_.nodes, [&](const NodeRecord& record) {
    return std::ranges::contains(record.outputs, *id);
  });
  if (node == payload_.nodes.end() || !info_of(node->kind).can_clamp) return false;
  if (!(min < max)) return false;
  const float new_min = std::clamp(node->output_min, min, max);
  const float new_max = std::clamp(node->output_max, min, max);
  if (!(new_min < new_max)) return false;
  std::erase_if(payload_.values, [&](const ValueRecord& value) { return value.id == *id; });
  ids_.erase({input, layout});
  node->outputs = {define_result(output, layout)};
  node->output_min = new_min;
  node->output_max = new_max;
  return true;
}

/// Lets a value of the delegate's own be an output of the body at once.
bool Builder::make_output(std::uint32_t id, std::size_t position) {
  const auto value = std::ranges::find(payload_.values, id, &ValueRecord::id);
  if (value->flags != 0 || value->constant_index != 0) return false;
  value->external_id = payload_.num_externals + static_cast<std::uint32_t>(position);
  value->flags = ValueRecord::kExternalOutput;
  return true;
}

/// What is not yet where the caller wants it: results made in NHWC are transposed; inputs,
/// constants and values that are an output twice are copied.
void Builder::write_outputs() {
  is_int8_ = false;
  for (std::size_t i = 0; i < body_.outputs().size(); ++i) {
    const auto value = body_.outputs()[i];
    const std::uint32_t from = input(value, Layout::kNchw);
    if (is_written_[i] || make_output(from, i)) continue;
    const std::uint32_t copy = define(value, upper_bounds(body_.value(value)));
    payload_.values.back().external_id = payload_.num_externals + static_cast<std::uint32_t>(i);
    payload_.values.back().flags = ValueRecord::kExternalOutput;
    payload_.nodes.push_back({.kind = NodeKind::kCopy, .inputs = {from}, .outputs = {copy}});
  }
}

Result<Lowered> Builder::finish() {
  write_outputs();
  payload_.num_externals += static_cast<std::uint32_t>(body_.outputs().size());
  if (error_) return std::unexpected(*std::move(error_));
  TRY(check_payload(payload_));
  return Lowered{write_payload(payload_), std::move(named_data_)};
}

Result<Lowered> lower(ir::Graph& body) {
  TRY(dequantize_float_weights(body));
  Builder builder(body);
  builder.payload_.constants.push_back({.key = ""});  // index 0 stands for "no constant"
  builder.is_written_.assign(body.outputs().size(), false);
  builder.define_inputs();
  for (const auto id : body.nodes()) {
    const auto& node = body.node(id);
    if (is_part_of_readers(body, node)) continue;
    CHECK(node.op != nullptr && node.op->xnnpack.lower != nullptr, "{}", ir::describe(body, node));
    const ir::NodeTypes types(body, node);
    const auto arguments = types.arguments();
    const ir::NodeView view{body, node, arguments, types.results()};
    builder.begin(node);
    TRY(node.op->xnnpack.lower(view, builder));
  }
  return builder.finish();
}

}  // namespace tessera::xnnpack
