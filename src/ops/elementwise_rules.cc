// SPDX-License-Identifier: MIT
#include "ops/elementwise_rules.h"

#include "base/try.h"

namespace tessera::ops {

using ir::TensorType;
using ir::TypeArguments;

namespace {

const TensorType* tensor_at(const TypeArguments& arguments, std::size_t position) {
  const auto* tensor = std::get_if<const TensorType*>(&arguments[position]);
  return tensor == nullptr ? nullptr : *tensor;
}

}  // namespace

Result<void> expect_known_types(const TypeArguments& arguments) {
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const TensorType* tensor = tensor_at(arguments, i);
    if (tensor == nullptr || contains(AllTypes(), tensor->dtype)) continue;
    return fail(ErrorCode::kInvalidType, "argument {} is {}, expected {}", i,
                name_of(tensor->dtype), names_of(AllTypes()));
  }
  return {};
}

Result<ir::Dims> broadcast_all(const TypeArguments& arguments) {
  ir::Dims dims;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (const TensorType* tensor = tensor_at(arguments, i)) {
      dims = TRY(broadcast(dims, tensor->dims));
    }
  }
  return dims;
}

Result<void> expect_number_fits(const TypeArguments& arguments, std::size_t position,
                                std::string_view name, DType dtype) {
  if (std::holds_alternative<double>(arguments[position]) && !is_float(dtype)) {
    return fail(ErrorCode::kInvalidArgument, "argument '{}' is {}, but the result is {}", name,
                arguments.real(position), name_of(dtype));
  }
  return {};
}

Region operand_region(const ir::RegionQuery& query) {
  const auto shape = ir::constant_shape(query.arguments.tensor(query.argument));
  CHECK(shape.has_value());
  return broadcast_region(query.output_region, *shape);
}

}  // namespace tessera::ops
