// SPDX-License-Identifier: MIT
#include <cstddef>

#include "formats/pte_records.h"
#include "program_generated.h"

namespace tessera::pte {
namespace {

namespace fbp = fb::program;

template <class Table>
Result<const Table*> member(const fbp::Instruction& instruction) {
  const Table* table = instruction.instr_args_as<Table>();
  TRY(expect_present(table, "content"));
  return table;
}

Result<Instruction> read_instruction(const fbp::Instruction& instruction, CopyBudget& budget) {
  switch (instruction.instr_args_type()) {
    case fbp::InstructionArguments::KernelCall: {
      const auto* call = TRY(member<fbp::KernelCall>(instruction));
      return KernelCall{call->op_index(),
                        TRY(copy_items<std::int32_t>(call->args(), "arguments", budget))};
    }
    case fbp::InstructionArguments::DelegateCall: {
      const auto* call = TRY(member<fbp::DelegateCall>(instruction));
      return DelegateCall{call->delegate_index(),
                          TRY(copy_items<std::int32_t>(call->args(), "arguments", budget))};
    }
    case fbp::InstructionArguments::MoveCall: {
      const auto* call = TRY(member<fbp::MoveCall>(instruction));
      return MoveCall{call->move_from(), call->move_to()};
    }
    case fbp::InstructionArguments::JumpFalseCall: {
      const auto* call = TRY(member<fbp::JumpFalseCall>(instruction));
      return JumpFalseCall{call->cond_value_index(), call->destination_instruction()};
    }
    case fbp::InstructionArguments::FreeCall:
      return FreeCall{TRY(member<fbp::FreeCall>(instruction))->value_index()};
    case fbp::InstructionArguments::NONE:
      break;
  }
  return fail(ErrorCode::kInvalidProgram, "has kind {}, expected 1 to {}",
              static_cast<int>(instruction.instr_args_type()),
              static_cast<int>(fbp::InstructionArguments::MAX));
}

/// Reads every table of a vector that must be there; errors say which one was read.
template <class Record, class Tables, class Read>
Result<std::vector<Record>> read_all(const Tables* tables, std::string_view what,
                                     std::string_view element, Read read) {
  TRY(expect_present(tables, what));
  std::vector<Record> records;
  records.reserve(tables->size());
  for (const auto* table : *tables) {
    auto record = read(*table);
    if (!record) {
      return with_context(std::move(record).error(), std::format("{} {}", element, records.size()));
    }
    records.push_back(*std::move(record));
  }
  return records;
}

Result<std::vector<Instruction>> read_chain(const fbp::Chain& chain, CopyBudget& budget) {
  return read_all<Instruction>(chain.instructions(), "instructions", "instruction",
                               [&](const auto& table) { return read_instruction(table, budget); });
}

Result<std::string> read_operator(const fbp::Operator& table, CopyBudget& budget) {
  auto name = TRY(copy_text(table.name(), "name", budget));
  if (table.overload() == nullptr || table.overload()->size() == 0) return name;
  return name + "." + TRY(copy_text(table.overload(), "overload", budget));
}

Result<CompileSpec> read_compile_spec(const fbp::CompileSpec& spec, CopyBudget& budget) {
  CompileSpec record{.key = TRY(copy_text(spec.key(), "key", budget))};
  if (spec.value() == nullptr) return record;
  TRY(budget.take(spec.value()->size()));
  const auto value = std::as_bytes(std::span(spec.value()->data(), spec.value()->size()));
  record.value.assign(value.begin(), value.end());
  return record;
}

Result<std::span<const std::byte>> find_blob(const fbp::BackendDelegateDataReference& reference,
                                             const BlobSources& sources) {
  std::span<const std::span<const std::byte>> blobs;
  std::string_view what;
  switch (reference.location()) {
    case fbp::DataLocation::Inline:
      blobs = sources.inline_blobs;
      what = "inline blob";
      break;
    case fbp::DataLocation::Segment:
      blobs = sources.segments;
      what = "segment";
      break;
    default:
      return fail(ErrorCode::kInvalidProgram, "has data location {}, expected 0 or 1",
                  static_cast<int>(reference.location()));
  }
  if (reference.index() >= blobs.size()) {
    return fail(ErrorCode::kInvalidProgram, "refers to {} {}, the file has {}", what,
                reference.index(), blobs.size());
  }
  return blobs[reference.index()];
}

Result<BackendDelegate> read_delegate(const fbp::BackendDelegate& delegate,
                                      const BlobSources& sources, CopyBudget& budget) {
  BackendDelegate record{.id = TRY(copy_text(delegate.id(), "id", budget))};
  TRY(expect_present(delegate.processed(), "processed data"));
  record.blob = TRY(find_blob(*delegate.processed(), sources));
  if (delegate.compile_specs() == nullptr) return record;
  record.compile_specs =
      TRY(read_all<CompileSpec>(delegate.compile_specs(), "compile specs", "compile spec",
                                [&](const auto& spec) { return read_compile_spec(spec, budget); }));
  return record;
}

Result<void> expect_cpu_buffers(const fbp::ExecutionPlan& plan) {
  if (plan.non_const_buffer_device() == nullptr) return {};
  for (const auto* device : *plan.non_const_buffer_device()) {
    if (device->device_type() == fbp::DeviceType::Cpu) continue;
    return fail(ErrorCode::kNotSupported, "arena {} is on device type {}, expected {} (CPU)",
                device->buffer_idx(), static_cast<int>(device->device_type()),
                static_cast<int>(fbp::DeviceType::Cpu));
  }
  return {};
}

Result<void> read_containers(const fbp::ContainerMetadata* containers, ExecutionPlan& record,
                             CopyBudget& budget) {
  if (containers == nullptr) return {};
  if (containers->encoded_inp_str() != nullptr) {
    record.encoded_inputs = TRY(copy_text(containers->encoded_inp_str(), "inputs", budget));
  }
  if (containers->encoded_out_str() != nullptr) {
    record.encoded_outputs = TRY(copy_text(containers->encoded_out_str(), "outputs", budget));
  }
  return {};
}

}  // namespace

Result<ExecutionPlan> read_plan(const fbp::ExecutionPlan& plan, const BlobSources& blobs,
                                CopyBudget& budget) {
  ExecutionPlan record{.name = TRY(copy_text(plan.name(), "name", budget))};
  record.values = TRY(read_all<Value>(plan.values(), "values", "value", [&](const auto& value) {
    return read_value(value, budget);
  }));
  record.inputs = TRY(copy_items<std::int32_t>(plan.inputs(), "inputs", budget));
  record.outputs = TRY(copy_items<std::int32_t>(plan.outputs(), "outputs", budget));
  record.chains = TRY(read_all<std::vector<Instruction>>(
      plan.chains(), "chains", "chain",
      [&](const auto& chain) { return read_chain(chain, budget); }));
  record.operators =
      TRY(read_all<std::string>(plan.operators(), "operators", "operator",
                                [&](const auto& table) { return read_operator(table, budget); }));
  record.delegates = TRY(read_all<BackendDelegate>(
      plan.delegates(), "delegates", "delegate",
      [&](const auto& delegate) { return read_delegate(delegate, blobs, budget); }));
  record.buffer_sizes =
      TRY(copy_items<std::int64_t>(plan.non_const_buffer_sizes(), "buffer sizes", budget));
  TRY(expect_cpu_buffers(plan));
  TRY(read_containers(plan.container_meta_type(), record, budget));
  return record;
}

}  // namespace tessera::pte
