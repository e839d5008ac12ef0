// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "formats/pte.h"
#include "ir/operator.h"
#include "ir/schema.h"
#include "runtime/values.h"

namespace tessera::runtime {

/// "a Tensor", "a list of Int", for messages.
std::string_view name_of(ir::ArgumentKind kind);

/// The integers of a list; nothing if one of its values is no integer.
std::optional<ir::Dims> integers_of(const pte::ExecutionPlan& plan, const pte::IntList& list);

/// A number as an argument of this kind; nothing if it is of another kind.
template <class T>
std::optional<ir::BasicArgument<T>> number_argument(const ir::SchemaArgument& expected,
                                                    const Scalar& number) {
  using ir::ArgumentKind;
  const auto* integer = std::get_if<std::int64_t>(&number);
  const auto* real = std::get_if<double>(&number);
  const auto* boolean = std::get_if<bool>(&number);
  const bool is_scalar = expected.kind == ArgumentKind::kScalar;
  if (integer != nullptr && (is_scalar || expected.kind == ArgumentKind::kInt)) {
    return ir::Dim(*integer);
  }
  if (integer != nullptr && expected.kind == ArgumentKind::kFloat) {
    return static_cast<double>(*integer);
  }
  if (integer != nullptr && expected.kind == ArgumentKind::kIntList && expected.list_size > 0) {
    return ir::Dims(static_cast<std::size_t>(expected.list_size), ir::Dim(*integer));
  }
  if (real != nullptr && (is_scalar || expected.kind == ArgumentKind::kFloat)) return *real;
  if (boolean != nullptr && (is_scalar || expected.kind == ArgumentKind::kBool)) return *boolean;
  return std::nullopt;
}

/// A value that is no tensor and no list of tensors as an argument of this kind; nothing if it is
/// of another kind.
template <class T>
std::optional<ir::BasicArgument<T>> scalar_argument(const pte::ExecutionPlan& plan,
                                                    const ir::SchemaArgument& expected,
                                                    const pte::Value& value) {
  using ir::ArgumentKind;
  if (auto number = number_argument<T>(expected, scalar_of(value))) return number;
  if (expected.kind == ArgumentKind::kIntList) {
    if (const auto* list = std::get_if<pte::IntList>(&value)) return integers_of(plan, *list);
  }
  const auto same = [&]<class U>(ArgumentKind kind) -> std::optional<ir::BasicArgument<T>> {
    const auto* found = std::get_if<U>(&value);
    return expected.kind == kind && found != nullptr ? std::optional<ir::BasicArgument<T>>(*found)
                                                     : std::nullopt;
  };
  if (auto text = same.template operator()<std::string>(ArgumentKind::kString)) return text;
  if (auto reals = same.template operator()<std::vector<double>>(ArgumentKind::kFloatList)) {
    return reals;
  }
  return same.template operator()<std::vector<bool>>(ArgumentKind::kBoolList);
}

/// The tensors of a list, null where there is none and the file allows it; nothing if one is
/// missing.
template <class T, class TensorAt>
std::optional<ir::BasicArgument<T>> tensors_argument(const pte::Value& value,
                                                     const TensorAt& tensor_at) {
  const auto* list = std::get_if<pte::TensorList>(&value);
  const auto* optional_list = std::get_if<pte::OptionalTensorList>(&value);
  if (list == nullptr && optional_list == nullptr) return std::nullopt;
  std::vector<T*> tensors;
  for (const std::int32_t item : list != nullptr ? list->items : optional_list->items) {
    tensors.push_back(item < 0 ? nullptr : tensor_at(item));
    if (tensors.back() == nullptr && list != nullptr) return std::nullopt;
  }
  return tensors;
}

/// The value at `index` of the plan as the argument that the schema expects. `tensor_at(index)`
/// gives what stands for a tensor, null if that value is none. Fails, naming the argument, for a
/// value of another kind.
template <class T, class TensorAt>
Result<ir::BasicArgument<T>> argument_of(const pte::ExecutionPlan& plan,
                                         const ir::SchemaArgument& expected, std::int32_t index,
                                         const TensorAt& tensor_at) {
  const pte::Value& value = plan.values[static_cast<std::size_t>(index)];
  std::optional<ir::BasicArgument<T>> argument;
  if (std::holds_alternative<pte::Null>(value)) {
    if (expected.is_optional) argument = std::monostate();
  } else if (expected.kind == ir::ArgumentKind::kTensor) {
    if (T* tensor = tensor_at(index)) argument = tensor;
  } else if (expected.kind == ir::ArgumentKind::kTensorList) {
    argument = tensors_argument<T>(value, tensor_at);
  } else {
    argument = scalar_argument<T>(plan, expected, value);
  }
  if (argument) return *std::move(argument);
  return fail(ErrorCode::kInvalidProgram, "argument '{}' is {}, expected {}", expected.name,
              kind_of(value), name_of(expected.kind));
}

}  // namespace tessera::runtime
