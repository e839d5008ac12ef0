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

template <std::size_t kNumSpatial>
struct TransposedConvolution {
  static constexpr std::string_view kCore = "aten::convolution";
  template <class A>
  static Result<std::vector<A>> map(std::span<const A> a, const TensorType& input) {
    TRY(expect_rank(input, "input", kNumSpatial + 2, kNumSpatial + 2));
    return std::vector<A>{a[0], a[1], a[2], a[3], a[4], a[7], A(true), a[5], a[6]};
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

// ---- samples, declaration ----------------------------------------------------------------------

constexpr ir::Sample kConv2dSamples[] = {
    {"(f32[1,3,8,9], f32[4,3,3,3], f32[4], [1,1], [1,1], [1,1], 1)"},
    {"(f32[1,4,8,9], f32[4,1,3,3], none, [2,2], [0,0], [1,1], 4)"}};
constexpr ir::Sample kConv1dSamples[] = {{"(f32[1,3,18], f32[4,3,3], f32[4], [2], [1], [1], 1)"}};
constexpr ir::Sample kTransposed2dSamples[] = {
    {"(f32[1,3,8,9], f32[3,4,2,2], f32[4], [2,2], [0,0], [0,0], 1, [1,1])"}};
constexpr ir::Sample kTransposed1dSamples[] = {
    {"(f32[1,3,8], f32[3,4,3], none, [2], [1], [1], 1, [1])"}};
constexpr ir::Sample kBatchNormSamples[] = {
    {"(f32[2,3,5,6], f32[3], f32[3], f32[3], f32[3], false, 0.1, 1e-05, true)"}};
constexpr ir::Sample kDropoutSamples[] = {{"(f32[2,3], 0.5, false)"}};

constexpr ir::Operator kOperators[] = {
    composite<Convolution<2>>(
        "aten::conv2d(Tensor input, Tensor weight, Tensor? bias=None, SymInt[2] stride=1, "
        "SymInt[2] padding=0, SymInt[2] dilation=1, SymInt groups=1) -> Tensor",
        kConv2dSamples),
    composite<Convolution<1>>(
        "aten::conv1d(Tensor input, Tensor weight, Tensor? bias=None, SymInt[1] stride=1, "
        "SymInt[1] padding=0, SymInt[1] dilation=1, SymInt groups=1) -> Tensor",
        kConv1dSamples),
    composite<TransposedConvolution<2>>(
        "aten::conv_transpose2d.input(Tensor input, Tensor weight, Tensor? bias=None, SymInt[2] "
        "stride=1, SymInt[2] padding=0, SymInt[2] output_padding=0, SymInt groups=1, SymInt[2] "
        "dilation=1) -> Tensor",
        kTransposed2dSamples),
    composite<TransposedConvolution<1>>(
        "aten::conv_transpose1d(Tensor input, Tensor weight, Tensor? bias=None, SymInt[1] "
        "stride=1, SymInt[1] padding=0, SymInt[1] output_padding=0, SymInt groups=1, SymInt[1] "
        "dilation=1) -> Tensor",
        kTransposed1dSamples),
    composite<BatchNorm>(
        "aten::batch_norm(Tensor input, Tensor? weight, Tensor? bias, Tensor? running_mean, "
        "Tensor? running_var, bool training, float momentum, float eps, bool cudnn_enabled) -> "
        "Tensor",
        kBatchNormSamples),
    composite<Dropout>("aten::dropout(Tensor input, float p, bool train) -> Tensor",
                       kDropoutSamples),
};

}  // namespace

std::span<const ir::Operator> composite_layer_operators() { return kOperators; }

}  // namespace tessera::ops
