// SPDX-License-Identifier: MIT
#include "formats/pte_serialize.h"

#include <span>
#include <string_view>

#include "formats/pte_layout.h"
#include "program_generated.h"

namespace tessera::pte {
namespace {

namespace fbp = fb::program;

using flatbuffers::Offset;

struct UnionOffset {
  fbp::KernelTypes kind;
  Offset<void> content;
};

/// Writes a value's content; an overload for each kind.
struct ValueWriter {
  flatbuffers::FlatBufferBuilder& builder;

  UnionOffset operator()(const Null&) const {
    return {fbp::KernelTypes::Null, fbp::CreateNull(builder).Union()};
  }
  UnionOffset operator()(std::int64_t value) const {
    return {fbp::KernelTypes::Int, fbp::CreateInt(builder, value).Union()};
  }
  UnionOffset operator()(bool value) const {
    return {fbp::KernelTypes::Bool, fbp::CreateBool(builder, value).Union()};
  }
  UnionOffset operator()(double value) const {
    return {fbp::KernelTypes::Double, fbp::CreateDouble(builder, value).Union()};
  }
  UnionOffset operator()(const std::string& value) const {
    const auto text = builder.CreateString(value);
    return {fbp::KernelTypes::String, fbp::CreateString(builder, text).Union()};
  }
  UnionOffset operator()(const IntList& list) const {
    const auto items = builder.CreateVector(list.items);
    return {fbp::KernelTypes::IntList, fbp::CreateIntList(builder, items).Union()};
  }
  UnionOffset operator()(const std::vector<double>& list) const {
    const auto items = builder.CreateVector(list);
    return {fbp::KernelTypes::DoubleList, fbp::CreateDoubleList(builder, items).Union()};
  }
  UnionOffset operator()(const std::vector<bool>& list) const {
    const auto items = builder.CreateVector(list);
    return {fbp::KernelTypes::BoolList, fbp::CreateBoolList(builder, items).Union()};
  }
  UnionOffset operator()(const TensorList& list) const {
    const auto items = builder.CreateVector(list.items);
    return {fbp::KernelTypes::TensorList, fbp::CreateTensorList(builder, items).Union()};
  }
  UnionOffset operator()(const OptionalTensorList& list) const {
    const auto items = builder.CreateVector(list.items);
    return {fbp::KernelTypes::OptionalTensorList,
            fbp::CreateOptionalTensorList(builder, items).Union()};
  }
  UnionOffset operator()(const TensorValue& tensor) const {
    const std::vector<std::int32_t> sizes(tensor.sizes.begin(), tensor.sizes.end());
    const auto sizes_offset = builder.CreateVector(sizes);
    const auto dim_order = builder.CreateVector(tensor.dim_order);
    const auto allocation = write_allocation(tensor.allocation);
    const auto extra = write_extra(tensor);
    return {fbp::KernelTypes::Tensor,
            fbp::CreateTensor(builder, static_cast<std::int8_t>(tensor.dtype), 0, sizes_offset,
                              dim_order, tensor.requires_grad, tensor.data_buffer_index, allocation,
                              0, static_cast<fbp::ShapeDynamism>(tensor.dynamism), extra)
                .Union()};
  }

  Offset<fbp::AllocationDetails> write_allocation(const std::optional<Allocation>& place) const {
    if (!place) return 0;
    return fbp::CreateAllocationDetails(builder, place->memory_id,
                                        static_cast<std::uint32_t>(place->offset),
                                        static_cast<std::uint32_t>(place->offset >> 32));
  }

  Offset<fbp::ExtraTensorInfo> write_extra(const TensorValue& tensor) const {
    if (tensor.qualified_name.empty()) return 0;
    const auto name = builder.CreateString(tensor.qualified_name);
    return fbp::CreateExtraTensorInfo(
        builder, 0, name,
        tensor.is_external ? fbp::TensorDataLocation::External : fbp::TensorDataLocation::Segment);
  }
};

/// Writes an instruction; an overload for each kind.
struct InstructionWriter {
  flatbuffers::FlatBufferBuilder& builder;

  Offset<fbp::Instruction> wrap(fbp::InstructionArguments kind, Offset<void> content) const {
    return fbp::CreateInstruction(builder, kind, content);
  }

  Offset<fbp::Instruction> operator()(const KernelCall& call) const {
    const auto arguments = builder.CreateVector(call.arguments);
    return wrap(fbp::InstructionArguments::KernelCall,
                fbp::CreateKernelCall(builder, call.operator_index, arguments).Union());
  }
  Offset<fbp::Instruction> operator()(const DelegateCall& call) const {
    const auto arguments = builder.CreateVector(call.arguments);
    return wrap(fbp::InstructionArguments::DelegateCall,
                fbp::CreateDelegateCall(builder, call.delegate_index, arguments).Union());
  }
  Offset<fbp::Instruction> operator()(const MoveCall& move) const {
    return wrap(fbp::InstructionArguments::MoveCall,
                fbp::CreateMoveCall(builder, move.from, move.to).Union());
  }
  Offset<fbp::Instruction> operator()(const JumpFalseCall& jump) const {
    return wrap(fbp::InstructionArguments::JumpFalseCall,
                fbp::CreateJumpFalseCall(builder, jump.condition, jump.destination).Union());
  }
  Offset<fbp::Instruction> operator()(const FreeCall& call) const {
    return wrap(fbp::InstructionArguments::FreeCall,
                fbp::CreateFreeCall(builder, call.value).Union());
  }
};

/// torch's JSON of a tree with `num_leaves` tensors in a tuple.
std::string tuple_spec(std::size_t num_leaves) {
  std::string leaves;
  for (std::size_t leaf = 0; leaf < num_leaves; ++leaf) {
    leaves += leaf == 0 ? "" : ", ";
    leaves += R"({"type": null, "context": null, "children_spec": []})";
  }
  return std::format(R"({{"type": "builtins.tuple", "context": "null", "children_spec": [{}]}})",
                     leaves);
}

/// How a call's arguments make a method's inputs: a tuple of them and no keyword arguments. A
/// method without inputs has none, like ExecuTorch's getters of constants.
std::string input_spec(const ExecutionPlan& plan) {
  if (!plan.encoded_inputs.empty() || plan.inputs.empty()) return plan.encoded_inputs;
  return std::format(
      R"([1, {{"type": "builtins.tuple", "context": "null", "children_spec": [{}, {}]}}])",
      tuple_spec(plan.inputs.size()),
      R"({"type": "builtins.dict", "context": "[]", "children_spec": []})");
}

std::string output_spec(const ExecutionPlan& plan) {
  if (!plan.encoded_outputs.empty()) return plan.encoded_outputs;
  if (plan.outputs.size() == 1) {
    return R"([1, {"type": null, "context": null, "children_spec": []}])";
  }
  return std::format("[1, {}]", tuple_spec(plan.outputs.size()));
}

class ProgramWriter {
 public:
  ProgramWriter(const Program& program, const SegmentTables& tables)
      : program_(program), tables_(tables), next_blob_(tables.blobs.begin()) {}

  std::vector<std::byte> write();

 private:
  template <class Records, class Write>
  auto write_all(const Records& records, Write write) {
    std::vector<decltype(write(records.front()))> offsets;
    offsets.reserve(records.size());
    for (const auto& record : records) offsets.push_back(write(record));
    return builder_.CreateVector(offsets);
  }

  Offset<fbp::EValue> write_value(const Value& value) {
    const UnionOffset written = std::visit(ValueWriter{builder_}, value);
    return fbp::CreateEValue(builder_, written.kind, written.content);
  }

  Offset<fbp::Chain> write_chain(const std::vector<Instruction>& chain) {
    const auto inputs = builder_.CreateVector(std::vector<std::int32_t>());
    const auto outputs = builder_.CreateVector(std::vector<std::int32_t>());
    const auto instructions = write_all(chain, [this](const Instruction& instruction) {
      return std::visit(InstructionWriter{builder_}, instruction);
    });
    return fbp::CreateChain(builder_, inputs, outputs, instructions);
  }

  /// "aten::add.out" is operator "aten::add" with overload "out".
  Offset<fbp::Operator> write_operator(std::string_view full_name) {
    const std::size_t colons = full_name.find("::");
    const std::size_t dot = full_name.find('.', colons == std::string_view::npos ? 0 : colons);
    const auto name = builder_.CreateString(full_name.substr(0, dot));
    const auto overload = builder_.CreateString(
        dot == std::string_view::npos ? std::string_view() : full_name.substr(dot + 1));
    return fbp::CreateOperator(builder_, name, overload);
  }

  Offset<fbp::BackendDelegate> write_delegate(const BackendDelegate& delegate) {
    const auto id = builder_.CreateString(delegate.id);
    const auto processed = fbp::CreateBackendDelegateDataReference(
        builder_, fbp::DataLocation::Segment, *next_blob_++);
    const auto specs = write_all(delegate.compile_specs, [this](const CompileSpec& spec) {
      const auto key = builder_.CreateString(spec.key);
      const auto value = builder_.CreateVector(
          reinterpret_cast<const std::uint8_t*>(spec.value.data()), spec.value.size());
      return fbp::CreateCompileSpec(builder_, key, value);
    });
    return fbp::CreateBackendDelegate(builder_, id, processed, specs);
  }

  Offset<fbp::ExecutionPlan> write_plan(const ExecutionPlan& plan) {
    const auto name = builder_.CreateString(plan.name);
    const auto encoded_inputs = builder_.CreateString(input_spec(plan));
    const auto encoded_outputs = builder_.CreateString(output_spec(plan));
    const auto containers = fbp::CreateContainerMetadata(builder_, encoded_inputs, encoded_outputs);
    const auto values =
        write_all(plan.values, [this](const Value& value) { return write_value(value); });
    const auto inputs = builder_.CreateVector(plan.inputs);
    const auto outputs = builder_.CreateVector(plan.outputs);
    const auto chains =
        write_all(plan.chains, [this](const auto& chain) { return write_chain(chain); });
    const auto operators = write_all(
        plan.operators, [this](const std::string& full_name) { return write_operator(full_name); });
    const auto delegates = write_all(
        plan.delegates, [this](const auto& delegate) { return write_delegate(delegate); });
    const auto buffer_sizes = builder_.CreateVector(plan.buffer_sizes);
    return fbp::CreateExecutionPlan(builder_, name, containers, values, inputs, outputs, chains,
                                    operators, delegates, buffer_sizes);
  }

  Offset<fbp::SubsegmentOffsets> write_subsegments(const SubsegmentTable& table) {
    const auto offsets = builder_.CreateVector(table.offsets);
    return fbp::CreateSubsegmentOffsets(builder_, table.segment, offsets);
  }

  Offset<flatbuffers::Vector<Offset<fbp::SubsegmentOffsets>>> write_initial_data() {
    if (tables_.initial_data.offsets.empty()) return 0;
    return builder_.CreateVector(std::vector{write_subsegments(tables_.initial_data)});
  }

  Offset<flatbuffers::Vector<Offset<fbp::NamedData>>> write_named_data() {
    if (program_.named_data.empty()) return 0;
    auto segment = tables_.named.begin();
    return write_all(program_.named_data, [&](const auto& entry) {
      const auto key = builder_.CreateString(entry.first);
      return fbp::CreateNamedData(builder_, key, *segment++);
    });
  }

  const Program& program_;
  const SegmentTables& tables_;
  std::vector<std::uint32_t>::const_iterator next_blob_;
  flatbuffers::FlatBufferBuilder builder_;
};

std::vector<std::byte> ProgramWriter::write() {
  const auto plans =
      write_all(program_.plans, [this](const auto& plan) { return write_plan(plan); });
  const auto no_buffers = builder_.CreateVector(std::vector<Offset<fbp::Buffer>>());
  const auto no_blobs =
      builder_.CreateVector(std::vector<Offset<fbp::BackendDelegateInlineData>>());
  const auto segments = write_all(tables_.segments, [this](const SegmentEntry& segment) {
    return fbp::CreateDataSegment(builder_, segment.offset, segment.size);
  });
  const auto constants = write_subsegments(tables_.constants);
  const auto initial_data = write_initial_data();
  const auto named_data = write_named_data();
  const auto root = fbp::CreateProgram(builder_, program_.version, plans, no_buffers, no_blobs,
                                       segments, constants, initial_data, named_data);
  fbp::FinishProgramBuffer(builder_, root);
  const auto bytes = std::as_bytes(std::span(builder_.GetBufferPointer(), builder_.GetSize()));
  return {bytes.begin(), bytes.end()};
}

}  // namespace

std::vector<std::byte> serialize(const Program& program, const SegmentTables& tables) {
  return ProgramWriter(program, tables).write();
}

}  // namespace tessera::pte
