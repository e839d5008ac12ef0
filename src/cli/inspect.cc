// SPDX-License-Identifier: MIT
#include <filesystem>
#include <map>
#include <memory>
#include <print>
#include <string>

#include "base/try.h"
#include "cli/commands.h"
#include "compile/sympy_expression.h"
#include "formats/pt2.h"
#include "formats/pte.h"
#include "runtime/program_impl.h"
#include "tessera/program.h"
#include "xnnpack/delegate.h"
#include "xnnpack/payload.h"

namespace tessera::cli {
namespace {

using Counts = std::map<std::string, std::size_t>;

void print_counts(const Counts& counts, std::string_view indent) {
  for (const auto& [name, count] : counts) std::println("{}{:5} x {}", indent, count, name);
}

std::string range_of(const TensorInfo& info) {
  if (!info.is_dynamic || info.min_sizes.rank() == 0) return "";
  return std::format("  {} to {}", info.min_sizes.to_string(), info.max_sizes.to_string());
}

void print_infos(std::string_view title, const std::vector<TensorInfo>& infos) {
  std::println("  {}:", title);
  for (std::size_t i = 0; i < infos.size(); ++i) {
    std::println("    {}: {}{}", i, infos[i].type_string, range_of(infos[i]));
  }
}

Result<void> print_delegates(const pte::ExecutionPlan& plan) {
  for (std::size_t i = 0; i < plan.delegates.size(); ++i) {
    const pte::BackendDelegate& delegate = plan.delegates[i];
    std::println("  delegate {}: {}, {} bytes", i, delegate.id, delegate.blob.size());
    if (delegate.id != xnnpack::kBackendId) continue;
    auto payload = xnnpack::read_payload(delegate.blob);
    if (!payload) return with_context(std::move(payload).error(), std::format("delegate {}", i));
    Counts kinds;
    for (const xnnpack::NodeRecord& node : payload->nodes) {
      ++kinds[std::string(name_of(node.kind))];
    }
    print_counts(kinds, "    ");
  }
  return {};
}

/// Constants have no length of their own in the file: their tensors say it.
void print_constants(const pte::ExecutionPlan& plan) {
  std::map<std::uint32_t, std::size_t> bytes_by_index;
  for (const pte::Value& value : plan.values) {
    const auto* tensor = std::get_if<pte::TensorValue>(&value);
    if (tensor == nullptr || tensor->data_buffer_index == 0 || tensor->allocation) continue;
    std::size_t& bytes = bytes_by_index[tensor->data_buffer_index];
    bytes = std::max(bytes, tensor->num_bytes());
  }
  std::size_t total = 0;
  for (const auto& [index, bytes] : bytes_by_index) total += bytes;
  std::println("  constants: {}, {} bytes", bytes_by_index.size(), total);
}

Result<void> print_method(const Program& program, const pte::ExecutionPlan& plan) {
  std::println("method {}", plan.name);
  print_infos("inputs", TRY(program.inputs(plan.name)));
  print_infos("outputs", TRY(program.outputs(plan.name)));
  Counts operators;
  std::size_t num_delegate_calls = 0;
  for (const auto& chain : plan.chains) {
    for (const pte::Instruction& instruction : chain) {
      if (const auto* call = std::get_if<pte::KernelCall>(&instruction)) {
        ++operators[plan.operators[static_cast<std::size_t>(call->operator_index)]];
      } else if (std::holds_alternative<pte::DelegateCall>(instruction)) {
        ++num_delegate_calls;
      }
    }
  }
  std::println("  kernels:");
  print_counts(operators, "    ");
  std::println("  delegate calls: {}", num_delegate_calls);
  TRY(print_delegates(plan));
  print_constants(plan);
  for (std::size_t id = 1; id < plan.buffer_sizes.size(); ++id) {
    std::println("  planned memory {}: {} bytes at the upper bound", id, plan.buffer_sizes[id]);
  }
  return {};
}

Result<void> inspect_program(const std::string& path) {
  const auto program = TRY(Program::load(std::filesystem::path(path)));
  const pte::Program& records = program->impl().program;
  for (const pte::ExecutionPlan& plan : records.plans) TRY(print_method(*program, plan));
  std::size_t total = 0;
  for (const auto& [key, bytes] : records.named_data) total += bytes.size();
  std::println("named data: {}, {} bytes", records.named_data.size(), total);
  for (const auto& [key, bytes] : records.named_data) {
    std::println("  {:8} bytes  {}", bytes.size(), key);
  }
  return {};
}

std::string text_of(const pt2::SymbolicInt& size) {
  if (size.is_constant()) return std::to_string(size.value);
  const auto expression = parse_sympy(size.expression);
  return expression ? expression->to_string() : size.expression;
}

std::string text_of(const pt2::TensorMeta& meta) {
  std::string text = std::format("{}[", name_of(meta.dtype));
  for (std::size_t dim = 0; dim < meta.sizes.size(); ++dim) {
    text += dim == 0 ? "" : ", ";
    text += text_of(meta.sizes[dim]);
  }
  return text + "]";
}

std::string text_of(const std::optional<std::int64_t>& bound) {
  return bound ? std::to_string(*bound) : "";
}

Result<void> inspect_model(const std::string& path) {
  const pt2::ExportedProgram model = TRY(pt2::read(std::filesystem::path(path)));
  std::println("model of PyTorch {}", model.torch_version);
  std::println("  inputs:");
  for (const pt2::InputSpec& input : model.inputs) {
    const auto* tensor = std::get_if<pt2::TensorName>(&input.argument);
    if (input.kind != pt2::InputKind::kUserInput || tensor == nullptr) continue;
    const auto meta = model.tensors.find(tensor->name);
    std::println("    {}: {}", tensor->name,
                 meta == model.tensors.end() ? "?" : text_of(meta->second));
  }
  std::println("  ranges:");
  for (const auto& [symbol, range] : model.ranges) {
    std::println("    {}: {}..{}", symbol, text_of(range.min), text_of(range.max));
  }
  Counts operators;
  for (const pt2::Node& node : model.nodes) ++operators[node.target];
  std::println("  operators:");
  print_counts(operators, "    ");
  std::size_t bytes = 0;
  for (const auto& [name, weight] : model.weights) bytes += weight.num_bytes();
  std::println("  parameters, buffers and constants: {}, {} bytes", model.weights.size(), bytes);
  return {};
}

}  // namespace

void add_inspect(CLI::App& app) {
  auto path = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand("inspect", "Say what is in a program or model");
  command->add_option("file", *path, "Program (.pte) or model (.pt2)")->required();
  command->callback([path] {
    const bool is_model = std::filesystem::path(*path).extension() == ".pt2";
    finish(is_model ? inspect_model(*path) : inspect_program(*path));
  });
}

}  // namespace tessera::cli
