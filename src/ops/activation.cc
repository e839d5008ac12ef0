// SPDX-License-Identifier: MIT
#include <cmath>
#include <numbers>

#include "ops/families.h"
#include "ops/unary_rules.h"
#include "ops/vector_math.h"

/// Activations of neural networks that have parameters; relu, sigmoid and tanh are in unary*.cc.
namespace tessera::ops {

namespace {

using ir::KernelArguments;
using ir::KernelContext;
using ir::NodeView;
using ir::Operator;
using ir::TypeArguments;
using xnnpack::NodeKind;

// ---- kernel ------------------------------------------------------------------------------------

Result<void> gelu_kernel(KernelContext& context, const KernelArguments& arguments,
                         std::span<Tensor> outputs) {
  const Tensor& in = arguments.tensor(0);
  if (arguments.text(1) == "none") {
    return map_tensor<FloatLoopTypes>(context, in, outputs[0], []<class T>() {
      return [](T x) { return x * T(0.5) * (1 + vector_erf(x * T(1 / std::numbers::sqrt2))); };
    });
  }
  return map_tensor<FloatLoopTypes>(context, in, outputs[0], []<class T>() {
    // Hendrycks and Gimpel, "Gaussian Error Linear Units", 2016: sqrt(2 / pi), 0.044715.
    constexpr T kScale = T(std::numbers::sqrt2 * std::numbers::inv_sqrtpi);
    return [](T x) {
      const T inner = kScale * (x + T(0.044715) * x * x * x);
      return T(0.5) * x * (1 + vector_tanh(inner));
    };
  });
}

Result<void> leaky_relu_kernel(KernelContext& context, const KernelArguments& arguments,
                               std::span<Tensor> outputs) {
  return map_tensor<FloatLoopTypes>(context, arguments.tensor(0), outputs[0], [&]<class T>() {
    const T slope = static_cast<T>(arguments.real(1));
    return [slope](T x) { return x > 0 ? x : x * slope; };
  });
}

Result<void> elu_kernel(KernelContext& context, const KernelArguments& arguments,
                        std::span<Tensor> outputs) {
  return map_tensor<FloatLoopTypes>(context, arguments.tensor(0), outputs[0], [&]<class T>() {
    const T below = static_cast<T>(arguments.real(1) * arguments.real(2));
    const T above = static_cast<T>(arguments.real(2));
    const T input_scale = static_cast<T>(arguments.real(3));
    return [=](T x) { return x < 0 ? vector_expm1(x * input_scale) * below : x * above; };
  });
}

/// The first half along `dim` times the sigmoid of the second.
Result<void> glu_kernel(KernelContext& context, const KernelArguments& arguments,
                        std::span<Tensor> outputs) {
  const Tensor& in = arguments.tensor(0);
  Tensor& out = outputs[0];
  if (out.num_elements() == 0) return {};
  const std::size_t dim = *normalize_dim(arguments.integer(1), in.rank(), "dim");
  std::int64_t outer = 1;
  for (std::size_t i = 0; i < dim; ++i) outer *= in.size(i);
  const Shape half{out.num_elements() / outer};
  const auto num_bytes = static_cast<std::size_t>(half[0]) * size_of(in.dtype());
  const auto part = [&](const Tensor& tensor, std::int64_t position) {
    const std::byte* data = tensor.bytes() + static_cast<std::size_t>(position) * num_bytes;
    return Tensor::view(in.dtype(), half, const_cast<std::byte*>(data));
  };
  for (std::int64_t i = 0; i < outer; ++i) {
    const Tensor values = part(in, 2 * i), gates = part(in, 2 * i + 1);
    Tensor result = part(out, i);
    const Operand operands[] = {{values, in.dtype()}, {gates, in.dtype()}};
    dispatch<FloatLoopTypes>(operands[0].loop(), [&]<class T>() {
      run_elementwise<T, T, T>(context, operands, result,
                               [](T value, T gate) { return value * vector_sigmoid(gate); });
    });
  }
  return {};
}

// ---- shape -------------------------------------------------------------------------------------

Types infer_gelu(const TypeArguments& arguments) {
  if (arguments.text(1) != "none" && arguments.text(1) != "tanh") {
    return fail(ErrorCode::kInvalidArgument,
                "argument 'approximate' is \"{}\", expected \"none\" or \"tanh\"",
                arguments.text(1));
  }
  return infer_same<FloatTypes>(arguments);
}

Types infer_glu(const TypeArguments& arguments) {
  const auto& self = arguments.tensor(0);
  TRY(expect_types<FloatTypes>(self, "self"));
  TRY(expect_rank(self, "self", 1, Shape::kMaxRank));
  const std::int64_t number = TRY(integer_argument(arguments, 1, "dim"));
  const std::size_t dim = TRY(normalize_dim(number, self.rank(), "dim"));
  const ir::Dim half = floor_div(self.dims[dim], ir::Dim(2));
  TRY(expect_equal(half * ir::Dim(2), "twice its half", self.dims[dim],
                   "the size of argument 'self' along 'dim'"));
  ir::TensorType result = self;
  result.dims[dim] = half;
  return std::vector{std::move(result)};
}

// ---- region ------------------------------------------------------------------------------------

/// Along `dim` all: where the second half begins depends on the size.
Region glu_region(const ir::RegionQuery& query) {
  const auto shape = ir::constant_shape(query.arguments.tensor(0));
  CHECK(shape.has_value());
  const std::size_t dim = *normalize_dim(query.arguments.integer(1), shape->rank(), "dim");
  Region region = query.output_region;
  region[dim] = {0, (*shape)[dim]};
  return region;
}

// ---- XNNPACK -----------------------------------------------------------------------------------

constexpr ir::XnnpackRule kGeluRule = {
    .check = [](const NodeView& view) -> Reason {
      if (view.arguments.text(1) != "none") return "the approximation is by tanh";
      return check_float_tensors(view);
    },
    .lower = [](const NodeView& view, xnnpack::Builder& builder) -> Result<void> {
      lower_elementwise(view, builder, NodeKind::kGelu, {0});
      return {};
    }};

constexpr ir::XnnpackRule kLeakyReluRule = {
    .check = [](const NodeView& view) -> Reason {
      if (!std::isfinite(static_cast<float>(view.arguments.real(1)))) {
        return "the slope is not finite";
      }
      return check_float_tensors(view);
    },
    .lower = [](const NodeView& view, xnnpack::Builder& builder) -> Result<void> {
      lower_node(view, builder, NodeKind::kLeakyReLU, builder.layout_of(operand(view, 0)),
                 xnnpack::SlopeParams{.slope = static_cast<float>(view.arguments.real(1))});
      return {};
    }};

/// XNNPACK has a kernel instead of a table, with factors of 8 fractional bits.
Reason check_leaky_relu_scales(const NodeView& view, std::span<const float> operands,
                               float result) {
  const float positive = operands[0] / result;
  const float negative = positive * std::abs(static_cast<float>(view.arguments.real(1)));
  const auto fits = [](float ratio) { return ratio >= 0x1p-8f && ratio <= 0x1p6f; };
  if (fits(positive) && fits(negative)) return std::nullopt;
  return std::format("scale {} is too far from the result's {}", operands[0], result);
}

// ---- samples, declaration ----------------------------------------------------------------------

constexpr ir::Sample kGeluSamples[] = {{"(f32[1,3,8,9], \"none\")"}, {"(f32[1,3,8,9], \"tanh\")"},
                                       {"(f64[2,5], \"none\")"},     {"(f64[2,5], \"tanh\")"},
                                       {"(f16[7], \"none\")"},       {"(bf16[7], \"tanh\")"},
                                       {"(f32[], \"none\")"}};
constexpr ir::Sample kLeakySamples[] = {
    {"(f32[1,3,8,9], 0.01)"}, {"(f64[7], -0.5)"}, {"(f16[7], 2)"}, {"(bf16[0], 0.01)"}};
constexpr ir::Sample kEluSamples[] = {{"(f32[1,3,8,9], 1, 1, 1)"},
                                      {"(f32[37], 0.5, 2, 0.25)"},
                                      {"(f64[7], 1.5, 1, 1)"},
                                      {"(f16[7], 1, 1.5, 1)"},
                                      {"(bf16[], 1, 1, 1)"}};
constexpr ir::Sample kGluSamples[] = {{"(f32[2,6,3,4], 1)"}, {"(f32[2,6], -1)"}, {"(f64[4,3], 0)"},
                                      {"(f16[2,2,3], 1)"},   {"(bf16[8], 0)"},   {"(f32[2,0], 1)"}};

constexpr Operator kOperators[] = {
    {.schema = "aten::gelu(Tensor self, *, str approximate=\"none\") -> Tensor",
     .out_name = "aten::gelu.out",
     .infer = infer_gelu,
     .kernel = gelu_kernel,
     .input_region = same_region,
     .xnnpack = kGeluRule,
     .quantize = {.kind = ir::QuantKind::kLookup},
     .samples = kGeluSamples},
    {.schema = "aten::leaky_relu(Tensor self, Scalar negative_slope=0.01) -> Tensor",
     .out_name = "aten::leaky_relu.out",
     .infer = infer_same<FloatTypes>,
     .kernel = leaky_relu_kernel,
     .input_region = same_region,
     .xnnpack = kLeakyReluRule,
     .quantize = {.kind = ir::QuantKind::kLookup, .check = check_leaky_relu_scales},
     .samples = kLeakySamples},
    {.schema = "aten::elu(Tensor self, Scalar alpha=1, Scalar scale=1, Scalar input_scale=1) -> "
               "Tensor",
     .out_name = "aten::elu.out",
     .infer = infer_same<FloatTypes>,
     .kernel = elu_kernel,
     .input_region = same_region,
     .samples = kEluSamples},
    {.schema = "aten::glu(Tensor self, int dim=-1) -> Tensor",
     .out_name = "aten::glu.out",
     .infer = infer_glu,
     .kernel = glu_kernel,
     .input_region = glu_region,
     .samples = kGluSamples},
};

}  // namespace

std::span<const Operator> activation_operators() { return kOperators; }

}  // namespace tessera::ops
