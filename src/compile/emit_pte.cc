// SPDX-License-Identifier: MIT
#include "compile/emit_pte.h"

#include <algorithm>
#include <deque>
#include <optional>
#include <set>

#include "base/mapped_file.h"
#include "base/try.h"
#include "compile/emit_sizes.h"
#include "formats/file_parts.h"
#include "formats/segments.h"
#include "ir/schema.h"
#include "ir/text.h"

namespace tessera::compiler {
namespace {

using ir::ValueId;

/// Bytes behind the arena when a delegate reads and writes it: XNNPACK's kernels may read past the
/// end of a tensor, and ExecuTorch expects this much.
constexpr std::size_t kArenaTailBytes = 64;

/// Memory of buffers that runs change; 1 is that of all else.
constexpr std::uint32_t kStateMemory = 2;

std::span<const std::byte> bytes_of(const Tensor& tensor) {
  return {tensor.bytes(), tensor.num_bytes()};
}

pte::TensorValue contiguous(DType dtype, Shape sizes) {
  pte::TensorValue tensor{.dtype = dtype, .sizes = std::move(sizes)};
  for (std::size_t dim = 0; dim < tensor.sizes.rank(); ++dim) {
    tensor.dim_order.push_back(static_cast<std::uint8_t>(dim));
  }
  return tensor;
}

/// What the methods of a program have together.
class Files {
 public:
  explicit Files(bool to_data_file) : to_data_file_(to_data_file) {
    program_.constants.emplace_back();  // index 0 stands for "no constant"
    program_.mutable_initial_data.emplace_back();
  }

  /// Says in `tensor` where its bytes are.
  void add_constant(const ir::Value& value, pte::TensorValue& tensor) {
    const auto bytes = bytes_of(value.data);
    if (!to_data_file_) {
      tensor.data_buffer_index = static_cast<std::uint32_t>(program_.constants.size());
      program_.constants.push_back(bytes);
      return;
    }
    tensor.is_external = true;
    tensor.data_buffer_index = 1;
    tensor.qualified_name = external_name(value, bytes);
    add_data(tensor.qualified_name, bytes,
             ptd::TensorLayout{tensor.dtype, tensor.sizes, tensor.dim_order});
  }

  std::uint32_t add_initial(const Tensor& contents) {
    program_.mutable_initial_data.push_back(bytes_of(contents));
    return static_cast<std::uint32_t>(program_.mutable_initial_data.size() - 1);
  }

  void add_named_data(const std::string& key, std::span<const std::byte> bytes) {
    if (to_data_file_) {
      add_data(key, bytes, std::nullopt);
    } else if (keys_.insert(key).second) {
      program_.named_data.emplace_back(key, bytes);
    }
  }

  void add_method(pte::ExecutionPlan plan, const ir::Signature& types,
                  std::string_view quantization) {
    if (!quantization.empty()) {
      program_.named_data.emplace_back("tessera.quantization." + plan.name,
                                       std::as_bytes(std::span(quantization)));
    }
    const std::string& signature = signatures_.emplace_back(ir::print(types));
    program_.named_data.emplace_back(pte::signature_key(plan.name),
                                     std::as_bytes(std::span(signature)));
    program_.plans.push_back(std::move(plan));
  }

  Result<EmittedFiles> write() const {
    EmittedFiles files{.program = TRY(pte::write(program_))};
    if (to_data_file_) files.data = TRY(ptd::write(data_));
    return files;
  }

  Result<WrittenBytes> write_to(const std::filesystem::path& program_file,
                                const std::optional<std::filesystem::path>& data_file) const {
    WrittenBytes written;
    if (data_file) {
      const FileParts data = TRY(ptd::write_parts(data_));
      TRY(write_parts_atomically(*data_file, data.parts));
      written.data = data.size();
    }
    const FileParts program = TRY(pte::write_parts(program_));
    TRY(write_parts_atomically(program_file, program.parts));
    written.program = program.size();
    return written;
  }

 private:
  void add_data(const std::string& key, std::span<const std::byte> bytes,
                std::optional<ptd::TensorLayout> layout) {
    if (keys_.insert(key).second) data_.entries.push_back({key, bytes, std::move(layout)});
  }

  /// The parameter's name, or one that tells it from another of that name.
  std::string external_name(const ir::Value& value, std::span<const std::byte> bytes) {
    const std::string& name =
        value.fully_qualified_name.empty() ? value.name : value.fully_qualified_name;
    for (std::size_t i = 0;; ++i) {
      std::string candidate = i == 0 ? name : std::format("{}.{}", name, i);
      const auto same = std::ranges::find(data_.entries, candidate, &ptd::Entry::key);
      if (same == data_.entries.end() || std::ranges::equal(same->bytes, bytes)) return candidate;
    }
  }

  const bool to_data_file_;
  pte::Program program_;
  ptd::DataFile data_;
  std::set<std::string> keys_;
  std::deque<std::string> signatures_;  ///< which the program's named data view
};

/// Makes one method.
class Emitter {
 public:
  Emitter(const MethodParts& method, Files& files)
      : graph_(method.graph),
        memory_(method.plan),
        states_(method.states),
        quantization_(method.quantization),
        inputs_(std::span(graph_.inputs()).first(graph_.inputs().size() - states_.size())),
        outputs_(std::span(graph_.outputs()).first(graph_.outputs().size() - states_.size())),
        files_(files) {
    plan_.name = graph_.name;
  }

  Result<void> run() {
    for (const ValueId input : inputs_) plan_.inputs.push_back(TRY(index_of(input)));
    for (std::size_t i = 0; i < states_.size(); ++i) add_state(i);
    plan_.chains.emplace_back();
    for (const ir::NodeId id : graph_.nodes()) {
      const ir::Node& node = graph_.node(id);
      if (auto emitted = emit_node(node); !emitted) {
        return with_context(std::move(emitted).error(), ir::describe(graph_, node));
      }
    }
    for (const ValueId output : outputs_) plan_.outputs.push_back(TRY(index_of(output)));
    for (std::size_t i = 0; i < states_.size(); ++i) TRY(emit_state_update(i));
    const std::size_t tail = plan_.delegates.empty() ? 0 : kArenaTailBytes;
    plan_.buffer_sizes = {0, static_cast<std::int64_t>(memory_.arena_bytes + tail)};
    if (state_bytes_ > 0) plan_.buffer_sizes.push_back(static_cast<std::int64_t>(state_bytes_));
    ir::Signature signature = ir::signature_of(graph_);
    signature.inputs.resize(inputs_.size());
    signature.outputs.resize(outputs_.size());
    files_.add_method(std::move(plan_), signature, quantization_);
    return {};
  }

 private:
  Result<void> emit_node(const ir::Node& node) {
    if (node.delegate != nullptr) return emit_delegate_call(node);
    const auto view = memory_.views.find(node.results.empty() ? ir::kNoTensor : node.results[0]);
    if (view == memory_.views.end()) return emit_kernel_call(node);
    return view->second.is_elided ? Result<void>() : emit_view(node);
  }

  /// States lie in memory of their own, so that nothing else ever does.
  void add_state(std::size_t index) {
    const Tensor& initial = states_[index].initial;
    pte::TensorValue tensor = contiguous(initial.dtype(), initial.shape());
    tensor.allocation = {.memory_id = kStateMemory, .offset = state_bytes_};
    tensor.data_buffer_index = files_.add_initial(initial);
    state_bytes_ = round_up(state_bytes_ + initial.num_bytes(), kBlockAlignment);
    indices_[graph_.inputs()[inputs_.size() + index]] = add_value(std::move(tensor));
  }

  Result<void> emit_state_update(std::size_t index) {
    const std::int32_t state = indices_.at(graph_.inputs()[inputs_.size() + index]);
    const std::int32_t last = TRY(index_of(graph_.outputs()[outputs_.size() + index]));
    if (last == state) return {};
    const std::int32_t non_blocking = add_value(false);
    plan_.chains.front().emplace_back(
        pte::KernelCall{.operator_index = operator_index("aten::copy_"),
                        .arguments = {state, last, non_blocking, state}});
    return {};
  }

  std::int32_t add_value(pte::Value value) {
    plan_.values.push_back(std::move(value));
    return static_cast<std::int32_t>(plan_.values.size() - 1);
  }

  /// The file's index of a graph value, which is added at its first use.
  Result<std::int32_t> index_of(ValueId id) {
    if (const auto known = indices_.find(id); known != indices_.end()) return known->second;
    const ir::Value& value = graph_.value(id);
    pte::TensorValue tensor =
        contiguous(value.type.dtype, TRY(upper_bound(value.type, graph_.symbols)));
    const bool is_symbolic =
        std::ranges::any_of(value.type.dims, [](const ir::Dim& dim) { return !dim.is_constant(); });
    if (is_symbolic || sized_by_elements_.contains(id))
      tensor.dynamism = pte::ShapeDynamism::kDynamicBound;
    if (value.kind == ir::ValueKind::kConstant) {
      files_.add_constant(value, tensor);
    } else if (const auto offset = memory_.offsets.find(id); offset != memory_.offsets.end()) {
      tensor.allocation = {.memory_id = 1, .offset = offset->second};
    }
    return indices_[id] = add_value(std::move(tensor));
  }

  Result<std::int32_t> emit_list(const ir::Dims& dims) {
    pte::IntList list;
    for (const ir::Dim& dim : dims) list.items.push_back(TRY(sizes_.index_of(dim)));
    return add_value(std::move(list));
  }

  Result<std::int32_t> emit_list(const std::vector<ValueId>& tensors) {
    pte::TensorList list;
    for (const ValueId tensor : tensors) list.items.push_back(TRY(index_of(tensor)));
    return add_value(std::move(list));
  }

  Result<std::int32_t> emit_optional_list(const std::vector<ValueId>& tensors) {
    pte::OptionalTensorList list;
    for (const ValueId tensor : tensors) {
      list.items.push_back(tensor == ir::kNoTensor ? -1 : TRY(index_of(tensor)));
    }
    return add_value(std::move(list));
  }

  Result<std::int32_t> emit_argument(const ir::SchemaArgument& declared,
                                     const ir::Argument& argument) {
    if (declared.has_optional_items) {
      if (const auto* tensors = std::get_if<std::vector<ValueId>>(&argument)) {
        return emit_optional_list(*tensors);
      }
    }
    return std::visit(
        [&](const auto& value) -> Result<std::int32_t> {
          using T = std::decay_t<decltype(value)>;
          if constexpr (std::is_same_v<T, std::monostate>) {
            return add_value(pte::Null{});
          } else if constexpr (std::is_same_v<T, ValueId>) {
            return index_of(value);
          } else if constexpr (std::is_same_v<T, ir::Dim>) {
            return sizes_.index_of(value);
          } else if constexpr (std::is_same_v<T, ir::Dims> ||
                               std::is_same_v<T, std::vector<ValueId>>) {
            return emit_list(value);
          } else {
            return add_value(value);
          }
        },
        argument);
  }

  std::int32_t operator_index(std::string_view name) {
    const auto found = std::ranges::find(plan_.operators, name);
    if (found != plan_.operators.end()) {
      return static_cast<std::int32_t>(found - plan_.operators.begin());
    }
    plan_.operators.emplace_back(name);
    return static_cast<std::int32_t>(plan_.operators.size() - 1);
  }

  /// Schema arguments, outs, and the return value again (a list if there are several).
  Result<void> emit_kernel_call(const ir::Node& node) {
    if (node.op->out_name.empty()) {
      return fail(ErrorCode::kOperatorMissing, "the operator has no out-variant");
    }
    pte::KernelCall call{.operator_index = operator_index(node.op->out_name)};
    const ir::Schema& schema = ir::schema_of(*node.op);
    for (std::size_t i = 0; i < node.arguments.size(); ++i) {
      if (!schema.arguments[i].is_in_out_variant) continue;
      call.arguments.push_back(TRY(emit_argument(schema.arguments[i], node.arguments[i])));
    }
    if (schema.num_results == ir::Schema::kResultList) {
      call.arguments.push_back(TRY(emit_list(node.results)));
    } else {
      for (const ValueId result : node.results) call.arguments.push_back(TRY(index_of(result)));
    }
    const bool returns_list =
        schema.num_results != 1 && schema.num_results != ir::Schema::kResultList;
    call.arguments.push_back(returns_list ? TRY(emit_list(node.results)) : call.arguments.back());
    plan_.chains.front().emplace_back(std::move(call));
    return {};
  }

  /// The result becomes another name for the operand's memory, with other sizes.
  Result<void> emit_view(const ir::Node& node) {
    const auto operand = std::get<ValueId>(node.arguments[0]);
    // A reshape's own sizes may have a -1, which needs no arithmetic here.
    const bool is_reshape = ir::schema_of(*node.op).full_name() == "aten::view_copy";
    const ir::Dims& sizes = is_reshape ? std::get<ir::Dims>(node.arguments[1])
                                       : graph_.value(node.results[0]).type.dims;
    const std::int32_t from = TRY(index_of(operand)), list = TRY(emit_list(sizes)),
                       to = TRY(index_of(node.results[0]));
    plan_.chains.front().emplace_back(
        pte::KernelCall{.operator_index = operator_index("executorch_prim::et_view.default"),
                        .arguments = {from, list, to}});
    return {};
  }

  Result<void> emit_delegate_call(const ir::Node& node) {
    const ir::Delegate& delegate = *node.delegate;
    pte::DelegateCall call{.delegate_index = static_cast<std::int32_t>(plan_.delegates.size())};
    plan_.delegates.push_back({.id = delegate.backend_id, .blob = delegate.blob});
    for (const auto& [key, tensor] : delegate.named_data) {
      files_.add_named_data(key, bytes_of(tensor));
    }
    for (const ValueId operand : ir::tensor_operands(node)) {
      call.arguments.push_back(TRY(index_of(operand)));
    }
    for (const ValueId result : node.results) call.arguments.push_back(TRY(index_of(result)));
    plan_.chains.front().emplace_back(std::move(call));
    return {};
  }

  const ir::Graph& graph_;
  const MemoryPlan& memory_;
  const std::span<const BufferState> states_;
  const std::string_view quantization_;
  const std::span<const ValueId> inputs_, outputs_;  ///< without those of the states
  std::size_t state_bytes_ = 0;
  Files& files_;
  pte::ExecutionPlan plan_;
  std::map<ValueId, std::int32_t> indices_;
  const std::set<ValueId> sized_by_elements_ = sized_by_elements(graph_);
  SizeEmitter sizes_{
      graph_,
      {.index_of = [this](ValueId id) { return index_of(id); },
       .add_value = [this](pte::Value value) { return add_value(std::move(value)); },
       .operator_index = [this](std::string_view name) { return operator_index(name); },
       .add_call =
           [this](pte::KernelCall call) { plan_.chains.front().emplace_back(std::move(call)); }}};
};

}  // namespace

Result<EmittedFiles> emit_pte(std::span<const MethodParts> methods, bool to_data_file) {
  Files files(to_data_file);
  for (const MethodParts& method : methods) TRY(Emitter(method, files).run());
  return files.write();
}

Result<WrittenBytes> write_files(std::span<const MethodParts> methods,
                                 const std::filesystem::path& program_file,
                                 const std::optional<std::filesystem::path>& data_file) {
  Files files(data_file.has_value());
  for (const MethodParts& method : methods) TRY(Emitter(method, files).run());
  return files.write_to(program_file, data_file);
}

}  // namespace tessera::compiler
