// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>

#include "base/check.h"
#include "tessera/tensor.h"

namespace tessera {
namespace {

struct DTypeFacts {
  DType dtype;
  std::string_view name;
  std::size_t size;
};

constexpr std::array kDTypes = {
    DTypeFacts{DType::kU8, "u8", 1},     DTypeFacts{DType::kI8, "i8", 1},
    DTypeFacts{DType::kI16, "i16", 2},   DTypeFacts{DType::kI32, "i32", 4},
    DTypeFacts{DType::kI64, "i64", 8},   DTypeFacts{DType::kF16, "f16", 2},
    DTypeFacts{DType::kF32, "f32", 4},   DTypeFacts{DType::kF64, "f64", 8},
    DTypeFacts{DType::kBool, "bool", 1}, DTypeFacts{DType::kBF16, "bf16", 2},
    DTypeFacts{DType::kU16, "u16", 2},   DTypeFacts{DType::kU32, "u32", 4},
    DTypeFacts{DType::kU64, "u64", 8},
};

const DTypeFacts& facts_of(DType dtype) {
  const auto* found = std::ranges::find(kDTypes, dtype, &DTypeFacts::dtype);
  CHECK(found != kDTypes.end(), "dtype number {}", static_cast<int>(dtype));
  return *found;
}

}  // namespace

std::string_view name_of(DType dtype) { return facts_of(dtype).name; }

std::size_t size_of(DType dtype) { return facts_of(dtype).size; }

std::optional<DType> dtype_from_name(std::string_view name) {
  const auto* found = std::ranges::find(kDTypes, name, &DTypeFacts::name);
  if (found == kDTypes.end()) return std::nullopt;
  return found->dtype;
}

std::optional<DType> dtype_from_number(int scalar_type) {
  for (const DTypeFacts& facts : kDTypes) {
    if (static_cast<int>(facts.dtype) == scalar_type) return facts.dtype;
  }
  return std::nullopt;
}

}  // namespace tessera
