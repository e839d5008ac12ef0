// SPDX-License-Identifier: MIT
#include "ops/promotion.h"

#include "base/try.h"
#include "ops/element_types.h"

namespace tessera::ops {
namespace {

enum class Kind { kBool, kInteger, kFloat };

Kind kind_of(DType dtype) {
  if (dtype == DType::kBool) return Kind::kBool;
  return is_float(dtype) ? Kind::kFloat : Kind::kInteger;
}

DType promote_floats(DType a, DType b) {
  if (a == b) return a;
  if (a == DType::kF64 || b == DType::kF64) return DType::kF64;
  return DType::kF32;  // f16 and bf16 fit together in f32 only
}

DType promote_integers(DType a, DType b) {
  if (a == b) return a;
  if (size_of(a) == 1 && size_of(b) == 1) return DType::kI16;  // u8 and i8
  return size_of(a) > size_of(b) ? a : b;
}

std::optional<DType> merged(std::optional<DType> a, DType b) { return a ? promote(*a, b) : b; }

/// `lower` counts only if it is of a higher kind.
std::optional<DType> combined(std::optional<DType> higher, std::optional<DType> lower) {
  if (!higher) return lower;
  if (lower && kind_of(*lower) > kind_of(*higher)) return lower;
  return higher;
}

}  // namespace

DType promote(DType a, DType b) {
  const Kind kind_a = kind_of(a), kind_b = kind_of(b);
  if (kind_a != kind_b) return kind_a > kind_b ? a : b;
  if (kind_a == Kind::kFloat) return promote_floats(a, b);
  return kind_a == Kind::kInteger ? promote_integers(a, b) : a;
}

ResultType& ResultType::add(DType dtype, std::size_t rank) {
  auto& slot = rank > 0 ? dimensioned_ : zero_dimensional_;
  slot = merged(slot, dtype);
  return *this;
}

ResultType& ResultType::add_scalar(DType dtype) {
  scalar_ = merged(scalar_, dtype);
  return *this;
}

DType ResultType::dtype() const {
  return combined(combined(dimensioned_, zero_dimensional_), scalar_).value_or(DType::kF32);
}

DType result_type(const ir::TypeArguments& arguments, std::size_t self, std::size_t other) {
  return ResultType().add(arguments.tensor(self)).add(arguments.tensor(other)).dtype();
}

DType float_type(DType dtype) { return is_float(dtype) ? dtype : DType::kF32; }

Result<DType> dtype_argument(const ir::TypeArguments& arguments, std::size_t position,
                             DType otherwise) {
  if (arguments.is_none(position)) return otherwise;
  const ir::Dim& number = arguments.dim(position);
  const auto dtype = number.is_constant() && number.constant() >= 0 && number.constant() < 64
                         ? dtype_from_number(static_cast<int>(number.constant()))
                         : std::nullopt;
  if (dtype && contains(AllTypes(), *dtype)) return *dtype;
  return fail(ErrorCode::kInvalidType, "argument 'dtype' is {}, expected a ScalarType of {}",
              number.to_string(), names_of(AllTypes()));
}

}  // namespace tessera::ops
