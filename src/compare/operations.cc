// SPDX-License-Identifier: MIT
#include "compare/operations.h"

#include <algorithm>
#include <format>
#include <functional>
#include <map>

#include "compare/operation_kinds.h"
#include "compare/payload_layouts.h"
#include "ops/element_types.h"
#include "xnnpack/infer_shapes.h"
#include "xnnpack/tensor_dtype.h"

namespace tessera::compare {
namespace {

using runtime::DelegateInstruction;
using runtime::KernelInstruction;
using runtime::Step;
using runtime::TensorSlot;
using xnnpack::NodeRecord;
using xnnpack::Payload;
using xnnpack::ValueRecord;

bool is_byte(DType dtype) { return dtype == DType::kI8 || dtype == DType::kU8; }

Shape shape_of(const std::vector<std::uint32_t>& dims) {
  Shape shape;
  for (const std::uint32_t size : dims) shape.push_back(size);
  return shape;
}

class Lister {
 public:
  explicit Lister(const Method::Impl& method) : method_(method) {}

  OperationList list() && {
    for (const Method::Impl::Input& input : method_.inputs) write(input.slot, {});
    for (const auto& chain : method_.chains) {
      for (const Step& step : chain) add(step);
    }
    for (const Method::Impl::Output& output : method_.outputs) {
      if (const auto value = current_.find(output.slot); value != current_.end()) {
        result_.values[value->second].is_output = true;
      }
    }
    for (std::size_t i = 0; i < result_.operations.size(); ++i) {
      for (const std::size_t value : result_.operations[i].reads) {
        result_.values[value].readers.push_back(i);
      }
    }
    return std::move(result_);
  }

 private:
  std::size_t add_value(TracedValue value) {
    result_.values.push_back(std::move(value));
    return result_.values.size() - 1;
  }
  void write(const TensorSlot* slot, TracedValue value) {
    current_[slot] = add_value(std::move(value));
  }
  void add_read(Operation& operation, const TensorSlot* slot) const {
    if (const auto value = current_.find(slot); value != current_.end()) {
      operation.reads.push_back(value->second);
    }
  }

  void add(const Step& step) {
    if (const auto* call = std::get_if<DelegateInstruction>(&step.body)) {
      add_delegate(step, *call);
      return;
    }
    const std::vector<TensorSlot*> results = runtime::results_of(step);
    if (results.empty()) return;
    const TensorSlot* slot = results.front();
    Operation operation{.name = step.name, .kind = std::string(kMovement)};
    for (const TensorSlot* argument : runtime::arguments_of(step)) add_read(operation, argument);
    TracedValue value{.step = &step, .slot = slot, .bound = slot->bound};
    const DType dtype = slot->tensor.dtype();
    value.is_measurable = ops::contains(ops::AllTypes(), dtype) && !is_byte(dtype);
    if (const auto* kernel = std::get_if<KernelInstruction>(&step.body)) {
      if (kernel->results.empty() || kernel->results.front() == nullptr) return;
      describe(*kernel, step.operator_name, operation, value);
    }
    if (operation.kind == kMovement && is_byte(dtype) && !operation.reads.empty()) {
      value.quant = result_.values[operation.reads.front()].quant;
    }
    value.is_measurable |= value.quant.has_value();
    operation.result = add_value(std::move(value));
    current_[slot] = operation.result;
    result_.operations.push_back(std::move(operation));
  }

  static void describe(const KernelInstruction& kernel, std::string_view name, Operation& operation,
                       TracedValue& value) {
    operation.kind = kind_of_kernel(name);
    const ir::KernelArguments arguments(kernel.arguments);
    if (const auto weight = weight_argument(name)) {
      operation.weight = sizes_key(arguments.tensor(*weight).shape());
    }
    // Where an instruction computes the scale, it is not known before that has run.
    if (name == "quantized_decomposed::quantize_per_tensor.out" && kernel.live.empty()) {
      value.quant = {static_cast<float>(arguments.real(1)),
                     static_cast<std::int32_t>(arguments.integer(2))};
    }
  }

  void add_delegate(const Step& step, const DelegateInstruction& call) {
    const Payload& payload = call.delegate->payload();
    const xnnpack::ShapeInference operands(payload);
    const std::vector<bool> channels_last = find_channels_last(payload, operands);
    std::map<std::size_t, std::size_t> numbers;  // by index into the payload's values
    for (std::size_t i = 0; i < operands.inputs().size(); ++i) {
      const auto value = current_.find(call.arguments[i]);
      if (value != current_.end()) numbers[operands.inputs()[i]] = value->second;
    }
    const std::size_t delegate = number_of(call);
    for (std::size_t i = 0; i < payload.nodes.size(); ++i) {
      const NodeRecord& node = payload.nodes[i];
      Operation operation{.name = std::format("delegate {}, node {} ({})", delegate, i,
                                              xnnpack::name_of(node.kind)),
                          .kind = kind_of_node(node.kind)};
      const std::span inputs = operands.node_inputs(i);
      for (const std::size_t input : inputs) {
        if (const auto number = numbers.find(input); number != numbers.end()) {
          operation.reads.push_back(number->second);
        }
      }
      if (has_weights(node.kind)) {
        operation.weight = sizes_key(shape_of(payload.values[inputs[1]].dims));
      }
      for (const std::size_t output : operands.node_outputs(i)) {
        numbers[output] = add_value(value_of(step, payload, output, channels_last[output]));
      }
      operation.result = numbers.at(operands.node_outputs(i).front());
      result_.operations.push_back(std::move(operation));
    }
    for (std::size_t i = 0; i < operands.outputs().size(); ++i) {
      if (const auto number = numbers.find(operands.outputs()[i]); number != numbers.end()) {
        current_[call.results[i]] = number->second;
      }
    }
  }

  static TracedValue value_of(const Step& step, const Payload& payload, std::size_t index,
                              bool is_channels_last) {
    const ValueRecord& record = payload.values[index];
    TracedValue value{.step = &step,
                      .payload_value = index,
                      .bound = shape_of(record.dims),
                      .is_channels_last = is_channels_last};
    if (const auto* quant = std::get_if<xnnpack::PerTensorQuant>(&record.quant)) {
      value.quant = *quant;
    }
    const auto dtype = xnnpack::tensor_dtype(record.datatype);
    value.is_measurable = dtype && (!is_byte(*dtype) || value.quant);
    return value;
  }

  std::size_t number_of(const DelegateInstruction& call) const {
    const auto found =
        std::ranges::find(method_.delegates, call.delegate, [](const auto& d) { return d.get(); });
    return static_cast<std::size_t>(found - method_.delegates.begin());
  }

  const Method::Impl& method_;
  OperationList result_;
  std::map<const TensorSlot*, std::size_t> current_;  ///< the value that a slot holds
};

}  // namespace

OperationList list_operations(const Method::Impl& method) { return Lister(method).list(); }

std::vector<std::int64_t> sizes_key(const Shape& shape) {
  std::vector<std::int64_t> sizes(shape.begin(), shape.end());
  std::erase(sizes, 1);
  std::ranges::sort(sizes, std::greater());
  return sizes;
}

}  // namespace tessera::compare
