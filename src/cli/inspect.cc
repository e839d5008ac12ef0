// SPDX-License-Identifier: MIT
#include <filesystem>
#include <map>
#include <memory>
#include <print>
#include <string>
#include <type_traits>

#include "base/mapped_file.h"
#include "base/try.h"
#include "cli/commands.h"
#include "compile/sympy_expression.h"
#include "formats/pt2.h"
#include "formats/ptd.h"
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

/// Types where all are tensors or numbers, else kinds.
void print_infos(std::string_view title, const std::vector<ValueKind>& kinds,
                 const Result<std::vector<TensorInfo>>& infos) {
  std::println("  {}:", title);
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    if (infos) {
      std::println("    {}: {}{}", i, (*infos)[i].type_string, range_of((*infos)[i]));
    } else {
      std::println("    {}: {}", i, name_of(kinds[i]));
    }
  }
}

std::string text_of(const ConstantValue& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return std::format("\"{}\"", *text);
  if (const auto* tensor = std::get_if<Tensor>(&value)) return tensor->type_string();
  return std::visit(
      []<class Content>(const Content& content) -> std::string {
        if constexpr (requires { content.begin(); }) {
          std::string items;
          for (const auto& item : content) {
            items += std::format("{}{}", items.empty() ? "" : ", ", item);
          }
          return "[" + items + "]";
        } else if constexpr (std::is_arithmetic_v<Content>) {
          return std::format("{}", content);
        } else {
          return "None";
        }
      },
      value);
}

Result<void> print_constant_method(const Program& program, const std::string& name) {
  std::println("constant method {}", name);
  for (const ConstantValue& value : TRY(program.constants(name))) {
    std::println("  {}", text_of(value));
  }
  return {};
}

void print_attributes(const std::vector<AttributeInfo>& attributes) {
  for (const AttributeInfo& attribute : attributes) {
    std::println("  attribute {}: {}{}{}", attribute.name, name_of(attribute.dtype),
                 attribute.sizes.to_string(), attribute.is_external ? ", in a data file" : "");
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
  const MethodInfo info = TRY(program.info(plan.name));
  if (info.is_constant) return print_constant_method(program, plan.name);
  std::println("method {}, {} instructions", plan.name, info.num_instructions);
  print_infos("inputs", info.inputs, program.inputs(plan.name));
  print_infos("outputs", info.outputs, program.outputs(plan.name));
  if (!info.encoded_inputs.empty()) std::println("  arguments: {}", info.encoded_inputs);
  if (!info.encoded_outputs.empty()) std::println("  results: {}", info.encoded_outputs);
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
  print_attributes(info.attributes);
  for (std::size_t arena = 0; arena < info.planned_bytes.size(); ++arena) {
    std::println("  planned memory {}: {} bytes at the upper bound", arena + 1,
                 info.planned_bytes[arena]);
  }
  return {};
}

Result<void> inspect_program(const std::string& path, const LoadOptions& options) {
  const auto program = TRY(Program::load(std::filesystem::path(path), options));
  const pte::Program& records = program->impl().program;
  for (const pte::ExecutionPlan& plan : records.plans) TRY(print_method(*program, plan));
  std::size_t total = 0;
  for (const auto& [key, bytes] : records.named_data) total += bytes.size();
  std::println("named data: {}, {} bytes", records.named_data.size(), total);
  for (const auto& [key, bytes] : records.named_data) {
    std::println("  {:8} bytes  {}", bytes.size(), key);
    if (!key.starts_with("tessera.quantization.")) continue;
    std::print("{}", std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  }
  return {};
}

Result<void> inspect_data(const std::string& path) {
  const auto bytes = TRY(FileBytes::map(path));
  const auto file = ptd::read(bytes->bytes());
  if (!file) return with_context(file.error(), path);
  std::println("data file: {} entries", file->entries.size());
  for (const ptd::Entry& entry : file->entries) {
    std::println("  {:10} bytes  {}{}", entry.bytes.size(), entry.key,
                 entry.layout ? ": " + entry.layout->to_string() : "");
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
  auto options = std::make_shared<LoadOptions>();
  CLI::App* command = app.add_subcommand("inspect", "Say what is in a program, model or data file");
  command->add_option("file", *path, "Program (.pte), model (.pt2) or data file (.ptd)")
      ->required();
  command->add_option("--data", options->data_files, "Data file (.ptd) of the program");
  command->callback([path, options] {
    const auto extension = std::filesystem::path(*path).extension();
    if (extension == ".pt2") finish(inspect_model(*path));
    if (extension == ".ptd") finish(inspect_data(*path));
    if (extension != ".pt2" && extension != ".ptd") finish(inspect_program(*path, *options));
  });
}

}  // namespace tessera::cli
