// SPDX-License-Identifier: MIT
#include <cmath>
#include <functional>

#include "ops/binary_rules.h"
#include "ops/families.h"

namespace tessera::ops {

namespace {

using ir::KernelArguments;
using ir::KernelContext;
using ir::NodeView;
using ir::Operator;
using ir::TypeArguments;

// ---- kernel ------------------------------------------------------------------------------------

/// Integers wrap around; with a negative exponent only 1 and -1 have a power that is whole, and
/// the others give 0 (as in ATen).
template <class T>
T integer_power(T base, T exponent) {
  if (exponent < 0) {
    if (base == 1) return 1;
    if (base == -1) return exponent % 2 == 0 ? 1 : -1;
    return 0;
  }
  T result = 1;
  for (; exponent > 0; exponent >>= 1) {
    if (exponent % 2 != 0) result = wrapping(result, base, std::multiplies());
    base = wrapping(base, base, std::multiplies());
  }
  return result;
}

struct Power {
  template <class T>
  T operator()(T base, T exponent) const {
    if constexpr (std::is_integral_v<T>) {
      return integer_power(base, exponent);
    } else {
      return std::pow(base, exponent);
    }
  }
};

/// Powers that are products, quotients or roots vectorize.
template <class Function>
Result<void> map_base(KernelContext& context, const KernelArguments& arguments, Tensor& out,
                      Function function) {
  const Operand operands[] = {{arguments.tensor(0), out.dtype()}};
  dispatch<FloatLoopTypes>(operands[0].loop(), [&]<class T>() {
    run_elementwise<T, T>(context, operands, out, function);
  });
  return {};
}

Result<void> power_kernel(KernelContext& context, const KernelArguments& arguments,
                          std::span<Tensor> outputs) {
  Tensor& out = outputs[0];
  return combine<LoopTypes>(context, arguments, out, out.dtype(),
                            []<class T>() { return Power(); });
}

Result<void> constant_power_kernel(KernelContext& context, const KernelArguments& arguments,
                                   std::span<Tensor> outputs) {
  Tensor& out = outputs[0];
  const double exponent = arguments.real(1);
  if (is_float(out.dtype())) {
    if (exponent == 2) return map_base(context, arguments, out, [](auto x) { return x * x; });
    if (exponent == 3) return map_base(context, arguments, out, [](auto x) { return x * x * x; });
    if (exponent == 0.5) {
      return map_base(context, arguments, out, [](auto x) { return std::sqrt(x); });
    }
    if (exponent == -0.5) {
      return map_base(context, arguments, out, [](auto x) { return 1 / std::sqrt(x); });
    }
    if (exponent == -1) return map_base(context, arguments, out, [](auto x) { return 1 / x; });
  }
  return power_kernel(context, arguments, outputs);
}

// ---- shape -------------------------------------------------------------------------------------

Types infer_constant_power(const TypeArguments& arguments) {
  const auto types = TRY(infer_common<RealTypes>(arguments));
  if (!is_float(types[0].dtype) && arguments.real(1) < 0) {
    return fail(ErrorCode::kInvalidArgument, "argument 'exponent' is {}, but the result is {}",
                arguments.real(1), name_of(types[0].dtype));
  }
  return types;
}

// ---- XNNPACK -----------------------------------------------------------------------------------

constexpr ir::XnnpackRule kSquareRule = {
    .check = [](const NodeView& view) -> Reason {
      if (view.arguments.real(1) != 2) {
        return std::format("the exponent is {}, not 2", view.arguments.real(1));
      }
      return check_float_tensors(view);
    },
    .lower = [](const NodeView& view, xnnpack::Builder& builder) -> Result<void> {
      lower_elementwise(view, builder, xnnpack::NodeKind::kSquare, {0});
      return {};
    }};

// ---- samples, declaration ----------------------------------------------------------------------

constexpr ir::Sample kTensorSamples[] = {{"(f32[1,3,2,9], f32[1,3,1,1])"},
                                         {"(f64[2,7], f64[7])"},
                                         {"(f16[9], f16[1])"},
                                         {"(i32[2,9], i32[9])"},
                                         {"(i64[7], i64[])"},
                                         {"(u8[17], u8[17])"},
                                         {"(i64[9], f32[9])"},
                                         {"(f32[0], i8[])"}};
constexpr ir::Sample kExponentSamples[] = {
    {"(f32[1,3,2,9], 2)"}, {"(f32[9], 0.5)"}, {"(f32[9], 3)"}, {"(f32[9], -1)"},
    {"(f32[9], -0.5)"},    {"(f64[9], -2)"},  {"(f16[9], 2)"}, {"(i32[9], 3)"},
    {"(u8[9], 4)"},        {"(i64[9], 1.5)"}, {"(i8[9], 5)"},  {"(bf16[9], 1.5)"}};
constexpr ir::Sample kBaseSamples[] = {
    {"(2, f32[2,9])"}, {"(1.5, f64[9])"}, {"(3, u8[9])"}, {"(-1, i32[9])"}, {"(0.5, i64[9])"}};

constexpr Operator kOperators[] = {
    {.schema = "aten::pow.Tensor_Tensor(Tensor self, Tensor exponent) -> Tensor",
     .out_name = "aten::pow.Tensor_Tensor_out",
     .infer = infer_common<RealTypes>,
     .kernel = power_kernel,
     .input_region = operand_region,
     .samples = kTensorSamples},
    {.schema = "aten::pow.Tensor_Scalar(Tensor self, Scalar exponent) -> Tensor",
     .out_name = "aten::pow.Tensor_Scalar_out",
     .infer = infer_constant_power,
     .kernel = constant_power_kernel,
     .input_region = operand_region,
     .xnnpack = kSquareRule,
     .samples = kExponentSamples},
    {.schema = "aten::pow.Scalar(Scalar self, Tensor exponent) -> Tensor",
     .out_name = "aten::pow.Scalar_out",
     .infer = infer_common<RealTypes>,
     .kernel = power_kernel,
     .input_region = operand_region,
     .samples = kBaseSamples},
};

}  // namespace

std::span<const Operator> power_operators() { return kOperators; }

}  // namespace tessera::ops
