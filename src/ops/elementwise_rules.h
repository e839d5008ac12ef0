// SPDX-License-Identifier: MIT
#pragma once

#include <initializer_list>
#include <string_view>
#include <vector>

#include "ops/element_types.h"
#include "ops/elementwise.h"
#include "ops/promotion.h"
#include "ops/region_rules.h"
#include "ops/shape_rules.h"

/// What the declarations of elementwise operators have in common.
namespace tessera::ops {

using Types = Result<std::vector<ir::TensorType>>;

/// Fails unless all tensors among the arguments have one of AllTypes.
Result<void> expect_known_types(const ir::TypeArguments& arguments);
/// Sizes of all tensors among the arguments, broadcast together.
Result<ir::Dims> broadcast_all(const ir::TypeArguments& arguments);
/// ATen's result type of the operands at these positions: tensors, Scalars or none.
template <class T>
DType common_type(const ir::BasicArguments<T>& arguments,
                  std::initializer_list<std::size_t> positions) {
  ResultType type;
  for (const std::size_t position : positions) {
    if (const auto* tensor = std::get_if<T*>(&arguments[position])) {
      if constexpr (std::is_same_v<T, Tensor>) {
        type.add((*tensor)->dtype(), (*tensor)->rank());
      } else {
        type.add(**tensor);
      }
    } else if (!arguments.is_none(position)) {
      type.add_scalar(arguments, position);
    }
  }
  return type.dtype();
}

/// Fails with "argument 'alpha' is 0.5, but the result is i32" if converting would lose a kind.
Result<void> expect_number_fits(const ir::TypeArguments& arguments, std::size_t position,
                                std::string_view name, DType dtype);
/// Fails with "the operands' common type is bool, expected f32, ..." unless the list has it.
template <class List>
Result<DType> expect_common(DType common) {
  if (contains(List(), common)) return common;
  return fail(ErrorCode::kInvalidType, "the operands' common type is {}, expected {}",
              name_of(common), names_of(List()));
}

/// An operand of the kernel: a tensor or a Scalar.
inline Operand operand_at(const ir::KernelArguments& arguments, std::size_t position,
                          DType common) {
  if (std::holds_alternative<Tensor*>(arguments[position])) {
    return {arguments.tensor(position), common};
  }
  return {arguments, position, common};
}

/// The region of an operand that is broadcast to the result.
Region operand_region(const ir::RegionQuery& query);

}  // namespace tessera::ops
