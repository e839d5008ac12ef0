// SPDX-License-Identifier: MIT
#pragma once

#include <type_traits>

#include "base/try.h"
#include "ops/elementwise_rules.h"
#include "ops/xnnpack_rules.h"

/// Declarations of operators of two operands, each a tensor or a Scalar, with broadcasting.
namespace tessera::ops {

/// The result has the operands' common type, which must be of the list.
template <class List>
Types infer_common(const ir::TypeArguments& arguments) {
  TRY(expect_known_types(arguments));
  const DType common = TRY(expect_common<List>(common_type(arguments, {0, 1})));
  return std::vector{ir::TensorType{common, TRY(broadcast_all(arguments))}};
}

/// Likewise, but f32 in the place of integers and bool.
inline Types infer_common_float(const ir::TypeArguments& arguments) {
  TRY(expect_known_types(arguments));
  const DType common = float_type(common_type(arguments, {0, 1}));
  return std::vector{ir::TensorType{common, TRY(broadcast_all(arguments))}};
}

inline Types infer_question(const ir::TypeArguments& arguments) {
  TRY(expect_known_types(arguments));
  return std::vector{ir::TensorType{DType::kBool, TRY(broadcast_all(arguments))}};
}

/// Runs a function of two numbers in the common type; results are Out, or of the common type.
template <class Loops, class Out = void, class MakeFunction>
Result<void> combine(ir::KernelContext& context, const ir::KernelArguments& arguments, Tensor& out,
                     DType common, const MakeFunction& make_function) {
  const Operand operands[] = {operand_at(arguments, 0, common), operand_at(arguments, 1, common)};
  dispatch<Loops>(loop_dtype(common), [&]<class T>() {
    run_elementwise<std::conditional_t<std::is_void_v<Out>, T, Out>, T, T>(
        context, operands, out, make_function.template operator()<T>());
  });
  return {};
}

template <class Loops, class Function>
Result<void> combine_kernel(ir::KernelContext& context, const ir::KernelArguments& arguments,
                            std::span<Tensor> outputs) {
  return combine<Loops>(context, arguments, outputs[0], outputs[0].dtype(),
                        []<class T>() { return Function(); });
}

template <class Function>
Result<void> question_kernel(ir::KernelContext& context, const ir::KernelArguments& arguments,
                             std::span<Tensor> outputs) {
  return combine<LoopTypes, std::uint8_t>(context, arguments, outputs[0],
                                          common_type(arguments, {0, 1}),
                                          []<class T>() { return Function(); });
}

// Integers wrap around, as in ATen.
template <class T, class Function>
T wrapping(T a, T b, const Function& function) {
  if constexpr (std::is_integral_v<T>) {
    using Unsigned = std::make_unsigned_t<T>;
    return static_cast<T>(function(static_cast<Unsigned>(a), static_cast<Unsigned>(b)));
  } else {
    return function(a, b);
  }
}

/// XNNPACK has no node for two constants.
inline Reason check_operands(const ir::NodeView& view) {
  if (constant_operand(view, 0) != nullptr && constant_operand(view, 1) != nullptr) {
    return "both operands are constants";
  }
  return check_float_tensors(view);
}

template <xnnpack::NodeKind kKind>
Result<void> lower_operands(const ir::NodeView& view, xnnpack::Builder& builder) {
  lower_elementwise(view, builder, kKind, {0, 1});
  return {};
}

}  // namespace tessera::ops
