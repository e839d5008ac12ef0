// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <cstring>

#include "base/try.h"
#include "ops/dispatch.h"
#include "runtime/instruction.h"

namespace tessera::runtime {
namespace {

Result<TensorSlot*> tensor_input(const ValueTable& values, std::int32_t index) {
  if (TensorSlot* slot = values.tensor(index)) return slot;
  return fail(ErrorCode::kInvalidProgram, "argument value {} is no tensor", index);
}

Result<std::int64_t> integer_at(const ValueTable& values, std::int32_t index) {
  if (const auto* value = std::get_if<std::int64_t>(&values.scalars().at(index))) return *value;
  return fail(ErrorCode::kInvalidProgram, "value {} is no Int", index);
}

Scalar first_element(const Tensor& tensor) {
  Scalar scalar;
  ops::dispatch<ops::AllTypes>(tensor.dtype(), [&]<class T>() {
    const T element = *tensor.data<T>();
    if constexpr (std::is_same_v<T, bool>) {
      scalar = element;
    } else if constexpr (ops::kIsFloat<T>) {
      scalar = static_cast<double>(element);
    } else {
      scalar = static_cast<std::int64_t>(element);
    }
  });
  return scalar;
}

Result<void> resolve_view(PrimInstruction& prim, const pte::ExecutionPlan& plan,
                          std::span<const std::int32_t> arguments) {
  prim.from = TRY(tensor_input(*prim.values, arguments[0]));
  prim.to = TRY(tensor_input(*prim.values, arguments[2]));
  const auto* list =
      std::get_if<pte::IntList>(&plan.values[static_cast<std::size_t>(arguments[1])]);
  if (list == nullptr) {
    return fail(ErrorCode::kInvalidProgram, "value {} is no list of Int", arguments[1]);
  }
  prim.numbers.assign(list->items.begin(), list->items.end());
  if (prim.from->tensor.dtype() != prim.to->tensor.dtype() || prim.to->is_constant) {
    return fail(ErrorCode::kInvalidProgram, "makes {}{} of {}",
                prim.to->is_constant ? "constant " : "", prim.to->tensor.type_string(),
                prim.from->tensor.type_string());
  }
  if (prim.from->tensor.dim_order() != prim.to->tensor.dim_order()) {
    return fail(ErrorCode::kNotSupported, "views memory in another dim order");
  }
  prim.to->is_view = !prim.to->plan;
  return {};
}

Result<void> resolve_copy(PrimInstruction& prim, std::span<const std::int32_t> arguments) {
  prim.to = TRY(tensor_input(*prim.values, arguments[0]));
  prim.from = TRY(tensor_input(*prim.values, arguments[1]));
  prim.numbers = {arguments[2]};
  if (prim.from->tensor.dtype() != prim.to->tensor.dtype() || prim.to->is_constant ||
      prim.to->bound.rank() != prim.from->bound.rank() + 1 ||
      !prim.to->tensor.dim_order().is_contiguous() ||
      !prim.from->tensor.dim_order().is_contiguous()) {
    return fail(ErrorCode::kInvalidProgram, "copies {} into {}{}", prim.from->tensor.type_string(),
                prim.to->is_constant ? "constant " : "", prim.to->tensor.type_string());
  }
  return {};
}

Result<void> resolve_number(PrimInstruction& prim, std::span<const std::int32_t> arguments) {
  const bool reads_tensor = prim.op->kind != PrimKind::kNumbers;
  if (reads_tensor) prim.from = TRY(tensor_input(*prim.values, arguments[0]));
  const auto numbers = arguments.subspan(reads_tensor ? 1 : 0, prim.op->num_inputs - reads_tensor);
  prim.numbers.assign(numbers.begin(), numbers.end());
  prim.result = arguments.back();
  for (const std::int32_t number : prim.numbers) {
    if (std::holds_alternative<std::monostate>(prim.values->scalars().at(number))) {
      return fail(ErrorCode::kInvalidProgram, "argument value {} is no number", number);
    }
  }
  if (std::holds_alternative<std::monostate>(prim.values->scalars().at(prim.result))) {
    return fail(ErrorCode::kInvalidProgram, "its result, value {}, is no number", prim.result);
  }
  if (prim.op->kind == PrimKind::kElement &&
      !ops::contains(ops::AllTypes(), prim.from->tensor.dtype())) {
    return fail(ErrorCode::kInvalidType, "reads an element of {}", prim.from->tensor.type_string());
  }
  return {};
}

}  // namespace

Result<PrimInstruction> resolve_prim_call(const pte::ExecutionPlan& plan,
                                          const pte::KernelCall& call, const PrimOperator& op,
                                          ValueTable& values) {
  const std::size_t expected = op.num_inputs + (op.kind == PrimKind::kCopyIndex ? 0 : 1);
  if (call.arguments.size() != expected) {
    return fail(ErrorCode::kInvalidProgram, "has {} arguments, expected {}", call.arguments.size(),
                expected);
  }
  PrimInstruction prim{.op = &op, .values = &values};
  if (op.kind == PrimKind::kView) {
    TRY(resolve_view(prim, plan, call.arguments));
  } else if (op.kind == PrimKind::kCopyIndex) {
    TRY(resolve_copy(prim, call.arguments));
  } else {
    TRY(resolve_number(prim, call.arguments));
  }
  return prim;
}

Result<void> PrimInstruction::compute() {
  constexpr std::size_t kMaxInputs = 3;
  std::array<Scalar, kMaxInputs> inputs;
  for (std::size_t i = 0; i < numbers.size(); ++i) inputs[i] = values->scalars().at(numbers[i]);
  values->set_scalar(result, TRY(op->function({inputs.data(), numbers.size()})));
  return {};
}

Result<void> PrimInstruction::resize_view() {
  const std::int64_t num_elements = from->tensor.num_elements();
  Shape shape;
  std::optional<std::size_t> unknown;
  std::int64_t known = 1;
  for (const std::int32_t number : numbers) {
    const std::int64_t size = TRY(integer_at(*values, number));
    const bool is_unknown = size == -1 && !unknown;
    if (is_unknown) unknown = shape.rank();
    const bool fits = shape.rank() < Shape::kMaxRank && (is_unknown || size >= 0) &&
                      (is_unknown || !__builtin_mul_overflow(known, size, &known));
    if (!fits) return fail(ErrorCode::kInvalidProgram, "no tensor has the size {}", size);
    shape.push_back(is_unknown ? 1 : size);
  }
  if (unknown && known > 0) shape[*unknown] = num_elements / known;
  TRY(to->resize(shape));  // checks sizes, so that their product cannot overflow
  if (shape.num_elements() != num_elements) {
    return fail(ErrorCode::kInvalidProgram, "makes {} of {}", shape.to_string(),
                from->tensor.type_string());
  }
  return {};
}

Result<void> PrimInstruction::resize_for_index() {
  const std::int64_t index = TRY(integer_at(*values, numbers[0]));
  Shape shape = to->bound;
  // A tensor of fixed size is filled, another one grows with each index.
  if (to->is_dynamic) {
    shape[0] = index + 1;
    std::ranges::copy(from->tensor.shape(), &shape[1]);
  }
  const bool fits = index >= 0 && index < to->bound[0] &&
                    std::ranges::equal(from->tensor.shape(), shape.span().subspan(1));
  if (!fits) {
    return fail(ErrorCode::kInvalidProgram, "copies {} to index {} of a tensor of at most {}",
                from->tensor.type_string(), index, to->bound.to_string());
  }
  return to->resize(shape);
}

Result<void> PrimInstruction::resize() {
  const Shape& shape = from == nullptr ? Shape() : from->tensor.shape();
  switch (op->kind) {
    case PrimKind::kNumbers:
      return compute();
    case PrimKind::kSize: {
      std::int64_t dim = TRY(integer_at(*values, numbers[0]));
      const auto rank = static_cast<std::int64_t>(shape.rank());
      if (dim < 0) dim += rank;
      if (dim < 0 || dim >= rank) {
        return fail(ErrorCode::kInvalidProgram, "asks for size {} of {}", dim, shape.to_string());
      }
      values->set_scalar(result, shape[static_cast<std::size_t>(dim)]);
      return {};
    }
    case PrimKind::kNumel:
      values->set_scalar(result, shape.num_elements());
      return {};
    case PrimKind::kView:
      return resize_view();
    case PrimKind::kCopyIndex:
      return resize_for_index();
    case PrimKind::kElement:
      return {};
  }
  return {};
}

Result<void> PrimInstruction::run() {
  if (op->kind == PrimKind::kElement) {
    if (from->tensor.num_elements() == 0) {
      return fail(ErrorCode::kInvalidArgument, "reads an element of {}",
                  from->tensor.type_string());
    }
    values->set_scalar(result, first_element(from->tensor));
  } else if (op->kind == PrimKind::kView) {
    if (to->is_view && to->external_data == nullptr) {
      to->tensor.set_data(from->tensor.bytes());
      to->viewed = from->viewed != nullptr ? from->viewed : from;
    } else if (from->tensor.num_bytes() > 0) {
      std::memmove(to->tensor.bytes(), from->tensor.bytes(), from->tensor.num_bytes());
    }
  } else if (op->kind == PrimKind::kCopyIndex && from->tensor.num_bytes() > 0) {
    const auto index = static_cast<std::size_t>(TRY(integer_at(*values, numbers[0])));
    std::memmove(to->tensor.bytes() + index * from->tensor.num_bytes(), from->tensor.bytes(),
                 from->tensor.num_bytes());
  }
  return {};
}

}  // namespace tessera::runtime
