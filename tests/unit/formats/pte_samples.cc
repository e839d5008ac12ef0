// SPDX-License-Identifier: MIT
#include "unit/formats/pte_samples.h"

#include <algorithm>
#include <functional>
#include <string_view>

namespace tessera::pte {
namespace {

TensorValue tensor(Shape sizes) {
  TensorValue value{.sizes = sizes};
  for (std::size_t dim = 0; dim < sizes.rank(); ++dim) {
    value.dim_order.push_back(static_cast<std::uint8_t>(dim));
  }
  return value;
}

TensorValue planned(Shape sizes, std::uint64_t offset) {
  TensorValue value = tensor(sizes);
  value.allocation = Allocation{.memory_id = 1, .offset = offset};
  return value;
}

TensorValue constant(Shape sizes, std::uint32_t index) {
  TensorValue value = tensor(sizes);
  value.data_buffer_index = index;
  return value;
}

std::vector<Value> sample_values() {
  TensorValue input = planned({1, 2, 4, 4}, 0);
  input.dynamism = ShapeDynamism::kDynamicBound;
  TensorValue channels_last = planned({1, 2, 4, 4}, 128);
  channels_last.dim_order = {0, 2, 3, 1};
  TensorValue state = planned({4}, 256);
  state.data_buffer_index = 1;
  TensorValue external = tensor({3});
  external.qualified_name = "layer.weight";
  external.is_external = true;
  state.qualified_name = "layer.state";
  TensorValue condition = tensor({});
  condition.dtype = DType::kBool;
  TensorValue weight = constant({2, 3}, 1);
  weight.requires_grad = true;
  return {input,
          channels_last,
          weight,
          constant({5}, 2),
          constant({2, 3}, 3),
          state,
          external,
          condition,
          Null{},
          std::int64_t{-7},
          true,
          0.25,
          std::string("text \"quoted\""),
          IntList{{9, 9}},
          std::vector<double>{1.5, -2.0},
          std::vector<bool>{true, false, true},
          TensorList{{0, 1}},
          OptionalTensorList{{-1, 8, 2}}};
}

std::size_t hash(std::span<const std::byte> bytes) {
  return std::hash<std::string_view>()({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

template <class Items>
std::string list(const Items& items) {
  std::string text = "(";
  for (const auto& item : items) text += std::format("{} ", item);
  return text + ")";
}

struct DescribeValue {
  const Program& program;

  std::string operator()(const Null&) const { return "null"; }
  std::string operator()(std::int64_t value) const { return std::format("int {}", value); }
  std::string operator()(bool value) const { return std::format("bool {}", value); }
  std::string operator()(double value) const { return std::format("double {:a}", value); }
  std::string operator()(const std::string& value) const { return "string " + value; }
  std::string operator()(const IntList& value) const { return "ints " + list(value.items); }
  std::string operator()(const std::vector<double>& value) const {
    return "doubles " + list(value);
  }
  std::string operator()(const std::vector<bool>& value) const {
    std::string text = "bools ";
    for (const bool item : value) text += item ? '1' : '0';
    return text;
  }
  std::string operator()(const TensorList& value) const { return "tensors " + list(value.items); }
  std::string operator()(const OptionalTensorList& value) const {
    return "optional tensors " + list(value.items);
  }
  std::string operator()(const TensorValue& value) const {
    std::string text =
        std::format("{}{} order {} grad {} dynamism {} name '{}' external {}", name_of(value.dtype),
                    value.sizes.to_string(), list(value.dim_order), value.requires_grad,
                    static_cast<int>(value.dynamism), value.qualified_name, value.is_external);
    if (value.allocation) {
      text += std::format(" at {}:{}", value.allocation->memory_id, value.allocation->offset);
    }
    if (value.data_buffer_index != 0) {
      const auto& buffers = value.allocation ? program.mutable_initial_data : program.constants;
      const auto bytes = buffers[value.data_buffer_index].first(value.num_bytes());
      text += std::format(" data {}: {:x}", value.data_buffer_index, hash(bytes));
    }
    return text;
  }
};

struct DescribeInstruction {
  std::string operator()(const KernelCall& call) const {
    return std::format("kernel {} {}", call.operator_index, list(call.arguments));
  }
  std::string operator()(const DelegateCall& call) const {
    return std::format("delegate {} {}", call.delegate_index, list(call.arguments));
  }
  std::string operator()(const MoveCall& move) const {
    return std::format("move {} {}", move.from, move.to);
  }
  std::string operator()(const JumpFalseCall& jump) const {
    return std::format("jump {} {}", jump.condition, jump.destination);
  }
  std::string operator()(const FreeCall& call) const { return std::format("free {}", call.value); }
};

std::string describe(const ExecutionPlan& plan, const Program& program) {
  std::string text =
      std::format("plan {}\n in {}\n out {}\n operators {}\n buffers {}\n {}\n {}\n", plan.name,
                  list(plan.inputs), list(plan.outputs), list(plan.operators),
                  list(plan.buffer_sizes), plan.encoded_inputs, plan.encoded_outputs);
  for (const Value& value : plan.values) {
    text += " value " + std::visit(DescribeValue{program}, value) + "\n";
  }
  for (const auto& chain : plan.chains) {
    text += " chain\n";
    for (const Instruction& instruction : chain) {
      text += "  " + std::visit(DescribeInstruction{}, instruction) + "\n";
    }
  }
  for (const BackendDelegate& delegate : plan.delegates) {
    text +=
        std::format(" delegate {} {} {:x}", delegate.id, delegate.blob.size(), hash(delegate.blob));
    for (const CompileSpec& spec : delegate.compile_specs) {
      text += std::format(" {}={}:{:x}", spec.key, spec.value.size(), hash(spec.value));
    }
    text += "\n";
  }
  return text;
}

void add_programs(const std::filesystem::path& folder, std::vector<std::filesystem::path>& paths) {
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.path().extension() == ".pte") paths.push_back(entry.path());
  }
}

}  // namespace

std::span<const std::byte> sample_bytes() {
  struct alignas(64) Storage {
    std::array<std::byte, 512> bytes;
  };
  static const Storage storage = [] {
    Storage filled;
    for (std::size_t index = 0; index < filled.bytes.size(); ++index) {
      filled.bytes[index] = static_cast<std::byte>(index);
    }
    return filled;
  }();
  return storage.bytes;
}

Program make_sample() {
  const auto bytes = sample_bytes();
  ExecutionPlan plan{.name = "forward",
                     .values = sample_values(),
                     .inputs = {0},
                     .outputs = {1, 9},
                     .operators = {"aten::add.out", "my_ops::plain", "dim_order_ops::_clone.out"},
                     .buffer_sizes = {0, 272}};
  plan.chains = {{KernelCall{0, {0, 2, 9, 1, 1}}, DelegateCall{1, {0, 1}}, JumpFalseCall{10, 5},
                  MoveCall{0, 1}, FreeCall{6}}};
  plan.delegates = {{.id = "XnnpackBackend", .blob = bytes.subspan(100, 77), .compile_specs = {}},
                    {.id = "OtherBackend",
                     .blob = bytes.subspan(7, 200),
                     .compile_specs = {{.key = "threads", .value = {std::byte{2}, std::byte{0}}},
                                       {.key = "empty", .value = {}}}},
                    {.id = "XnnpackBackend", .blob = bytes.subspan(100, 77), .compile_specs = {}}};
  return {.plans = {plan},
          .constants = {{}, bytes.first(24), bytes.subspan(32, 20), bytes.first(24)},
          .mutable_initial_data = {{}, bytes.subspan(64, 16)},
          .named_data = {{"b", bytes.first(300)}, {"a", bytes.first(300)}, {"empty", {}}}};
}

std::shared_ptr<const FileBytes> aligned(std::span<const std::byte> bytes) {
  return FileBytes::copy_of(bytes);
}

std::string describe(const Program& program) {
  std::string text = std::format("version {} constants {} initial data {}\n", program.version,
                                 program.constants.size(), program.mutable_initial_data.size());
  for (const ExecutionPlan& plan : program.plans) text += describe(plan, program);
  for (const auto& [key, bytes] : program.named_data) {
    text += std::format("named {} {} {:x}\n", key, bytes.size(), hash(bytes));
  }
  return text;
}

std::vector<std::filesystem::path> fixture_programs() {
  std::vector<std::filesystem::path> paths;
  add_programs(std::filesystem::path(TESSERA_TEST_DATA) / "fixtures", paths);
  if (std::string_view(TESSERA_FIXTURES) != "") add_programs(TESSERA_FIXTURES, paths);
  std::ranges::sort(paths);
  return paths;
}

}  // namespace tessera::pte
