// SPDX-License-Identifier: MIT
#include "ops/composite.h"
#include "ops/expression.h"
#include "ops/families.h"

/// Normalizations and softmax of the training IR as calls of core operators.
namespace tessera::ops {

namespace {

using ir::Dim;
using ir::Dims;
using ir::TensorType;

/// Arguments of native_group_norm, which are told the sizes that the input has anyway.
template <class A>
Result<std::vector<A>> group_norm_arguments(const TensorType& input, const A& tensor,
                                            const A& weight, const A& bias, const Dim& groups,
                                            const A& eps) {
  TRY(expect_rank(input, "input", 2, Shape::kMaxRank));
  const Dim pixels = num_elements(Dims(input.dims.begin() + 2, input.dims.end()));
  return std::vector<A>{tensor,           weight,    bias,      A(input.dims[0]),
                        A(input.dims[1]), A(pixels), A(groups), eps};
}

struct GroupNorm {
  static constexpr std::string_view kCore = "aten::native_group_norm";
  template <class A>
  static Result<std::vector<A>> map(std::span<const A> a, const TensorType& input) {
    return group_norm_arguments(input, a[0], a[2], a[3], std::get<Dim>(a[1]), a[4]);
  }
};

/// Every channel is a group of its own.
struct InstanceNorm {
  static constexpr std::string_view kCore = "aten::native_group_norm";
  template <class A>
  static Result<std::vector<A>> map(std::span<const A> a, const TensorType& input) {
    if (!std::get<bool>(a[5])) {
      return fail(ErrorCode::kNotSupported,
                  "argument 'use_input_stats' is false, expected true (no running statistics)");
    }
    TRY(expect_rank(input, "input", 2, Shape::kMaxRank));
    return group_norm_arguments(input, a[0], a[1], a[2], input.dims[1], a[7]);
  }
};

template <FixedString kName>
struct Softmax {
  static constexpr std::string_view kCore = kName.view();
  template <class A>
  static Result<std::vector<A>> map(std::span<const A> a, const TensorType& self) {
    const Dim* dtype = std::get_if<Dim>(&a[2]);
    if (dtype != nullptr && *dtype != Dim(static_cast<std::int64_t>(self.dtype))) {
      return fail(ErrorCode::kNotSupported,
                  "argument 'dtype' is not that of 'self', {}; convert 'self' before",
                  name_of(self.dtype));
    }
    return std::vector<A>{a[0], a[1], A(false)};
  }
};

constexpr ir::Sample kLayerNormSamples[] = {{"(f32[2,3,5], [5], f32[5], f32[5], 1e-05, true)"},
                                            {"(f32[2,3,5], [3,5], none, none, 0.001, false)"}};
constexpr ir::Sample kGroupNormSamples[] = {{"(f32[2,6,4,5], 3, f32[6], f32[6], 1e-05, true)"},
                                            {"(f32[2,6], 2, none, none, 1e-05, true)"}};
constexpr ir::Sample kInstanceNormSamples[] = {
    {"(f32[2,3,4,5], f32[3], f32[3], none, none, true, 0.1, 1e-05, true)"},
    {"(f32[2,3,9], none, none, none, none, true, 0.1, 1e-05, true)"}};
constexpr ir::Sample kSoftmaxSamples[] = {{"(f32[2,3,5], -1, none)"}, {"(f64[3,4], 0, 7)"}};

constexpr ir::Operator kOperators[] = {
    expression<"aten::native_layer_norm($0, $1, $2, $3, $4)">(
        "aten::layer_norm(Tensor input, SymInt[] normalized_shape, Tensor? weight=None, Tensor? "
        "bias=None, float eps=1e-05, bool cudnn_enable=True) -> Tensor",
        kLayerNormSamples),
    composite<GroupNorm>(
        "aten::group_norm(Tensor input, int num_groups, Tensor? weight=None, Tensor? bias=None, "
        "float eps=1e-05, bool cudnn_enabled=True) -> Tensor",
        kGroupNormSamples),
    composite<InstanceNorm>(
        "aten::instance_norm(Tensor input, Tensor? weight, Tensor? bias, Tensor? running_mean, "
        "Tensor? running_var, bool use_input_stats, float momentum, float eps, bool "
        "cudnn_enabled) -> Tensor",
        kInstanceNormSamples),
    composite<Softmax<"aten::_softmax">>(
        "aten::softmax.int(Tensor self, int dim, ScalarType? dtype=None) -> Tensor",
        kSoftmaxSamples),
    composite<Softmax<"aten::_log_softmax">>(
        "aten::log_softmax.int(Tensor self, int dim, ScalarType? dtype=None) -> Tensor",
        kSoftmaxSamples),
};

}  // namespace

std::span<const ir::Operator> composite_normalization_operators() { return kOperators; }

}  // namespace tessera::ops
