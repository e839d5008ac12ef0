// SPDX-License-Identifier: MIT
#include "ops/families.h"
#include "ops/unary_rules.h"

/// Operators that restrict every element to a range; relu is in unary.cc.
namespace tessera::ops {

namespace {

using ir::KernelArguments;
using ir::KernelContext;
using ir::NodeView;
using ir::TypeArguments;

// ---- kernel ------------------------------------------------------------------------------------

// The upper bound wins if the bounds cross, and NaN wins over all, as in ATen.
template <class T>
T raised(T x, T low) {
  return x < low || low != low ? low : x;
}
template <class T>
T lowered(T x, T high) {
  return x > high || high != high ? high : x;
}

/// A bound as T; none is one that no number passes. Integers beyond the result's type stay so.
template <class T>
T bound(const KernelArguments& arguments, std::size_t position, T none) {
  if (arguments.is_none(position)) return none;
  return number_argument<T>(arguments, position, dtype_of<T>());
}

Result<void> number_kernel(KernelContext& context, const KernelArguments& arguments,
                           std::span<Tensor> outputs) {
  return map_tensor<LoopTypes>(context, arguments.tensor(0), outputs[0], [&]<class T>() {
    using Limits = std::numeric_limits<T>;
    const T low =
        bound<T>(arguments, 1, Limits::has_infinity ? -Limits::infinity() : Limits::min());
    const T high =
        bound<T>(arguments, 2, Limits::has_infinity ? Limits::infinity() : Limits::max());
    return [=](T x) { return lowered(raised(x, low), high); };
  });
}

Result<void> tensor_kernel(KernelContext& context, const KernelArguments& arguments,
                           std::span<Tensor> outputs) {
  Tensor& out = outputs[0];
  const DType common = out.dtype();
  const Operand self(arguments.tensor(0), common);
  dispatch<LoopTypes>(self.loop(), [&]<class T>() {
    if (arguments.is_none(1)) {
      const Operand operands[] = {self, {arguments.tensor(2), common}};
      run_elementwise<T, T, T>(context, operands, out,
                               [](T x, T high) { return lowered(x, high); });
    } else if (arguments.is_none(2)) {
      const Operand operands[] = {self, {arguments.tensor(1), common}};
      run_elementwise<T, T, T>(context, operands, out, [](T x, T low) { return raised(x, low); });
    } else {
      const Operand operands[] = {
          self, {arguments.tensor(1), common}, {arguments.tensor(2), common}};
      run_elementwise<T, T, T, T>(context, operands, out,
                                  [](T x, T low, T high) { return lowered(raised(x, low), high); });
    }
  });
  return {};
}

// ---- shape -------------------------------------------------------------------------------------

Types infer_clamp(const TypeArguments& arguments) {
  if (arguments.is_none(1) && arguments.is_none(2)) {
    return fail(ErrorCode::kInvalidArgument, "arguments 'min' and 'max' are both none");
  }
  TRY(expect_known_types(arguments));
  const DType common = TRY(expect_common<RealTypes>(common_type(arguments, {0, 1, 2})));
  return std::vector{ir::TensorType{common, TRY(broadcast_all(arguments))}};
}

Types infer_hardtanh(const TypeArguments& arguments) {
  if (arguments.real(1) > arguments.real(2)) {
    return fail(ErrorCode::kInvalidArgument, "argument 'min_val' is {}, above 'max_val', {}",
                arguments.real(1), arguments.real(2));
  }
  return infer_same<RealTypes>(arguments);
}

// ---- XNNPACK -----------------------------------------------------------------------------------

float lower_bound(const NodeView& view) {
  return static_cast<float>(view.arguments.optional_real(1).value_or(-kInfinity));
}
float upper_bound(const NodeView& view) {
  return static_cast<float>(view.arguments.optional_real(2).value_or(kInfinity));
}

Reason check(const NodeView& view) {
  if (Reason reason = check_float_tensors(view)) return reason;
  if (lower_bound(view) < upper_bound(view)) return std::nullopt;
  return std::format("the lower bound {} is not below the upper bound {}", lower_bound(view),
                     upper_bound(view));
}

Result<void> lower(const NodeView& view, xnnpack::Builder& builder) {
  lower_clamp(view, builder, lower_bound(view), upper_bound(view));
  return {};
}

// ---- samples, declaration ----------------------------------------------------------------------

constexpr ir::Sample kClampSamples[] = {{"(f32[1,3,8,9], 0.0, 1.0)"}, {"(f32[37], -0.5, none)"},
                                        {"(f32[4,5], none, 0.25)"},   {"(f32[4,5], 0.5, -0.5)"},
                                        {"(f64[4,5], 0, 1)"},         {"(f16[9], -0.3, 0.7)"},
                                        {"(bf16[9], 0, none)"},       {"(i32[9], -3, 4)"},
                                        {"(i64[9], -3.5, 4.5)"},      {"(u8[9], 3, 7)"},
                                        {"(i8[], none, 2)"}};
constexpr ir::Sample kTensorSamples[] = {
    {"(f32[2,3,4], f32[3,1], f32[])"}, {"(f32[2,9], none, f32[9])"}, {"(f64[2,1], f32[9], none)"},
    {"(i32[9], i32[9], i64[])"},       {"(f16[9], f16[1], f16[9])"}, {"(u8[9], none, i8[9])"},
    {"(f32[0], f32[1], none)"}};
constexpr ir::Sample kHardtanhSamples[] = {{"(f32[1,3,8,9], 0.0, 6.0)"}, {"(f32[37], -0.5, 0.5)"},
                                           {"(f64[4,5], -1, 1)"},        {"(f16[7], -0.5, 1.5)"},
                                           {"(i32[9], -3, 4)"},          {"(u8[9], 0.0, 6.0)"}};

constexpr ir::Operator kOperators[] = {
    {.schema = "aten::clamp(Tensor self, Scalar? min=None, Scalar? max=None) -> Tensor",
     .out_name = "aten::clamp.out",
     .infer = infer_clamp,
     .kernel = number_kernel,
     .input_region = same_region,
     .xnnpack = {check, lower},
     .quantize = {.kind = ir::QuantKind::kClamp},
     .samples = kClampSamples},
    {.schema = "aten::clamp.Tensor(Tensor self, Tensor? min=None, Tensor? max=None) -> Tensor",
     .out_name = "aten::clamp.Tensor_out",
     .infer = infer_clamp,
     .kernel = tensor_kernel,
     .input_region = operand_region,
     .samples = kTensorSamples},
    {.schema = "aten::hardtanh(Tensor self, Scalar min_val=-1, Scalar max_val=1) -> Tensor",
     .out_name = "aten::hardtanh.out",
     .infer = infer_hardtanh,
     .kernel = number_kernel,
     .input_region = same_region,
     .xnnpack = {check, lower},
     .quantize = {.kind = ir::QuantKind::kClamp},
     .samples = kHardtanhSamples},
};

}  // namespace

std::span<const ir::Operator> clamp_operators() { return kOperators; }

}  // namespace tessera::ops
