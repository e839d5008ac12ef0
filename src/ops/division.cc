// SPDX-License-Identifier: MIT
#include <atomic>
#include <cmath>

#include "ops/binary_rules.h"
#include "ops/families.h"

/// Quotients that are rounded, and remainders. An integer divided by 0 is an error.
namespace tessera::ops {

namespace {

using ir::KernelArguments;
using ir::KernelContext;
using ir::Operator;
using ir::TypeArguments;

// ---- kernel ------------------------------------------------------------------------------------

// Each has `of` for real numbers and for integers, whose divisor is neither 0 nor -1.

/// Rounded down; from the remainder, which is exact, as ATen and Python do it.
struct FloorQuotient {
  template <class T>
  static T of(T a, T b) {
    if constexpr (std::is_integral_v<T>) {
      return static_cast<T>(a / b - (a % b != 0 && (a < 0) != (b < 0) ? 1 : 0));
    } else {
      if (b == 0) return a / b;
      const T rest = std::fmod(a, b);
      T quotient = (a - rest) / b;
      if (rest != 0 && (b < 0) != (rest < 0)) quotient -= 1;
      if (quotient == 0) return std::copysign(T(0), a / b);
      const T floor = std::floor(quotient);
      return quotient - floor > T(0.5) ? floor + 1 : floor;
    }
  }
};

/// Rounded towards 0.
struct TruncatedQuotient {
  template <class T>
  static T of(T a, T b) {
    if constexpr (std::is_integral_v<T>) return static_cast<T>(a / b);
    return std::trunc(a / b);
  }
};

/// The remainder of the truncated quotient: of a's sign.
struct TruncatedRemainder {
  template <class T>
  static T of(T a, T b) {
    if constexpr (std::is_integral_v<T>) {
      return static_cast<T>(a % b);
    } else {
      return std::fmod(a, b);
    }
  }
};

/// The remainder of the quotient rounded down: of b's sign.
struct FloorRemainder {
  template <class T>
  static T of(T a, T b) {
    const T rest = TruncatedRemainder::of(a, b);
    return rest != 0 && (rest < 0) != (b < 0) ? static_cast<T>(rest + b) : rest;
  }
};

template <class Function>
inline constexpr bool kIsQuotient =
    std::is_same_v<Function, FloorQuotient> || std::is_same_v<Function, TruncatedQuotient>;

template <class Function>
Result<void> divide(KernelContext& context, const KernelArguments& arguments, Tensor& out) {
  std::atomic<bool> has_zero = false;
  TRY(combine<LoopTypes>(context, arguments, out, out.dtype(), [&]<class T>() {
    return [&has_zero](T a, T b) -> T {
      if constexpr (std::is_integral_v<T>) {
        if (b == 0) has_zero.store(true, std::memory_order_relaxed);
        // The smallest integer divided by -1 wraps around to itself.
        if (b == -1) return kIsQuotient<Function> ? wrapping(T(0), a, std::minus()) : T(0);
        return b == 0 ? T(0) : Function::of(a, b);
      } else {
        static_cast<void>(has_zero);
        return Function::of(a, b);
      }
    };
  }));
  if (!has_zero) return {};
  return fail(ErrorCode::kInvalidArgument, "an integer is divided by 0");
}

template <class Function>
Result<void> division_kernel(KernelContext& context, const KernelArguments& arguments,
                             std::span<Tensor> outputs) {
  return divide<Function>(context, arguments, outputs[0]);
}

Result<void> mode_kernel(KernelContext& context, const KernelArguments& arguments,
                         std::span<Tensor> outputs) {
  if (arguments.is_none(2)) {
    return combine<FloatLoopTypes>(context, arguments, outputs[0], outputs[0].dtype(),
                                   []<class T>() { return [](T a, T b) { return a / b; }; });
  }
  if (arguments.text(2) == "floor") return divide<FloorQuotient>(context, arguments, outputs[0]);
  return divide<TruncatedQuotient>(context, arguments, outputs[0]);
}

// ---- shape -------------------------------------------------------------------------------------

Result<void> expect_no_zero(const TypeArguments& arguments, DType common) {
  if (std::holds_alternative<const ir::TensorType*>(arguments[1]) || is_float(common)) return {};
  if (arguments.real(1) != 0) return {};
  return fail(ErrorCode::kInvalidArgument, "argument 'other' is 0, but the result is {}",
              name_of(common));
}

Types infer_division(const TypeArguments& arguments) {
  const auto types = TRY(infer_common<RealTypes>(arguments));
  TRY(expect_no_zero(arguments, types[0].dtype));
  return types;
}

Types infer_mode(const TypeArguments& arguments) {
  if (arguments.is_none(2)) return infer_common_float(arguments);
  if (arguments.text(2) == "floor" || arguments.text(2) == "trunc") {
    return infer_division(arguments);
  }
  return fail(ErrorCode::kInvalidArgument,
              "argument 'rounding_mode' is \"{}\", expected none, \"floor\" or \"trunc\"",
              arguments.text(2));
}

// ---- samples, declaration ----------------------------------------------------------------------

// Integer divisors are short: their pseudo-random elements must not be 0.
constexpr ir::Sample kTensorSamples[] = {{"(f32[1,3,2,9], f32[1,3,1,1])"},
                                         {"(f64[2,7], f64[7])"},
                                         {"(f16[9], f16[1])"},
                                         {"(i32[2,9], i32[2,1])"},
                                         {"(i64[7], i64[])"},
                                         {"(u8[17], u8[1])"},
                                         {"(i8[17], i16[])"},
                                         {"(i64[9], f32[9])"},
                                         {"(f32[0], i8[])"}};
constexpr ir::Sample kScalarSamples[] = {{"(f32[2,9], 0.75)"}, {"(f64[7], -3)"},  {"(i32[19], 3)"},
                                         {"(u8[17], 7)"},      {"(i64[9], 1.5)"}, {"(i8[17], -4)"},
                                         {"(f16[9], 0.5)"},    {"(i16[], -1)"}};
constexpr ir::Sample kModeSamples[] = {{"(f32[1,3,2,9], f32[1,3,1,1], \"floor\")"},
                                       {"(f64[2,7], f64[7], \"trunc\")"},
                                       {"(f32[9], f32[9], none)"},
                                       {"(i32[2,9], i32[2,1], \"floor\")"},
                                       {"(i64[7], i64[], \"trunc\")"},
                                       {"(u8[17], u8[1], \"floor\")"},
                                       {"(i8[17], i16[], none)"}};
constexpr ir::Sample kScalarModeSamples[] = {
    {"(f32[2,9], 0.75, \"floor\")"}, {"(f64[7], -3, \"trunc\")"}, {"(i32[19], 3, \"floor\")"},
    {"(i64[9], -4, \"trunc\")"},     {"(i64[9], 4, none)"},       {"(u8[17], 7, \"floor\")"}};

constexpr Operator division(std::string_view schema, std::string_view out_name, ir::KernelFn kernel,
                            std::span<const ir::Sample> samples,
                            ir::InferFn infer = infer_division) {
  return {.schema = schema,
          .out_name = out_name,
          .infer = infer,
          .kernel = kernel,
          .input_region = operand_region,
          .samples = samples};
}

// clang-format off: one line per operator
constexpr Operator kOperators[] = {
    division("aten::div.Tensor_mode(Tensor self, Tensor other, *, str? rounding_mode) -> Tensor", "aten::div.out_mode", mode_kernel, kModeSamples, infer_mode),
    division("aten::div.Scalar_mode(Tensor self, Scalar other, *, str? rounding_mode) -> Tensor", "aten::div.Scalar_mode_out", mode_kernel, kScalarModeSamples, infer_mode),
    division("aten::floor_divide(Tensor self, Tensor other) -> Tensor", "aten::floor_divide.out", division_kernel<FloorQuotient>, kTensorSamples),
    division("aten::fmod.Tensor(Tensor self, Tensor other) -> Tensor", "aten::fmod.Tensor_out", division_kernel<TruncatedRemainder>, kTensorSamples),
    division("aten::fmod.Scalar(Tensor self, Scalar other) -> Tensor", "aten::fmod.Scalar_out", division_kernel<TruncatedRemainder>, kScalarSamples),
    division("aten::remainder.Tensor(Tensor self, Tensor other) -> Tensor", "aten::remainder.Tensor_out", division_kernel<FloorRemainder>, kTensorSamples),
    division("aten::remainder.Scalar(Tensor self, Scalar other) -> Tensor", "aten::remainder.Scalar_out", division_kernel<FloorRemainder>, kScalarSamples),
};
// clang-format on

}  // namespace

std::span<const Operator> division_operators() { return kOperators; }

}  // namespace tessera::ops
