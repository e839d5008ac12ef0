// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstddef>

#include "formats/pte_records.h"
#include "program_generated.h"

namespace tessera::pte {
namespace {

namespace fbp = fb::program;

Result<Shape> read_sizes(const fbp::Tensor& tensor) {
  TRY(expect_present(tensor.sizes(), "sizes"));
  if (tensor.sizes()->size() > Shape::kMaxRank) {
    return fail(ErrorCode::kInvalidProgram, "has rank {}, expected at most {}",
                tensor.sizes()->size(), Shape::kMaxRank);
  }
  Shape sizes;
  for (const std::int32_t size : *tensor.sizes()) sizes.push_back(size);
  return sizes;
}

std::optional<Allocation> read_allocation(const fbp::AllocationDetails* details) {
  if (details == nullptr) return std::nullopt;
  return Allocation{
      .memory_id = details->memory_id(),
      .offset = std::uint64_t{details->memory_offset_high()} << 32 | details->memory_offset_low()};
}

Result<void> read_extra(const fbp::ExtraTensorInfo* info, CopyBudget& budget, TensorValue& value) {
  if (info == nullptr) return {};
  if (info->device_type() != fbp::DeviceType::Cpu) {
    return fail(ErrorCode::kNotSupported, "is on device type {}, expected {} (CPU)",
                static_cast<int>(info->device_type()), static_cast<int>(fbp::DeviceType::Cpu));
  }
  if (info->location() != fbp::TensorDataLocation::Segment &&
      info->location() != fbp::TensorDataLocation::External) {
    return fail(ErrorCode::kInvalidProgram, "has data location {}, expected 0 or 1",
                static_cast<int>(info->location()));
  }
  value.is_external = info->location() == fbp::TensorDataLocation::External;
  if (info->fully_qualified_name() == nullptr) return {};
  value.qualified_name = TRY(copy_text(info->fully_qualified_name(), "name", budget));
  return {};
}

Result<Value> read_tensor(const fbp::Tensor& tensor, CopyBudget& budget) {
  TensorValue value;
  const auto dtype = dtype_from_number(tensor.scalar_type());
  if (!dtype) {
    return fail(ErrorCode::kInvalidProgram, "has scalar type {}, which is not known",
                tensor.scalar_type());
  }
  value.dtype = *dtype;
  value.sizes = TRY(read_sizes(tensor));
  if (tensor.dim_order() != nullptr && tensor.dim_order()->size() > Shape::kMaxRank) {
    return fail(ErrorCode::kInvalidProgram, "has a dim_order of {} entries, expected {}",
                tensor.dim_order()->size(), value.sizes.rank());
  }
  value.dim_order = TRY(copy_items<std::uint8_t>(tensor.dim_order(), "dim_order", budget));
  if (tensor.storage_offset() != 0 || tensor.layout() != 0) {
    return fail(ErrorCode::kNotSupported, "has storage offset {} and layout {}, expected 0 and 0",
                tensor.storage_offset(), tensor.layout());
  }
  value.requires_grad = tensor.requires_grad();
  value.dynamism = static_cast<ShapeDynamism>(tensor.shape_dynamism());
  value.allocation = read_allocation(tensor.allocation_info());
  value.data_buffer_index = tensor.data_buffer_idx();
  TRY(read_extra(tensor.extra_tensor_info(), budget, value));
  return value;
}

/// A union's member of a kind, which may be missing although its kind is there.
template <class Table>
Result<const Table*> member(const fbp::EValue& value) {
  const Table* table = value.val_as<Table>();
  TRY(expect_present(table, "content"));
  return table;
}

template <class List, class Item, class Table>
Result<Value> read_index_list(const fbp::EValue& value, CopyBudget& budget) {
  const auto* table = TRY(member<Table>(value));
  return List{TRY(copy_items<Item>(table->items(), "items", budget))};
}

}  // namespace

Result<Value> read_value(const fbp::EValue& value, CopyBudget& budget) {
  switch (value.val_type()) {
    case fbp::KernelTypes::Null:
      TRY(expect_present(value.val(), "content"));
      return Null{};
    case fbp::KernelTypes::Int:
      return Value(TRY(member<fbp::Int>(value))->int_val());
    case fbp::KernelTypes::Bool:
      return Value(TRY(member<fbp::Bool>(value))->bool_val());
    case fbp::KernelTypes::Double:
      return Value(TRY(member<fbp::Double>(value))->double_val());
    case fbp::KernelTypes::Tensor:
      return read_tensor(*TRY(member<fbp::Tensor>(value)), budget);
    case fbp::KernelTypes::String:
      return Value(TRY(copy_text(TRY(member<fbp::String>(value))->string_val(), "string", budget)));
    case fbp::KernelTypes::IntList:
      return read_index_list<IntList, std::int64_t, fbp::IntList>(value, budget);
    case fbp::KernelTypes::DoubleList:
      return Value(
          TRY(copy_items<double>(TRY(member<fbp::DoubleList>(value))->items(), "items", budget)));
    case fbp::KernelTypes::BoolList:
      return Value(
          TRY(copy_items<bool>(TRY(member<fbp::BoolList>(value))->items(), "items", budget)));
    case fbp::KernelTypes::TensorList:
      return read_index_list<TensorList, std::int32_t, fbp::TensorList>(value, budget);
    case fbp::KernelTypes::OptionalTensorList:
      return read_index_list<OptionalTensorList, std::int32_t, fbp::OptionalTensorList>(value,
                                                                                        budget);
    case fbp::KernelTypes::NONE:
      break;
  }
  return fail(ErrorCode::kInvalidProgram, "has kind {}, expected 1 to {}",
              static_cast<int>(value.val_type()), static_cast<int>(fbp::KernelTypes::MAX));
}

}  // namespace tessera::pte
