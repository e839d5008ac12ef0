// SPDX-License-Identifier: MIT
#include "ops/composite.h"
#include "ops/families.h"
#include "ops/shape_rules.h"

/// Layers of the training IR as calls of core operators.
namespace tessera::ops {

namespace {

using ir::Dim;
using ir::Dims;
using ir::TensorType;

template <std::size_t kNumSpatial>
struct Convolution {
  static constexpr std::string_view kCore = "aten::convolution";
  template <class A>
  static Result<std::vector<A>> map(std::span<const A> a, const TensorType& input) {
    TRY(expect_rank(input, "input", kNumSpatial + 2, kNumSpatial + 2));
    const A output_padding = Dims(kNumSpatial, Dim(0));
    return std::vector<A>{a[0], a[1], a[2], a[3], a[4], a[5], A(false), output_padding, a[6]};
  }
};

Result<void> expect_false(bool value, std::string_view name) {
  if (!value) return {};
  return fail(ErrorCode::kNotSupported,
              "argument '{}' is true, expected false (export the model in eval mode)", name);
}

struct BatchNorm {
  static constexpr std::string_view kCore = "aten::_native_batch_norm_legit_no_training";
  template <class A>
  static Result<std::vector<A>> map(std::span<const A> a, const TensorType&) {
    TRY(expect_false(std::get<bool>(a[5]), "training"));
    for (const std::size_t position : {std::size_t{3}, std::size_t{4}}) {
      if (std::holds_alternative<std::monostate>(a[position])) {
        return fail(ErrorCode::kNotSupported, "argument '{}' is none",
                    position == 3 ? "running_mean" : "running_var");
      }
    }
    return std::vector<A>{a[0], a[1], a[2], a[3], a[4], a[6], a[7]};
  }
};

struct Dropout {
  static constexpr std::string_view kCore = "aten::clone";
  template <class A>
  static Result<std::vector<A>> map(std::span<const A> a, const TensorType&) {
    TRY(expect_false(std::get<bool>(a[2]), "train"));
    return std::vector<A>{a[0], A()};
  }
};

struct MaxPool2d {
  static constexpr std::string_view kCore = "aten::max_pool2d_with_indices";
  template <class A>
  static Result<std::vector<A>> map(std::span<const A> a, const TensorType&) {
    return std::vector<A>(a.begin(), a.end());
  }
};

struct AdaptiveAvgPool2d {
  static constexpr std::string_view kCore = "aten::mean.dim";
  template <class A>
  static Result<std::vector<A>> map(std::span<const A> a, const TensorType& self) {
    TRY(expect_rank(self, "self", 3, 4));
    for (const Dim& size : std::get<Dims>(a[1])) {
      if (size == Dim(1)) continue;
      return fail(ErrorCode::kNotSupported, "argument 'output_size' is {}, expected [1, 1]",
                  to_string(std::get<Dims>(a[1])));
    }
    return std::vector<A>{a[0], A(Dims{-1, -2}), A(true), A()};
  }
};

struct Relu6 {
  static constexpr std::string_view kCore = "aten::hardtanh";
  template <class A>
  static Result<std::vector<A>> map(std::span<const A> a, const TensorType&) {
    return std::vector<A>{a[0], A(0.0), A(6.0)};
  }
};

// ---- linear: several nodes ---------------------------------------------------------------------

Result<std::vector<TensorType>> infer_linear(const ir::TypeArguments& arguments) {
  const TensorType& input = arguments.tensor(0);
  const TensorType& weight = arguments.tensor(1);
  TRY(expect_float(input, "input"));
  TRY(expect_same_dtype(input, "input", weight, "weight"));
  TRY(expect_rank(input, "input", 1, Shape::kMaxRank));
  TRY(expect_rank(weight, "weight", 2, 2));
  TRY(expect_equal(weight.dims[1], "size 1 of argument 'weight'", input.dims.back(),
                   "the last size of argument 'input'"));
  if (const TensorType* bias = arguments.optional_tensor(2)) {
    TRY(expect_same_dtype(input, "input", *bias, "bias"));
    TRY(expect_rank(*bias, "bias", 1, 1));
    TRY(expect_equal(weight.dims[0], "size 0 of argument 'weight'", bias->dims[0],
                     "size of argument 'bias'"));
  }
  TensorType result = input;
  result.dims.back() = weight.dims[0];
  return std::vector{std::move(result)};
}

/// [addmm or mm](input, weight transposed), with the input seen as a matrix.
Result<void> decompose_linear(ir::Graph& graph, ir::NodeId id) {
  const ir::Node node = graph.node(id);
  const auto add = [&](std::string_view name, std::vector<ir::Argument> arguments) {
    return graph.add_call(*find_operator(name), std::move(arguments), node.origin, id);
  };
  const Dims sizes = graph.value(std::get<ir::ValueId>(node.arguments[0])).type.dims;
  const bool is_matrix = sizes.size() == 2;
  ir::Argument input = node.arguments[0];
  if (!is_matrix) {
    const Dims rows(sizes.begin(), sizes.end() - 1);
    input = TRY(add("aten::view_copy", {input, Dims{num_elements(rows), sizes.back()}}));
  }
  const ir::ValueId weight = TRY(add("aten::permute_copy", {node.arguments[1], Dims{1, 0}}));
  const bool has_bias = !std::holds_alternative<std::monostate>(node.arguments[2]);
  std::vector<ir::Argument> product = {input, weight};
  if (has_bias) product = {node.arguments[2], input, weight, Dim(1), Dim(1)};
  const ir::Operator& core = *find_operator(has_bias ? "aten::addmm" : "aten::mm");
  if (is_matrix) return replace_node(graph, id, core, std::move(product));
  const ir::ValueId matrix = TRY(graph.add_call(core, std::move(product), node.origin, id));
  return replace_node(graph, id, *find_operator("aten::view_copy"),
                      {matrix, graph.value(node.results[0]).type.dims});
}

// ---- samples, declaration ----------------------------------------------------------------------

constexpr ir::Sample kConv2dSamples[] = {
    {"(f32[1,3,8,9], f32[4,3,3,3], f32[4], [1,1], [1,1], [1,1], 1)"},
    {"(f32[1,4,8,9], f32[4,1,3,3], none, [2,2], [0,0], [1,1], 4)"}};
constexpr ir::Sample kConv1dSamples[] = {{"(f32[1,3,18], f32[4,3,3], f32[4], [2], [1], [1], 1)"}};
constexpr ir::Sample kBatchNormSamples[] = {
    {"(f32[2,3,5,6], f32[3], f32[3], f32[3], f32[3], false, 0.1, 1e-05, true)"}};
constexpr ir::Sample kDropoutSamples[] = {{"(f32[2,3], 0.5, false)"}};
constexpr ir::Sample kLinearSamples[] = {{"(f32[3,5], f32[4,5], f32[4])"},
                                         {"(f32[2,3,5], f32[4,5], none)"},
                                         {"(f32[5], f32[4,5], f32[4])"}};
constexpr ir::Sample kMaxPoolSamples[] = {{"(f32[1,2,8,9], [2,2], [], [0,0], [1,1], false)"}};
constexpr ir::Sample kAdaptivePoolSamples[] = {{"(f32[2,3,5,6], [1,1])"}};
constexpr ir::Sample kRelu6Samples[] = {{"(f32[2,3,5,6])"}};

constexpr ir::Operator kOperators[] = {
    composite<Convolution<2>>(
        "aten::conv2d(Tensor input, Tensor weight, Tensor? bias=None, SymInt[2] stride=1, "
        "SymInt[2] padding=0, SymInt[2] dilation=1, SymInt groups=1) -> Tensor",
        kConv2dSamples),
    composite<Convolution<1>>(
        "aten::conv1d(Tensor input, Tensor weight, Tensor? bias=None, SymInt[1] stride=1, "
        "SymInt[1] padding=0, SymInt[1] dilation=1, SymInt groups=1) -> Tensor",
        kConv1dSamples),
    composite<BatchNorm>(
        "aten::batch_norm(Tensor input, Tensor? weight, Tensor? bias, Tensor? running_mean, "
        "Tensor? running_var, bool training, float momentum, float eps, bool cudnn_enabled) -> "
        "Tensor",
        kBatchNormSamples),
    composite<Dropout>("aten::dropout(Tensor input, float p, bool train) -> Tensor",
                       kDropoutSamples),
    composite<MaxPool2d>(
        "aten::max_pool2d(Tensor self, int[2] kernel_size, int[2] stride=[], int[2] padding=0, "
        "int[2] dilation=1, bool ceil_mode=False) -> Tensor",
        kMaxPoolSamples),
    composite<AdaptiveAvgPool2d>(
        "aten::adaptive_avg_pool2d(Tensor self, SymInt[2] output_size) -> Tensor",
        kAdaptivePoolSamples),
    composite<Relu6>("aten::relu6(Tensor self) -> Tensor", kRelu6Samples),
    {.schema = "aten::linear(Tensor input, Tensor weight, Tensor? bias=None) -> Tensor",
     .infer = infer_linear,
     .decompose = decompose_linear,
     .samples = kLinearSamples},
};

}  // namespace

std::span<const ir::Operator> composite_layer_operators() { return kOperators; }

}  // namespace tessera::ops
