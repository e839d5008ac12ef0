// SPDX-License-Identifier: MIT
#include "operators/call.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "base/try.h"
#include "operators/sample_data.h"
#include "operators/tolerance.h"
#include "ops/dispatch.h"
#include "ops/registry.h"

namespace tessera::testing {

using ir::TensorType;

std::string Call::name() const { return ir::schema_of(*op).full_name(); }

std::string Call::description() const {
  std::string text = std::format("{} sample {}", name(), sample);
  if (sample < op->samples.size()) text += std::format(" {}", op->samples[sample].arguments);
  return text;
}

std::vector<TensorPosition> tensor_positions(const Call& call) {
  std::vector<TensorPosition> positions;
  for (std::size_t i = 0; i < call.arguments.size(); ++i) {
    if (std::holds_alternative<TensorType>(call.arguments[i])) positions.push_back({i, 0});
    if (const auto* list = std::get_if<ir::OptionalTypes>(&call.arguments[i])) {
      for (std::size_t element = 0; element < list->size(); ++element) {
        if ((*list)[element]) positions.push_back({i, element});
      }
    }
  }
  return positions;
}

namespace {

TensorType& type_at(Call& call, TensorPosition position) {
  ir::SampleArgument& argument = call.arguments[position.argument];
  if (auto* list = std::get_if<ir::OptionalTypes>(&argument)) {
    return *(*list)[position.element];
  }
  return std::get<TensorType>(argument);
}

}  // namespace

Call make_call(const ir::Operator& op, std::size_t sample, std::string_view arguments) {
  Call call{&op, sample, {}, {}};
  auto parsed = ir::parse_sample(arguments);
  EXPECT_TRUE(parsed.has_value()) << arguments << ": " << parsed.error().message;
  if (!parsed) return call;
  call.arguments = *std::move(parsed);
  const std::string name = call.name();
  const auto& schema = ir::schema_of(op).arguments;
  for (const TensorPosition position : tensor_positions(call)) {
    const std::string_view argument_name =
        position.argument < schema.size() ? std::string_view(schema[position.argument].name) : "";
    const ElementRange range{
        .is_positive = std::ranges::contains(kPositiveArguments, argument_name),
        .index_limit = sample < op.samples.size() ? op.samples[sample].index_limit : 0};
    const TensorType& type = type_at(call, position);
    const auto shape = ir::constant_shape(type);
    EXPECT_TRUE(shape.has_value()) << arguments;
    auto tensor = make_sample_tensor({name, sample, call.tensors.size()}, type.dtype,
                                     shape.value_or(Shape{}), range);
    // Rejections are tested with types that no kernel has.
    if (!tensor) tensor = Tensor::zeros(type.dtype, shape.value_or(Shape{}));
    call.tensors.push_back(*tensor);
  }
  return call;
}

std::vector<Call> all_calls() {
  std::vector<Call> calls;
  for (const ir::Operator* op : ops::all_operators()) {
    EXPECT_FALSE(op->samples.empty()) << op->schema << " has no samples";
    for (std::size_t i = 0; i < op->samples.size(); ++i) {
      calls.push_back(make_call(*op, i, op->samples[i].arguments));
    }
  }
  return calls;
}

Call with_tensors(Call call, std::vector<Tensor> tensors) {
  const auto positions = tensor_positions(call);
  CHECK(positions.size() == tensors.size());
  for (std::size_t i = 0; i < positions.size(); ++i) {
    type_at(call, positions[i]) = ir::type_of(tensors[i]);
  }
  call.tensors = std::move(tensors);
  return call;
}

namespace {

/// Arguments in the form that kernels and rules take; `tensor(i)` gives the i-th tensor.
template <class T, class GetTensor>
std::vector<ir::BasicArgument<T>> convert(const Call& call, const GetTensor& tensor) {
  std::vector<ir::BasicArgument<T>> result;
  std::size_t next = 0;
  const auto& schema = ir::schema_of(*call.op).arguments;
  for (std::size_t i = 0; i < call.arguments.size(); ++i) {
    std::visit(
        [&]<class A>(const A& argument) {
          if constexpr (std::is_same_v<A, TensorType>) {
            result.push_back(tensor(next++));
          } else if constexpr (std::is_same_v<A, ir::OptionalTypes>) {
            std::vector<T*> list;
            for (const auto& type : argument) list.push_back(type ? tensor(next++) : nullptr);
            result.push_back(std::move(list));
          } else {
            result.push_back(argument);
          }
        },
        call.arguments[i]);
    // "[]" of a sample may stand for any list.
    if (i < schema.size() && schema[i].kind == ir::ArgumentKind::kFloatList) {
      const auto* dims = std::get_if<ir::Dims>(&result.back());
      if (dims != nullptr && dims->empty()) result.back() = std::vector<double>();
    }
  }
  return result;
}

}  // namespace

std::vector<ir::TypeArguments::Argument> type_arguments(Call& call) {
  const auto positions = tensor_positions(call);
  return convert<const TensorType>(call,
                                   [&](std::size_t i) { return &type_at(call, positions[i]); });
}

Result<std::vector<TensorType>> infer(const Call& call) {
  Call copy = call;
  const auto arguments = type_arguments(copy);
  return call.op->infer(ir::TypeArguments(arguments));
}

namespace {

/// Memory for a result between two strips that must not change.
class GuardedTensor {
 public:
  GuardedTensor(DType dtype, const Shape& shape)
      : num_bytes_(size_of(dtype) * static_cast<std::size_t>(shape.num_elements())),
        memory_(std::make_shared<std::vector<std::byte>>(num_bytes_ + 2 * kStrip, kGuard)),
        tensor_(Tensor::view(dtype, shape, memory_->data() + kStrip, memory_)) {}

  const Tensor& tensor() const { return tensor_; }
  bool is_intact() const {
    const auto is_guard = [](std::byte b) { return b == kGuard; };
    return std::all_of(memory_->begin(), memory_->begin() + kStrip, is_guard) &&
           std::all_of(memory_->end() - kStrip, memory_->end(), is_guard);
  }

 private:
  static constexpr std::ptrdiff_t kStrip = 64;
  static constexpr std::byte kGuard{0xA5};
  std::size_t num_bytes_;
  std::shared_ptr<std::vector<std::byte>> memory_;
  Tensor tensor_;
};

Result<std::vector<Tensor>> run_guarded(const ir::Operator& op, ir::KernelContext& context,
                                        std::span<const ir::KernelArguments::Argument> arguments,
                                        std::span<const TensorType> types) {
  std::vector<GuardedTensor> guarded;
  std::vector<Tensor> outputs;
  for (const TensorType& type : types) {
    guarded.emplace_back(type.dtype, TRY(ir::constant_shape(type)));
    outputs.push_back(guarded.back().tensor());
  }
  TRY(op.kernel(context, ir::KernelArguments(arguments), outputs));
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (op.sizes_from_elements) continue;
    EXPECT_EQ(outputs[i].shape(), guarded[i].tensor().shape()) << op.schema;
  }
  for (const GuardedTensor& tensor : guarded) {
    EXPECT_TRUE(tensor.is_intact()) << op.schema << " writes outside of its results";
  }
  return outputs;
}

}  // namespace

Result<std::vector<Tensor>> run_kernel(const Call& call, ir::KernelContext& context) {
  std::vector<Tensor> tensors = call.tensors;
  const auto arguments = convert<Tensor>(call, [&](std::size_t i) { return &tensors[i]; });
  return run_guarded(*call.op, context, arguments, TRY(infer(call)));
}

Result<Tensor> run_kernel_in_place(const Call& call, std::size_t tensor,
                                   ir::KernelContext& context) {
  std::vector<Tensor> tensors = call.tensors;
  tensors[tensor] = Tensor::of_bytes(tensors[tensor].dtype(), tensors[tensor].shape(),
                                     {tensors[tensor].bytes(), tensors[tensor].num_bytes()});
  const auto arguments = convert<Tensor>(call, [&](std::size_t i) { return &tensors[i]; });
  TRY(call.op->kernel(context, ir::KernelArguments(arguments), std::span(&tensors[tensor], 1)));
  return tensors[tensor];
}

Result<ir::Graph> make_graph(const Call& call, const std::vector<bool>& is_constant,
                             std::size_t num_outputs) {
  ir::Graph graph;
  std::vector<ir::ValueId> values;
  for (std::size_t i = 0; i < call.tensors.size(); ++i) {
    const std::string name = std::format("t{}", i);
    const bool constant = !is_constant.empty() && is_constant[i];
    values.push_back(constant ? graph.add_constant(name, call.tensors[i], name)
                              : graph.add_input(name, ir::type_of(call.tensors[i])));
  }
  std::vector<ir::Argument> arguments;
  std::size_t next = 0;
  const TensorType some_type;
  for (const auto& argument : convert<const TensorType>(
           call, [&](std::size_t) -> const TensorType* { return &some_type; })) {
    std::visit(
        [&]<class A>(const A& value) {
          if constexpr (std::is_same_v<A, const TensorType*>) {
            arguments.push_back(values[next++]);
          } else if constexpr (std::is_same_v<A, std::vector<const TensorType*>>) {
            std::vector<ir::ValueId> list;
            for (const TensorType* type : value) {
              list.push_back(type == nullptr ? ir::kNoTensor : values[next++]);
            }
            arguments.push_back(std::move(list));
          } else {
            arguments.push_back(value);
          }
        },
        argument);
  }
  const ir::NodeId node = TRY(graph.add_node(*call.op, std::move(arguments)));
  std::vector<ir::ValueId> outputs = graph.node(node).results;
  if (num_outputs > 0) outputs.resize(num_outputs);
  graph.set_outputs(std::move(outputs));
  return graph;
}

Result<std::vector<Tensor>> evaluate(const ir::Graph& graph, std::span<const Tensor> inputs) {
  std::map<ir::ValueId, Tensor> tensors;
  for (const ir::ValueId id : graph.values()) {
    if (graph.value(id).kind == ir::ValueKind::kConstant) tensors[id] = graph.value(id).data;
  }
  for (std::size_t i = 0; i < inputs.size(); ++i) tensors[graph.inputs()[i]] = inputs[i];
  ir::KernelContext context;
  for (const ir::NodeId id : graph.nodes()) {
    const ir::Node& node = graph.node(id);
    if (node.op->kernel == nullptr) {
      return fail(ErrorCode::kNotSupported, "{} has no kernel", node.op->schema);
    }
    std::vector<ir::KernelArguments::Argument> arguments;
    for (const ir::Argument& argument : node.arguments) {
      std::visit(
          [&]<class A>(const A& value) {
            if constexpr (std::is_same_v<A, ir::ValueId>) {
              arguments.push_back(&tensors.at(value));
            } else if constexpr (std::is_same_v<A, std::vector<ir::ValueId>>) {
              std::vector<Tensor*> list;
              for (const ir::ValueId element : value) {
                list.push_back(element == ir::kNoTensor ? nullptr : &tensors.at(element));
              }
              arguments.push_back(std::move(list));
            } else {
              arguments.push_back(value);
            }
          },
          argument);
    }
    const ir::NodeTypes types(graph, node);
    const auto results = TRY(run_guarded(*node.op, context, arguments, types.results()));
    for (std::size_t i = 0; i < results.size(); ++i) tensors[node.results[i]] = results[i];
  }
  std::vector<Tensor> outputs;
  for (const ir::ValueId id : graph.outputs()) outputs.push_back(tensors.at(id));
  return outputs;
}

namespace {

double element(const Tensor& tensor, std::int64_t i) {
  double value = 0;
  ops::dispatch<ops::AllTypes>(
      tensor.dtype(), [&]<class T>() { value = static_cast<double>(tensor.data<T>()[i]); });
  return value;
}

}  // namespace

std::string difference(const Tensor& found, const Tensor& expected, const Tolerance& tolerance) {
  if (found.dtype() != expected.dtype() || found.shape() != expected.shape()) {
    return std::format("found {}, expected {}", found.type_string(), expected.type_string());
  }
  for (std::int64_t i = 0; i < expected.num_elements(); ++i) {
    if (is_close(element(found, i), element(expected, i), tolerance)) continue;
    return std::format("element {} is {}, expected {}", i, element(found, i), element(expected, i));
  }
  return "";
}

bool has_same_bits(const Tensor& a, const Tensor& b) {
  return a.dtype() == b.dtype() && a.shape() == b.shape() &&
         (a.num_bytes() == 0 || std::memcmp(a.bytes(), b.bytes(), a.num_bytes()) == 0);
}

}  // namespace tessera::testing
