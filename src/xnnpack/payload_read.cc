// SPDX-License-Identifier: MIT
#include <cstdint>
#include <utility>

#include "base/try.h"
#include "xnnpack/blob_header.h"
#include "xnnpack/node_kinds.h"
#include "xnnpack/payload.h"
#include "xnnpack/payload_check.h"
#include "xnnpack_generated.h"

namespace tessera::xnnpack {
namespace {

namespace fb = tessera::fb::xnnpack;

constexpr std::size_t kMaxDims = 6;  // XNN_MAX_TENSOR_DIMS

/// The two regions of a blob. Without a header the FlatBuffer is the whole blob, and constants that
/// it holds are addressed from the blob's start.
struct Regions {
  std::span<const std::byte> flatbuffer;
  std::span<const std::byte> constants;
};

Result<Regions> find_regions(std::span<const std::byte> blob) {
  if (!BlobHeader::is_in(blob)) return Regions{blob, blob};
  const auto header = TRY(BlobHeader::read(blob));
  return Regions{blob.subspan(header.flatbuffer_offset, header.flatbuffer_size),
                 blob.subspan(header.constants_offset, header.constants_size)};
}

Result<const fb::Graph*> verified_graph(std::span<const std::byte> bytes) {
  constexpr std::size_t kMinSize = 8;
  if (bytes.size() < kMinSize || bytes.size() >= FLATBUFFERS_MAX_BUFFER_SIZE) {
    return fail(ErrorCode::kInvalidProgram, "XNNPACK blob: FlatBuffer of {} bytes", bytes.size());
  }
  const auto* data = reinterpret_cast<const std::uint8_t*>(bytes.data());
  if (reinterpret_cast<std::uintptr_t>(data) % alignof(std::uint64_t) != 0) {
    return fail(ErrorCode::kInvalidProgram, "XNNPACK blob: FlatBuffer is not aligned to 8 bytes");
  }
  const std::string_view identifier(flatbuffers::GetBufferIdentifier(data), 4);
  if (identifier != "XN00" && identifier != "XN01") {
    return fail(ErrorCode::kDelegateInvalidCompatibility,
                "XNNPACK blob: FlatBuffer identifier is neither XN00 nor XN01");
  }
  flatbuffers::Verifier verifier(data, bytes.size());
  if (!verifier.VerifyBuffer<fb::Graph>(nullptr)) {
    return fail(ErrorCode::kInvalidProgram, "XNNPACK blob: broken FlatBuffer");
  }
  return fb::GetGraph(data);
}

/// Sizes, paddings, permutations: at most one number per dim.
Result<std::vector<std::uint32_t>> read_numbers(const flatbuffers::Vector<std::uint32_t>* vector,
                                                std::string_view what) {
  const std::size_t size = vector == nullptr ? 0 : vector->size();
  if (size > kMaxDims) {
    return fail(ErrorCode::kInvalidProgram, "{} has {} numbers, at most {} are possible", what,
                size, kMaxDims);
  }
  return size == 0 ? std::vector<std::uint32_t>()
                   : std::vector<std::uint32_t>(vector->begin(), vector->end());
}

/// FlatBuffers may refer to one table or string many times, records copy it each time: what is
/// copied is limited to a multiple of the file's own bytes.
class Budget {
 public:
  explicit Budget(std::size_t num_bytes) : left_(4 * num_bytes) {}
  Result<void> spend(std::size_t num_bytes) {
    if (num_bytes > left_) {
      return fail(ErrorCode::kInvalidProgram, "XNNPACK blob: parts are shared too often");
    }
    left_ -= num_bytes;
    return {};
  }

 private:
  std::size_t left_;
};

constexpr std::size_t kMinTableBytes = 16;  // of a value or node with its slot in the vector

Result<std::vector<ConstantRecord>> read_constants(const fb::Graph& graph,
                                                   std::span<const std::byte> blob,
                                                   Budget& budget) {
  std::vector<ConstantRecord> records;
  if (graph.constant_data() != nullptr) {
    for (const auto* constant : *graph.constant_data()) {
      ConstantRecord record{.offset = constant->offset(), .size = constant->size()};
      if (const auto* key = constant->named_key(); key != nullptr) {
        TRY(budget.spend(key->size()));
        record.key = key->str();
        record.offset = 0;
      }
      records.push_back(std::move(record));
    }
  } else if (graph.constant_buffer() != nullptr) {
    for (const auto* buffer : *graph.constant_buffer()) {
      const auto* storage = buffer->storage();
      if (storage == nullptr) {
        records.emplace_back();
        continue;
      }
      const auto* start = reinterpret_cast<const std::byte*>(storage->data());
      records.push_back(
          {.offset = static_cast<std::uint64_t>(start - blob.data()), .size = storage->size()});
    }
  }
  return records;
}

Result<std::vector<float>> read_scales(const flatbuffers::Vector<float>* scales, Budget& budget) {
  if (scales == nullptr) return std::vector<float>();
  TRY(budget.spend(scales->size() * sizeof(float)));
  return std::vector<float>(scales->begin(), scales->end());
}

Result<QuantParams> read_quant(const fb::QuantizedTensorValue& value, Budget& budget) {
  if (value.quant_params() == nullptr) return QuantParams();
  switch (value.quant_params_type()) {
    case fb::QuantParams::PerTensorQuant: {
      const auto& quant = *value.quant_params_as_PerTensorQuant();
      return PerTensorQuant{quant.scale(), quant.zero_point()};
    }
    case fb::QuantParams::PerChannelQuant: {
      const auto& quant = *value.quant_params_as_PerChannelQuant();
      return PerChannelQuant{quant.channel_dim(), TRY(read_scales(quant.scale(), budget)),
                             quant.scale_buffer_idx(), quant.num_scales()};
    }
    case fb::QuantParams::PerChannelGroupQuant: {
      const auto& quant = *value.quant_params_as_PerChannelGroupQuant();
      return PerChannelGroupQuant{quant.channel_dim(), quant.group_size(),
                                  TRY(read_scales(quant.scale(), budget)), quant.scale_buffer_idx(),
                                  quant.num_scales()};
    }
    case fb::QuantParams::PerTokenDynamicQuant:
      return PerTokenDynamicQuant{
          value.quant_params_as_PerTokenDynamicQuant()->num_nonbatch_dims()};
    default:
      return fail(ErrorCode::kInvalidProgram, "quantization of unknown kind {}",
                  static_cast<int>(value.quant_params_type()));
  }
}

Result<ValueRecord> read_value(const fb::Value& value, Budget& budget) {
  TRY(budget.spend(kMinTableBytes));
  const auto* quantized = value.value_as_QuantizedTensorValue();
  const auto* tensor =
      quantized != nullptr ? quantized->tensor_value() : value.value_as_TensorValue();
  if (tensor == nullptr) return fail(ErrorCode::kInvalidProgram, "value of unknown kind");
  if (tensor->dq_datatype() != fb::Datatype::Invalid) {
    return fail(ErrorCode::kNotSupported, "value {}: dq_datatype of ExecuTorch before 0.4",
                tensor->id_out());
  }
  ValueRecord record{.id = tensor->id_out(),
                     .datatype = static_cast<Datatype>(tensor->datatype()),
                     .dims = TRY(read_numbers(tensor->dims(), "a value's shape")),
                     .constant_index = tensor->constant_buffer_idx(),
                     .external_id = tensor->external_id(),
                     .flags = tensor->flags()};
  if (tensor->num_dims() != record.dims.size()) {
    return fail(ErrorCode::kInvalidProgram, "value {}: num_dims is {}, dims has {} sizes",
                record.id, tensor->num_dims(), record.dims.size());
  }
  if (quantized != nullptr) record.quant = TRY(read_quant(*quantized, budget));
  return record;
}

template <class Table>
ConvolutionParams read_convolution(const Table& table) {
  return {.padding_top = table.padding_top(),
          .padding_right = table.padding_right(),
          .padding_bottom = table.padding_bottom(),
          .padding_left = table.padding_left(),
          .kernel_height = table.kernel_height(),
          .kernel_width = table.kernel_width(),
          .subsampling_height = table.subsampling_height(),
          .subsampling_width = table.subsampling_width(),
          .dilation_height = table.dilation_height(),
          .dilation_width = table.dilation_width(),
          .group_input_channels = table.group_input_channels(),
          .group_output_channels = table.group_output_channels(),
          .groups = table.groups(),
          .adjustment_height = table.adjustment_height(),
          .adjustment_width = table.adjustment_width()};
}

/// The fields that pooling and argmax pooling share.
template <class Table>
PoolingParams read_pooling(const Table& table) {
  return {.padding_top = table.padding_top(),
          .padding_right = table.padding_right(),
          .padding_bottom = table.padding_bottom(),
          .padding_left = table.padding_left(),
          .pooling_height = table.pooling_height(),
          .pooling_width = table.pooling_width()};
}

template <class Table>
void read_one_to_one(const Table& table, NodeRecord& record) {
  record.inputs = {table.input_id()};
  record.outputs = {table.output_id()};
  record.flags = table.flags();
}

template <class Table>
void read_weighted(const Table& table, NodeRecord& record) {
  record.inputs = {table.input1_id(), table.filter_id(), table.bias_id()};
  record.outputs = {table.output_id()};
  record.flags = table.flags();
}

template <class Table>
const Table& table_of(const fb::Node& node) {
  return *static_cast<const Table*>(node.node());
}

void read_operands(const fb::Concatenate& table, std::size_t num_inputs, NodeRecord& record) {
  record.inputs = {table.input1_id(), table.input2_id(), table.input3_id(), table.input4_id(),
                   table.input5_id()};
  record.inputs.resize(num_inputs);
  record.outputs = {table.output_id()};
  record.params = ConcatenateParams{table.axis()};
  record.flags = table.flags();
}

/// Reads forms that carry vectors.
Result<void> read_shaped(const fb::Node& node, NodeForm form, NodeRecord& record) {
  switch (form) {
    case NodeForm::kTranspose: {
      const auto& table = table_of<fb::StaticTranspose>(node);
      read_one_to_one(table, record);
      record.params = TransposeParams{TRY(read_numbers(table.perm(), "a permutation"))};
      return {};
    }
    case NodeForm::kReshape: {
      const auto& table = table_of<fb::StaticReshape>(node);
      read_one_to_one(table, record);
      record.params = ReshapeParams{TRY(read_numbers(table.new_shape(), "a new shape"))};
      return {};
    }
    case NodeForm::kSlice: {
      const auto& table = table_of<fb::StaticSlice>(node);
      read_one_to_one(table, record);
      record.params = SliceParams{TRY(read_numbers(table.offsets(), "a slice's offsets")),
                                  TRY(read_numbers(table.sizes(), "a slice's sizes"))};
      return {};
    }
    default: {
      const auto& table = table_of<fb::StaticConstantPad>(node);
      read_one_to_one(table, record);
      record.params = ConstantPadParams{TRY(read_numbers(table.pre_paddings(), "padding")),
                                        TRY(read_numbers(table.post_paddings(), "padding")),
                                        table.padding_value()};
      return {};
    }
  }
}

void read_pooling_node(const fb::Pooling& table, NodeRecord& record) {
  read_one_to_one(table, record);
  auto params = read_pooling(table);
  params.stride_height = table.stride_height();
  params.stride_width = table.stride_width();
  params.dilation_height = table.dilation_height();
  params.dilation_width = table.dilation_width();
  record.params = params;
}

void read_argmax_pooling_node(const fb::ArgMaxPooling& table, NodeRecord& record) {
  record.inputs = {table.input_id()};
  record.outputs = {table.output_value_id(), table.output_index_id()};
  auto params = read_pooling(table);
  params.stride_height = params.pooling_height;  // windows never overlap
  params.stride_width = params.pooling_width;
  record.params = params;
  record.flags = table.flags();
}

void read_attention(const fb::Attention& table, NodeRecord& record) {
  record.inputs = {table.query_id(), table.key_id(), table.value_id(), table.scale_id(),
                   table.mask_id()};
  record.outputs = {table.output_id()};
  record.flags = table.flags();
}

Result<void> read_form(const fb::Node& node, const NodeKindInfo& info, NodeRecord& record) {
  switch (info.form) {
    case NodeForm::kUnary:
      read_one_to_one(table_of<fb::Node1x1>(node), record);
      return {};
    case NodeForm::kBinary: {
      const auto& table = table_of<fb::Node2x1>(node);
      record.inputs = {table.input1_id(), table.input2_id()};
      record.outputs = {table.output_id()};
      record.flags = table.flags();
      return {};
    }
    case NodeForm::kConcatenate:
      read_operands(table_of<fb::Concatenate>(node), info.num_inputs, record);
      return {};
    case NodeForm::kConvolution: {
      const auto& table = table_of<fb::Convolution>(node);
      read_weighted(table, record);
      record.params = read_convolution(table);
      return {};
    }
    case NodeForm::kPooling:
      read_pooling_node(table_of<fb::Pooling>(node), record);
      return {};
    case NodeForm::kArgMaxPooling:
      read_argmax_pooling_node(table_of<fb::ArgMaxPooling>(node), record);
      return {};
    case NodeForm::kResize: {
      const auto& table = table_of<fb::StaticResizeBilinear>(node);
      read_one_to_one(table, record);
      record.params = ResizeParams{table.new_height(), table.new_width()};
      return {};
    }
    case NodeForm::kFullyConnected:
      read_weighted(table_of<fb::FullyConnected>(node), record);
      return {};
    case NodeForm::kSlope: {
      const auto& table = table_of<fb::Slope>(node);
      read_one_to_one(table, record);
      record.params = SlopeParams{table.slope()};
      return {};
    }
    case NodeForm::kAttention:
      read_attention(table_of<fb::Attention>(node), record);
      return {};
    case NodeForm::kTranspose:
    case NodeForm::kReshape:
    case NodeForm::kSlice:
    case NodeForm::kConstantPad:
      return read_shaped(node, info.form, record);
  }
  std::unreachable();
}

Result<NodeRecord> read_node(const fb::Node& node, std::size_t index, Budget& budget) {
  TRY(budget.spend(kMinTableBytes));
  const auto number = static_cast<std::size_t>(node.node_type());
  if (number < 1 || number > kNumNodeKinds || node.node() == nullptr) {
    return fail(ErrorCode::kInvalidProgram, "XNNPACK blob: node {} is of unknown kind {}", index,
                number);
  }
  NodeRecord record{.kind = static_cast<NodeKind>(number), .debug_handle = node.debug_handle()};
  TRY(read_form(node, info_of(record.kind), record));
  if (const auto* range = node.output_min_max(); range != nullptr) {
    record.output_min = range->output_min();
    record.output_max = range->output_max();
  }
  return record;
}

}  // namespace

Result<Payload> read_payload(std::span<const std::byte> blob) {
  const auto regions = TRY(find_regions(blob));
  const fb::Graph& graph = *TRY(verified_graph(regions.flatbuffer));
  Payload payload{.num_externals = graph.num_externs(), .inline_constants = regions.constants};
  Budget budget(regions.flatbuffer.size());
  payload.constants = TRY(read_constants(graph, blob, budget));
  if (graph.xvalues() != nullptr) {
    for (const auto* value : *graph.xvalues())
      payload.values.push_back(TRY(read_value(*value, budget)));
  }
  if (graph.xnodes() != nullptr) {
    for (std::size_t i = 0; i < graph.xnodes()->size(); ++i) {
      const auto* node = graph.xnodes()->Get(static_cast<flatbuffers::uoffset_t>(i));
      payload.nodes.push_back(TRY(read_node(*node, i, budget)));
    }
  }
  TRY(check_payload(payload));
  return payload;
}

}  // namespace tessera::xnnpack
