// SPDX-License-Identifier: MIT
#include "base/try.h"
#include "ops/dispatch.h"
#include "ops/families.h"
#include "ops/same_shape.h"
#include "ops/shape_rules.h"
#include "ops/xnnpack_rules.h"

/// Operators that restrict every element to a range; relu is in unary.cc.
namespace tessera::ops {

namespace {

using ir::KernelArguments;
using ir::KernelContext;
using ir::NodeView;
using ir::TypeArguments;
using Types = Result<std::vector<ir::TensorType>>;

// ---- kernel ------------------------------------------------------------------------------------

Result<void> kernel(KernelContext& context, const KernelArguments& arguments,
                    std::span<Tensor> outputs) {
  const Tensor& in = arguments.tensor(0);
  dispatch<TypeList<float, double>>(in.dtype(), [&]<class T>() {
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    const T low = static_cast<T>(arguments.optional_real(1).value_or(-kInfinity));
    const T high = static_cast<T>(arguments.optional_real(2).value_or(kInfinity));
    // The upper bound wins if the bounds cross, and NaN stays NaN, as in ATen.
    map_elements(context, in.data<T>(), outputs[0].data<T>(), in.num_elements(), [=](T x) {
      const T raised = x < low ? low : x;
      return raised > high ? high : raised;
    });
  });
  return {};
}

// ---- shape -------------------------------------------------------------------------------------

Types infer_clamp(const TypeArguments& arguments) {
  TRY(expect_float(arguments.tensor(0), "self"));
  if (arguments.is_none(1) && arguments.is_none(2)) {
    return fail(ErrorCode::kInvalidArgument, "arguments 'min' and 'max' are both none");
  }
  return std::vector{arguments.tensor(0)};
}

Types infer_hardtanh(const TypeArguments& arguments) {
  TRY(expect_float(arguments.tensor(0), "self"));
  if (arguments.real(1) > arguments.real(2)) {
    return fail(ErrorCode::kInvalidArgument, "argument 'min_val' is {}, above 'max_val', {}",
                arguments.real(1), arguments.real(2));
  }
  return std::vector{arguments.tensor(0)};
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

constexpr ir::Sample kClampSamples[] = {{"(f32[1,3,8,9], 0.0, 1.0)"},
                                        {"(f32[37], -0.5, none)"},
                                        {"(f32[4,5], none, 0.25)"},
                                        {"(f32[4,5], 0.5, -0.5)"},
                                        {"(f64[4,5], 0, 1)"}};
constexpr ir::Sample kHardtanhSamples[] = {
    {"(f32[1,3,8,9], 0.0, 6.0)"}, {"(f32[37], -0.5, 0.5)"}, {"(f64[4,5], -1, 1)"}};

constexpr ir::Operator kOperators[] = {
    {.schema = "aten::clamp(Tensor self, Scalar? min=None, Scalar? max=None) -> Tensor",
     .out_name = "aten::clamp.out",
     .infer = infer_clamp,
     .kernel = kernel,
     .input_region = same_region,
     .xnnpack = {check, lower},
     .samples = kClampSamples},
    {.schema = "aten::hardtanh(Tensor self, Scalar min_val=-1, Scalar max_val=1) -> Tensor",
     .out_name = "aten::hardtanh.out",
     .infer = infer_hardtanh,
     .kernel = kernel,
     .input_region = same_region,
     .xnnpack = {check, lower},
     .samples = kHardtanhSamples},
};

}  // namespace

std::span<const ir::Operator> clamp_operators() { return kOperators; }

}  // namespace tessera::ops
