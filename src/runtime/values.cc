// SPDX-License-Identifier: MIT
#include "runtime/values.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

#include "base/try.h"

namespace tessera::runtime {
namespace {

Result<void> check_alignment(DType dtype, std::uintptr_t address) {
  if (address % size_of(dtype) != 0) {
    return fail(ErrorCode::kInvalidProgram,
                "a tensor of {} starts at an offset that is no multiple of {}", name_of(dtype),
                size_of(dtype));
  }
  return {};
}

Result<void> place_in_arena(TensorSlot& slot, const pte::TensorValue& value,
                            std::span<const Arena> arenas) {
  const std::size_t num_bytes = value.num_bytes();
  const std::uint32_t memory_id = value.allocation->memory_id;
  const std::uint64_t offset = value.allocation->offset;
  if (memory_id == 0 || memory_id > arenas.size()) {
    return fail(ErrorCode::kInvalidProgram, "planned in memory {}, the method has {}", memory_id,
                arenas.size());
  }
  const Arena& arena = arenas[memory_id - 1];
  if (offset > arena.size() || num_bytes > arena.size() - offset) {
    return fail(ErrorCode::kInvalidProgram, "planned at {} with {} bytes in a memory of {}", offset,
                num_bytes, arena.size());
  }
  TRY(check_alignment(value.dtype, offset));
  slot.plan = TensorSlot::Plan{memory_id - 1, {offset, offset + num_bytes}};
  slot.planned_data = arena.data() + offset;
  slot.tensor.set_data(slot.planned_data);
  return {};
}

Result<std::unique_ptr<TensorSlot>> make_slot(const pte::Program& program,
                                              const pte::TensorValue& value, const DataMap& data,
                                              std::span<const Arena> arenas) {
  auto slot = std::make_unique<TensorSlot>();
  slot->tensor =
      Tensor::view(value.dtype, value.sizes, nullptr).with_dim_order(DimOrder(value.dim_order));
  slot->type = ir::type_of(slot->tensor);
  slot->bound = value.sizes;
  slot->is_dynamic = value.dynamism == pte::ShapeDynamism::kDynamicBound;
  const auto bytes = TRY(data.find_tensor(program, value));
  if (value.allocation) {
    TRY(place_in_arena(*slot, value, arenas));
    if (bytes) {
      if (!bytes->empty()) std::memcpy(slot->planned_data, bytes->data(), bytes->size());
      slot->is_state = true;
    }
  } else if (bytes) {
    TRY(check_alignment(value.dtype, reinterpret_cast<std::uintptr_t>(bytes->data())));
    // Nothing writes through this pointer: instructions that would are refused at load.
    slot->tensor.set_data(const_cast<std::byte*>(bytes->data()));
    slot->is_constant = true;
    slot->is_dynamic = false;
  }
  return slot;
}

/// A scalar that a method returns is a tensor of rank 0 to the caller.
std::unique_ptr<TensorSlot> make_scalar_slot(Tensor tensor) {
  auto slot = std::make_unique<TensorSlot>();
  slot->type = ir::type_of(tensor);
  slot->own = tensor;
  slot->tensor = std::move(tensor);
  slot->is_constant = true;
  return slot;
}

}  // namespace

Result<void> TensorSlot::check_sizes(const Shape& shape) const {
  if (shape.rank() != bound.rank()) {
    return fail(ErrorCode::kInvalidArgument, "sizes are {}, the program has {} dimensions",
                shape.to_string(), bound.rank());
  }
  for (std::size_t dim = 0; dim < shape.rank(); ++dim) {
    if (is_dynamic ? shape[dim] > bound[dim] : shape[dim] != bound[dim]) {
      return fail(ErrorCode::kInvalidArgument, "dimension {} is {}, expected {}{}", dim, shape[dim],
                  is_dynamic ? "at most " : "", bound[dim]);
    }
  }
  return {};
}

Result<void> TensorSlot::resize(const Shape& shape) {
  TRY(check_sizes(shape));
  tensor.set_shape(shape);
  std::ranges::copy(shape, type.dims.begin());
  return place();
}

bool TensorSlot::is_readable() const {
  if (tensor.num_elements() == 0) return true;
  return tensor.has_data() && (viewed == nullptr || viewed->tensor.bytes() == tensor.bytes());
}

Result<void> TensorSlot::place() {
  const std::size_t num_bytes = tensor.num_bytes();
  if (external_data != nullptr) {
    if (num_bytes > external_bytes) {
      return fail(ErrorCode::kInvalidArgument, "{} needs {} bytes, the memory bound to it has {}",
                  tensor.type_string(), num_bytes, external_bytes);
    }
    tensor.set_data(external_data);
  } else if (planned_data != nullptr) {
    tensor.set_data(planned_data);
  } else if (!is_view) {
    if (!own.has_data() || own.num_bytes() < num_bytes) {
      own = Tensor();  // gives the old memory back first
      // Zeros, as in an arena: a program may read before it writes. Whatever the dim order.
      own = TRY(Tensor::zeros(tensor.dtype(), tensor.shape()));
    }
    tensor.set_data(own.bytes());
  }
  return {};
}

bool share_memory(const TensorSlot& a, const TensorSlot& b) {
  return &a == &b || (a.plan && b.plan && a.plan->arena == b.plan->arena &&
                      overlap(a.plan->range, b.plan->range));
}

Result<ValueTable> ValueTable::build(const pte::Program& program, const pte::ExecutionPlan& plan,
                                     const DataMap& data, std::span<const Arena> arenas) {
  ValueTable table;
  table.scalars_ = ScalarTable(plan);
  table.slots_.resize(plan.values.size());
  for (std::size_t i = 0; i < plan.values.size(); ++i) {
    const auto* value = std::get_if<pte::TensorValue>(&plan.values[i]);
    if (value == nullptr) continue;
    auto slot = make_slot(program, *value, data, arenas);
    if (!slot) return with_context(std::move(slot).error(), std::format("value {}", i));
    table.slots_[i] = *std::move(slot);
  }
  for (const std::int32_t output : plan.outputs) {
    auto& slot = table.slots_[static_cast<std::size_t>(output)];
    const auto add_scalar = [&slot]<class T>(T scalar) {
      if constexpr (!std::is_same_v<T, std::monostate>) {
        slot = make_scalar_slot(Tensor::of(Shape{}, std::span<const T>(&scalar, 1)));
      }
    };
    std::visit(add_scalar, table.scalars_.at(output));
  }
  return table;
}

void ValueTable::set_scalar(std::int32_t value, const Scalar& scalar) {
  scalars_.set(value, scalar);
  TensorSlot* slot = tensor(value);
  if (slot == nullptr) return;
  std::visit(
      [&]<class T>(T number) {
        if constexpr (!std::is_same_v<T, std::monostate>) {
          const DType dtype = slot->tensor.dtype();
          if (dtype == DType::kI64)
            *slot->tensor.data<std::int64_t>() = static_cast<std::int64_t>(number);
          if (dtype == DType::kF64) *slot->tensor.data<double>() = static_cast<double>(number);
          if (dtype == DType::kBool) *slot->tensor.data<bool>() = static_cast<bool>(number);
        }
      },
      scalar);
}

std::string_view kind_of(const pte::Value& value) {
  constexpr std::array<std::string_view, 11> kNames = {"None",
                                                       "an Int",
                                                       "a Bool",
                                                       "a Double",
                                                       "a Tensor",
                                                       "a String",
                                                       "a list of Int",
                                                       "a list of Double",
                                                       "a list of Bool",
                                                       "a list of Tensor",
                                                       "a list of optional Tensor"};
  static_assert(kNames.size() == std::variant_size_v<pte::Value>);
  return kNames[value.index()];
}

}  // namespace tessera::runtime
