// SPDX-License-Identifier: MIT
// What a program says of its methods without loading them.
#include <algorithm>
#include <array>
#include <cstring>
#include <type_traits>
#include <utility>
#include <variant>

#include "base/try.h"
#include "runtime/program_impl.h"

namespace tessera {
namespace {

template <ValueKind kind, class Content>
constexpr bool is_kind_of =
    std::is_same_v<std::variant_alternative_t<static_cast<std::size_t>(kind), pte::Value>, Content>;

// A value's kind is its index.
static_assert(is_kind_of<ValueKind::kNone, pte::Null> &&
              is_kind_of<ValueKind::kInt, std::int64_t> &&
              is_kind_of<ValueKind::kTensor, pte::TensorValue> &&
              is_kind_of<ValueKind::kString, std::string> &&
              is_kind_of<ValueKind::kOptionalTensorList, pte::OptionalTensorList>);
constexpr std::size_t kNumKinds = std::variant_size_v<pte::Value>;

std::vector<ValueKind> kinds_of(const pte::ExecutionPlan& plan,
                                const std::vector<std::int32_t>& values) {
  std::vector<ValueKind> kinds;
  for (const std::int32_t value : values) {
    kinds.push_back(static_cast<ValueKind>(plan.values[static_cast<std::size_t>(value)].index()));
  }
  return kinds;
}

/// Writes what constant methods give; an overload for each kind.
struct ConstantReader {
  const pte::Program& program;
  const pte::ExecutionPlan& plan;
  const runtime::DataMap& data;

  template <class Content>
  Result<ConstantValue> operator()(const Content& content) const {
    return ConstantValue(content);
  }
  Result<ConstantValue> operator()(const pte::Null&) const { return ConstantValue(); }
  Result<ConstantValue> operator()(const pte::IntList& list) const {
    std::vector<std::int64_t> items;
    for (const std::int64_t item : list.items) {
      items.push_back(std::get<std::int64_t>(plan.values[static_cast<std::size_t>(item)]));
    }
    return ConstantValue(std::move(items));
  }
  Result<ConstantValue> operator()(const pte::TensorValue& value) const {
    const auto bytes = TRY(data.find_tensor(program, value));
    if (!bytes || !value.is_contiguous()) {
      return fail(ErrorCode::kNotSupported, "a tensor without bytes or with a dim order");
    }
    Tensor tensor = TRY(Tensor::empty(value.dtype, value.sizes));
    if (!bytes->empty()) std::memcpy(tensor.bytes(), bytes->data(), bytes->size());
    return ConstantValue(std::move(tensor));
  }
  Result<ConstantValue> operator()(const pte::TensorList&) const {
    return fail(ErrorCode::kNotSupported, "a list of tensors");
  }
  Result<ConstantValue> operator()(const pte::OptionalTensorList&) const {
    return fail(ErrorCode::kNotSupported, "a list of tensors");
  }
};

std::size_t count_instructions(const pte::ExecutionPlan& plan) {
  std::size_t count = 0;
  for (const auto& chain : plan.chains) count += chain.size();
  return count;
}

}  // namespace

std::string_view name_of(ValueKind kind) {
  constexpr std::array<std::string_view, kNumKinds> kNames = {"None",
                                                              "Int",
                                                              "Bool",
                                                              "Double",
                                                              "Tensor",
                                                              "String",
                                                              "IntList",
                                                              "DoubleList",
                                                              "BoolList",
                                                              "TensorList",
                                                              "OptionalTensorList"};
  return kNames[static_cast<std::size_t>(kind)];
}

Result<MethodInfo> Program::info(std::string_view method) const {
  const pte::ExecutionPlan& plan = *TRY(impl_->find_method(method))->plan;
  MethodInfo info{.inputs = kinds_of(plan, plan.inputs),
                  .outputs = kinds_of(plan, plan.outputs),
                  .num_instructions = count_instructions(plan),
                  .encoded_inputs = plan.encoded_inputs,
                  .encoded_outputs = plan.encoded_outputs};
  for (const pte::BackendDelegate& delegate : plan.delegates) {
    if (!std::ranges::contains(info.backends, delegate.id)) info.backends.push_back(delegate.id);
  }
  for (std::size_t id = 1; id < plan.buffer_sizes.size(); ++id) {
    info.planned_bytes.push_back(static_cast<std::size_t>(plan.buffer_sizes[id]));
  }
  for (const pte::Value& value : plan.values) {
    const auto* tensor = std::get_if<pte::TensorValue>(&value);
    if (tensor == nullptr || tensor->qualified_name.empty()) continue;
    info.attributes.push_back(
        {tensor->qualified_name, tensor->dtype, tensor->sizes, tensor->is_external});
  }
  info.is_constant = plan.inputs.empty() && info.num_instructions == 0;
  return info;
}

Result<std::vector<ConstantValue>> Program::constants(std::string_view method) const {
  const pte::ExecutionPlan& plan = *TRY(impl_->find_method(method))->plan;
  if (!plan.inputs.empty() || count_instructions(plan) > 0) {
    return fail(ErrorCode::kInvalidArgument,
                "method '{}' has {} inputs and {} instructions: it must be loaded and executed",
                method, plan.inputs.size(), count_instructions(plan));
  }
  TRY(impl_->data->check_complete(plan));
  std::vector<ConstantValue> constants;
  for (const std::int32_t output : plan.outputs) {
    auto constant = std::visit(ConstantReader{impl_->program, plan, *impl_->data},
                               plan.values[static_cast<std::size_t>(output)]);
    if (!constant) {
      return with_context(std::move(constant).error(),
                          std::format("method '{}', output {}", method, constants.size()));
    }
    constants.push_back(*std::move(constant));
  }
  return constants;
}

}  // namespace tessera
