// SPDX-License-Identifier: MIT
#include "tiling/flow.h"

#include <algorithm>
#include <map>
#include <ranges>

#include "base/try.h"
#include "ir/schema.h"
#include "ops/record_rules.h"
#include "ops/registry.h"
#include "runtime/call_parts.h"
#include "runtime/prim_operators.h"
#include "xnnpack/delegate.h"
#include "xnnpack/payload.h"

namespace tessera::tiling {
namespace {

constexpr std::string_view kWholeInput = "needs its whole input";

std::optional<DType> dtype_of_record(xnnpack::Datatype datatype) {
  using xnnpack::Datatype;
  switch (datatype) {
    case Datatype::kF32:
      return DType::kF32;
    case Datatype::kF16:
      return DType::kF16;
    case Datatype::kQInt8:
    case Datatype::kQCInt8:
    case Datatype::kQDInt8:
      return DType::kI8;
    case Datatype::kQUInt8:
      return DType::kU8;
    default:
      return std::nullopt;
  }
}

}  // namespace

std::unexpected<Error> not_tileable(std::string_view name, std::string_view reason) {
  return fail(ErrorCode::kNotSupported, "{} {}, so the model cannot be tiled exactly", name,
              reason);
}

Shape FlowSizes::shape(FlowValue value) const {
  Shape shape;
  for (const ir::Dim& dim : types[value].dims) shape.push_back(dim.constant());
  return shape;
}

class FlowBuilder {
 public:
  explicit FlowBuilder(const pte::ExecutionPlan& plan) : plan_(plan) { flow_.plan_ = &plan; }

  Result<Flow> build() {
    TRY(add_values());
    if (auto added = add_steps(); !added) {
      if (added.error().code == ErrorCode::kInvalidProgram) {
        return std::unexpected(std::move(added).error());
      }
      flow_.obstacle_ = std::move(added).error();
    }
    return std::move(flow_);
  }

 private:
  const pte::TensorValue* tensor(std::int32_t value) const {
    return std::get_if<pte::TensorValue>(&plan_.values[static_cast<std::size_t>(value)]);
  }

  Result<void> add_values() {
    if (plan_.inputs.size() != 1 || plan_.outputs.size() != 1 || !tensor(plan_.inputs[0]) ||
        !tensor(plan_.outputs[0])) {
      return fail(ErrorCode::kNotSupported,
                  "tiling needs a method with one input and one output tensor; {} has {} and {}",
                  plan_.name, plan_.inputs.size(), plan_.outputs.size());
    }
    const std::size_t count = plan_.values.size();
    flow_.file_sizes_.types.resize(count);
    flow_.depends_.resize(count);
    is_written_.resize(count);
    for (std::size_t i = 0; i < count; ++i) {
      if (const auto* value = std::get_if<pte::TensorValue>(&plan_.values[i])) {
        flow_.file_sizes_.types[i] = {value->dtype, {value->sizes.begin(), value->sizes.end()}};
        is_written_[i] = value->data_buffer_index != 0 || value->is_external;
      }
    }
    flow_.input_ = static_cast<FlowValue>(plan_.inputs[0]);
    flow_.output_ = static_cast<FlowValue>(plan_.outputs[0]);
    is_written_[flow_.input_] = true;
    flow_.depends_[flow_.input_] = true;
    return {};
  }

  Result<void> add_steps() {
    for (const auto& chain : plan_.chains) {
      for (const pte::Instruction& instruction : chain) TRY(add_instruction(instruction));
    }
    if (!TRY(read(flow_.output_, "the method's output"))) {
      return fail(ErrorCode::kNotSupported, "the output does not depend on the input");
    }
    return {};
  }

  Result<void> add_instruction(const pte::Instruction& instruction) {
    if (const auto* call = std::get_if<pte::KernelCall>(&instruction)) return add_kernel(*call);
    if (const auto* call = std::get_if<pte::DelegateCall>(&instruction)) return add_delegate(*call);
    if (std::holds_alternative<pte::FreeCall>(instruction)) return {};
    return fail(ErrorCode::kNotSupported, "control flow cannot be tiled");
  }

  /// Whether a value that a step reads depends on the input.
  Result<bool> read(FlowValue value, std::string_view reader) {
    if (is_written_[value]) return bool{flow_.depends_[value]};
    // A reshape that the compiler has left out: both tensors share their memory.
    const pte::TensorValue* view = tensor(static_cast<std::int32_t>(value));
    if (view != nullptr && view->allocation) {
      for (const FlowValue base : writes_ | std::views::reverse) {
        const pte::TensorValue* other = tensor(static_cast<std::int32_t>(base));
        if (!other->allocation || other->allocation->memory_id != view->allocation->memory_id ||
            other->allocation->offset != view->allocation->offset) {
          continue;
        }
        if (!flow_.depends_[base]) return false;
        return not_tileable(std::format("the reshape that {} reads", reader), kWholeInput);
      }
    }
    return fail(ErrorCode::kInvalidProgram, "{} reads value {}, which nothing has written", reader,
                value);
  }

  Result<void> write(Step& step, FlowValue value, bool depends) {
    const pte::TensorValue* written =
        value < plan_.values.size() ? tensor(static_cast<std::int32_t>(value)) : nullptr;
    if (written != nullptr && depends && !written->is_contiguous()) {
      return not_tileable(step.name, "writes another dim order than NCHW");
    }
    if (is_written_[value]) {
      return not_tileable(step.name, "changes a tensor in place");
    }
    is_written_[value] = true;
    flow_.depends_[value] = depends;
    if (value < plan_.values.size()) writes_.push_back(value);
    step.outputs.push_back(value);
    return {};
  }

  Result<void> add_use(Step& step, std::size_t argument, std::size_t element, FlowValue value) {
    if (TRY(read(value, step.name))) step.uses.push_back({argument, element, value});
    return {};
  }

  Result<void> add_kernel(const pte::KernelCall& call) {
    const std::string& name = plan_.operators[static_cast<std::size_t>(call.operator_index)];
    const ir::Operator* op = ops::find_out_variant(name);
    const auto* prim = runtime::find_prim_operator(name);
    if (prim != nullptr && prim->kind == runtime::PrimKind::kView) {
      return not_tileable("the reshape", kWholeInput);
    }
    if (prim != nullptr) {
      return not_tileable(name, "computes numbers while the program runs");
    }
    if (op == nullptr) {
      return fail(ErrorCode::kOperatorMissing, "Tessera has no operator {}", name);
    }
    Step step{ir::schema_of(*op).full_name()};
    auto parts = runtime::split_call(plan_, call, *op, name);
    if (!parts) return with_context(std::move(parts).error(), name);
    for (std::size_t i = 0; i < parts->arguments.size(); ++i) {
      if (parts->arguments[i] >= 0) TRY(add_tensors(step, i, parts->arguments[i]));
    }
    const bool depends = !step.uses.empty();
    if (depends && op->input_region == nullptr) return not_tileable(step.name, kWholeInput);
    for (std::size_t i = 0; i < parts->results.size(); ++i) {
      if (tensor(parts->results[i]) == nullptr) {
        return fail(ErrorCode::kInvalidProgram, "{}: result {} is no tensor", name, i);
      }
      TRY(write(step, static_cast<FlowValue>(parts->results[i]), depends));
    }
    const auto* out = parts->results.empty() ? nullptr : tensor(parts->results[0]);
    step.call =
        KernelStep{op, out == nullptr ? DType::kF32 : out->dtype, std::move(parts->arguments)};
    flow_.steps_.push_back(std::move(step));
    return {};
  }

  /// The tensors of one kernel argument, if it has any.
  Result<void> add_tensors(Step& step, std::size_t argument, std::int32_t index) {
    const pte::Value& value = plan_.values[static_cast<std::size_t>(index)];
    const auto add_list = [&](const std::vector<std::int32_t>& items) -> Result<void> {
      for (std::size_t element = 0; element < items.size(); ++element) {
        if (items[element] < 0 || tensor(items[element]) == nullptr) continue;
        TRY(add_use(step, argument, element, static_cast<FlowValue>(items[element])));
      }
      return {};
    };
    if (std::holds_alternative<pte::TensorValue>(value)) {
      return add_use(step, argument, 0, static_cast<FlowValue>(index));
    }
    if (const auto* list = std::get_if<pte::TensorList>(&value)) return add_list(list->items);
    if (const auto* list = std::get_if<pte::OptionalTensorList>(&value))
      return add_list(list->items);
    return {};
  }

  Result<void> add_delegate(const pte::DelegateCall& call) {
    const auto& delegate = plan_.delegates[static_cast<std::size_t>(call.delegate_index)];
    if (delegate.id != xnnpack::kBackendId) {
      return fail(ErrorCode::kNotSupported, "delegate {} is for {}, expected {}",
                  call.delegate_index, delegate.id, xnnpack::kBackendId);
    }
    const xnnpack::Payload& payload =
        flow_.payloads_.emplace_back(TRY(xnnpack::read_payload(delegate.blob)));
    const std::string owner = std::format("delegate {}", call.delegate_index);
    const auto values = TRY(bind_externals(payload, call, owner));
    for (const xnnpack::NodeRecord& node : payload.nodes) {
      TRY(add_record(payload, node, values, owner));
    }
    return {};
  }

  /// Blob ids -> flow values: arguments of the call, or new ones.
  Result<std::map<std::uint32_t, FlowValue>> bind_externals(const xnnpack::Payload& payload,
                                                            const pte::DelegateCall& call,
                                                            const std::string& owner) {
    std::map<std::uint32_t, FlowValue> values;
    for (const xnnpack::ValueRecord& record : payload.values) {
      if (record.external_id != xnnpack::kNoValue) {
        if (record.external_id >= call.arguments.size() ||
            tensor(call.arguments[record.external_id]) == nullptr) {
          return fail(ErrorCode::kInvalidProgram, "{}: no tensor for external {}", owner,
                      record.external_id);
        }
        values[record.id] = static_cast<FlowValue>(call.arguments[record.external_id]);
        continue;
      }
      values[record.id] = static_cast<FlowValue>(flow_.depends_.size());
      flow_.depends_.push_back(false);
      is_written_.push_back(record.constant_index != 0);
      // Filters and biases have types of their own; just their sizes matter here.
      flow_.file_sizes_.types.push_back({dtype_of_record(record.datatype).value_or(DType::kI32),
                                         {record.dims.begin(), record.dims.end()}});
    }
    return values;
  }

  Result<void> add_record(const xnnpack::Payload& payload, const xnnpack::NodeRecord& node,
                          const std::map<std::uint32_t, FlowValue>& values,
                          const std::string& owner) {
    Step step{std::format("{} of {}", name_of(node.kind), owner)};
    RecordStep record{&node};
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      if (node.inputs[i] == xnnpack::kNoValue) {
        record.operands.push_back(kNoFlowValue);
        continue;
      }
      const FlowValue value = values.at(node.inputs[i]);
      record.operands.push_back(value);
      TRY(add_use(step, i, 0, value));
    }
    record.bounds = bounds_of(payload, node.inputs.at(0));
    const bool depends = !step.uses.empty();
    if (depends) {
      if (const auto reason = ops::why_not_local(node)) return not_tileable(step.name, *reason);
    }
    for (const std::uint32_t output : node.outputs) {
      if (depends && is_dynamically_quantized(payload, output)) {
        return not_tileable(step.name, "takes its scale from its whole input");
      }
      TRY(write(step, values.at(output), depends));
    }
    step.call = std::move(record);
    flow_.steps_.push_back(std::move(step));
    return {};
  }

  static const xnnpack::ValueRecord& value_record(const xnnpack::Payload& payload,
                                                  std::uint32_t id) {
    return *std::ranges::find(payload.values, id, &xnnpack::ValueRecord::id);
  }
  static Shape bounds_of(const xnnpack::Payload& payload, std::uint32_t id) {
    Shape shape;
    for (const std::uint32_t size : value_record(payload, id).dims) shape.push_back(size);
    return shape;
  }
  static bool is_dynamically_quantized(const xnnpack::Payload& payload, std::uint32_t id) {
    return value_record(payload, id).datatype == xnnpack::Datatype::kQDInt8;
  }

  const pte::ExecutionPlan& plan_;
  Flow flow_;
  std::vector<bool> is_written_;
  std::vector<FlowValue> writes_;  ///< the method's values in the order of writing
};

Result<Flow> Flow::create(const pte::ExecutionPlan& plan) { return FlowBuilder(plan).build(); }

}  // namespace tessera::tiling
