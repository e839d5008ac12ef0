// SPDX-License-Identifier: MIT
#include <functional>

#include "ops/binary_rules.h"
#include "ops/families.h"

/// Operators on the bits of integers; bool is one bit.
namespace tessera::ops {

namespace {

using ir::KernelArguments;
using ir::KernelContext;
using ir::Operator;

/// Shifting out of the number, or by a negative one, leaves no bit but copies of the sign.
template <bool kIsLeft>
Result<void> shift_kernel(KernelContext& context, const KernelArguments& arguments,
                          std::span<Tensor> outputs) {
  const DType common = outputs[0].dtype();
  const auto num_bits = static_cast<std::int32_t>(8 * size_of(common));
  return combine<IntegerLoopTypes>(context, arguments, outputs[0], common, [&]<class T>() {
    return [num_bits](T a, T b) {
      const bool is_inside = b >= 0 && b < num_bits;
      const T count = is_inside ? b : 0;
      if constexpr (kIsLeft) {
        const T shifted = static_cast<T>(static_cast<std::make_unsigned_t<T>>(a) << count);
        return is_inside ? shifted : T(0);
      } else {
        return is_inside ? static_cast<T>(a >> count) : static_cast<T>(a < 0 ? -1 : 0);
      }
    };
  });
}

constexpr ir::Sample kTensorSamples[] = {{"(i32[1,3,2,9], i32[1,3,1,1])"},
                                         {"(i64[7], i64[])"},
                                         {"(u8[2,7], i8[7])"},
                                         {"(i16[9], u8[9])"},
                                         {"(bool[9], bool[9])"},
                                         {"(bool[9], i32[1])"},
                                         {"(i8[0], i8[1])"}};
constexpr ir::Sample kScalarSamples[] = {
    {"(i32[2,9], 6)"}, {"(i64[7], -3)"}, {"(u8[7], 5)"}, {"(bool[9], true)"}, {"(bool[9], 6)"}};
constexpr ir::Sample kShiftSamples[] = {{"(i32[1,3,2,9], i32[1,3,1,1])", 40},
                                        {"(i64[7], i64[])", 9},
                                        {"(i8[2,7], i8[7])", 9},
                                        {"(u8[2,9], u8[9])"},
                                        {"(i16[9], i16[9])"}};
constexpr ir::Sample kShiftScalarSamples[] = {
    {"(i32[2,9], 6)"}, {"(i64[7], 3)"}, {"(u8[7], 5)"}, {"(i8[7], 9)"}, {"(i16[7], -1)"}};

template <class Function>
constexpr Operator bitwise(std::string_view schema, std::string_view out_name, Function,
                           std::span<const ir::Sample> samples) {
  return {.schema = schema,
          .out_name = out_name,
          .infer = infer_common<IntegerOrBoolTypes>,
          .kernel = combine_kernel<IntegerLoopTypes, Function>,
          .input_region = operand_region,
          .samples = samples};
}

constexpr Operator shift(std::string_view schema, std::string_view out_name, ir::KernelFn kernel,
                         std::span<const ir::Sample> samples) {
  return {.schema = schema,
          .out_name = out_name,
          .infer = infer_common<IntegerTypes>,
          .kernel = kernel,
          .input_region = operand_region,
          .samples = samples};
}

// clang-format off: one line per operator
constexpr Operator kOperators[] = {
    bitwise("aten::bitwise_and.Tensor(Tensor self, Tensor other) -> Tensor", "aten::bitwise_and.Tensor_out", std::bit_and(), kTensorSamples),
    bitwise("aten::bitwise_and.Scalar(Tensor self, Scalar other) -> Tensor", "aten::bitwise_and.Scalar_out", std::bit_and(), kScalarSamples),
    bitwise("aten::bitwise_or.Tensor(Tensor self, Tensor other) -> Tensor", "aten::bitwise_or.Tensor_out", std::bit_or(), kTensorSamples),
    bitwise("aten::bitwise_or.Scalar(Tensor self, Scalar other) -> Tensor", "aten::bitwise_or.Scalar_out", std::bit_or(), kScalarSamples),
    bitwise("aten::bitwise_xor.Tensor(Tensor self, Tensor other) -> Tensor", "aten::bitwise_xor.Tensor_out", std::bit_xor(), kTensorSamples),
    bitwise("aten::bitwise_xor.Scalar(Tensor self, Scalar other) -> Tensor", "aten::bitwise_xor.Scalar_out", std::bit_xor(), kScalarSamples),
    shift("aten::bitwise_left_shift.Tensor(Tensor self, Tensor other) -> Tensor", "aten::bitwise_left_shift.Tensor_out", shift_kernel<true>, kShiftSamples),
    shift("aten::bitwise_left_shift.Tensor_Scalar(Tensor self, Scalar other) -> Tensor", "aten::bitwise_left_shift.Tensor_Scalar_out", shift_kernel<true>, kShiftScalarSamples),
    shift("aten::bitwise_right_shift.Tensor(Tensor self, Tensor other) -> Tensor", "aten::bitwise_right_shift.Tensor_out", shift_kernel<false>, kShiftSamples),
    shift("aten::bitwise_right_shift.Tensor_Scalar(Tensor self, Scalar other) -> Tensor", "aten::bitwise_right_shift.Tensor_Scalar_out", shift_kernel<false>, kShiftScalarSamples),
};
// clang-format on

}  // namespace

std::span<const Operator> bitwise_operators() { return kOperators; }

}  // namespace tessera::ops
