// SPDX-License-Identifier: MIT
#pragma once

#include "base/try.h"
#include "ops/elementwise_rules.h"
#include "ops/same_shape.h"
#include "ops/xnnpack_rules.h"

/// Declarations of operators that are a function of one number: one line each.
namespace tessera::ops {

/// The result has the operand's dtype, one of the list.
template <class List>
Types infer_same(const ir::TypeArguments& arguments) {
  TRY(expect_types<List>(arguments.tensor(0), "self"));
  return std::vector{arguments.tensor(0)};
}

/// The result is floating point: f32 for integers and bool.
inline Types infer_to_float(const ir::TypeArguments& arguments) {
  TRY(expect_types<AllTypes>(arguments.tensor(0), "self"));
  return std::vector{
      ir::TensorType{float_type(arguments.tensor(0).dtype), arguments.tensor(0).dims}};
}

inline Types infer_to_bool(const ir::TypeArguments& arguments) {
  TRY(expect_types<AllTypes>(arguments.tensor(0), "self"));
  return std::vector{ir::TensorType{DType::kBool, arguments.tensor(0).dims}};
}

/// Runs `make_function.operator()<T>()` over the elements; the result's dtype is what is computed
/// in.
template <class Loops, class MakeFunction>
Result<void> map_tensor(ir::KernelContext& context, const Tensor& in, Tensor& out,
                        const MakeFunction& make_function) {
  const Operand operands[] = {{in, out.dtype()}};
  dispatch<Loops>(operands[0].loop(), [&]<class T>() {
    run_elementwise<T, T>(context, operands, out, make_function.template operator()<T>());
  });
  return {};
}

template <class Loops, class Function>
Result<void> map_kernel(ir::KernelContext& context, const ir::KernelArguments& arguments,
                        std::span<Tensor> outputs) {
  return map_tensor<Loops>(context, arguments.tensor(0), outputs[0],
                           []<class T>() { return Function(); });
}

template <class Function>
Result<void> predicate_kernel(ir::KernelContext& context, const ir::KernelArguments& arguments,
                              std::span<Tensor> outputs) {
  const Tensor& in = arguments.tensor(0);
  const Operand operands[] = {{in, in.dtype()}};
  dispatch<LoopTypes>(operands[0].loop(), [&]<class T>() {
    run_elementwise<std::uint8_t, T>(context, operands, outputs[0], Function());
  });
  return {};
}

}  // namespace tessera::ops
