// SPDX-License-Identifier: MIT
#include "ops/composite.h"
#include "ops/expression.h"
#include "ops/families.h"

/// New tensors like another one, and conversions, as calls of core operators.
namespace tessera::ops {

namespace {

using ir::Dim;
using ir::TensorType;

/// aten::full of sizes from argument 1 and, unless argument `kDTypeAt` says otherwise, the dtype of
/// argument 0.
template <std::size_t kDTypeAt, class Value>
struct NewFull {
  static constexpr std::string_view kCore = "aten::full";
  template <class A>
  static Result<std::vector<A>> map(std::span<const A> a, const TensorType& self) {
    const bool has_dtype = !std::holds_alternative<std::monostate>(a[kDTypeAt]);
    const A dtype = has_dtype ? a[kDTypeAt] : A(Dim(static_cast<std::int64_t>(self.dtype)));
    return std::vector<A>{a[1], Value::template of<A>(a), dtype, A(), A(), A()};
  }
};

template <int kNumber>
struct Constant {
  template <class A>
  static A of(std::span<const A>) {
    return A(Dim(kNumber));
  }
};
struct Argument2 {
  template <class A>
  static A of(std::span<const A> a) {
    return a[2];
  }
};

constexpr ir::Sample kNewSamples[] = {{"(f32[3], [2,4], none, none, none, none)"},
                                      {"(f32[3], [2,4], 4, none, none, none)"}};
constexpr ir::Sample kNewFullSamples[] = {{"(f32[3], [2,4], 1.5, none, none, none, none)"}};
constexpr ir::Sample kLikeSamples[] = {{"(f32[2,3], none, none, none, none, none)"},
                                       {"(f32[2,3], 4, none, none, none, none)"}};
constexpr ir::Sample kToSamples[] = {{"(f32[2,3], 7, false, false, none)"},
                                     {"(i64[2,3], 6, false, false, none)"}};
constexpr ir::Sample kToLayoutSamples[] = {{"(f32[2,3], 7, none, none, none, false, false, none)"}};
constexpr ir::Sample kToDeviceSamples[] = {{"(f32[2,3], \"cpu\", 7, false, false, none)"}};

constexpr ir::Operator kOperators[] = {
    composite<NewFull<2, Constant<0>>>(
        "aten::new_zeros(Tensor self, SymInt[] size, *, ScalarType? dtype=None, Layout? "
        "layout=None, Device? device=None, bool? pin_memory=None) -> Tensor",
        kNewSamples),
    composite<NewFull<2, Constant<1>>>(
        "aten::new_ones(Tensor self, SymInt[] size, *, ScalarType? dtype=None, Layout? "
        "layout=None, Device? device=None, bool? pin_memory=None) -> Tensor",
        kNewSamples),
    composite<NewFull<3, Argument2>>(
        "aten::new_full(Tensor self, SymInt[] size, Scalar fill_value, *, ScalarType? dtype=None, "
        "Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor",
        kNewFullSamples),
    expression<"aten::full_like($0, 0, $1)">(
        "aten::zeros_like(Tensor self, *, ScalarType? dtype=None, Layout? layout=None, Device? "
        "device=None, bool? pin_memory=None, MemoryFormat? memory_format=None) -> Tensor",
        kLikeSamples),
    expression<"aten::full_like($0, 1, $1)">(
        "aten::ones_like(Tensor self, *, ScalarType? dtype=None, Layout? layout=None, Device? "
        "device=None, bool? pin_memory=None, MemoryFormat? memory_format=None) -> Tensor",
        kLikeSamples),
    expression<"aten::_to_copy($0, $1)">(
        "aten::to.dtype(Tensor self, ScalarType dtype, bool non_blocking=False, bool copy=False, "
        "MemoryFormat? memory_format=None) -> Tensor",
        kToSamples),
    expression<"aten::_to_copy($0, $1)">(
        "aten::to.dtype_layout(Tensor self, *, ScalarType? dtype=None, Layout? layout=None, "
        "Device? device=None, bool? pin_memory=None, bool non_blocking=False, bool copy=False, "
        "MemoryFormat? memory_format=None) -> Tensor",
        kToLayoutSamples),
    expression<"aten::_to_copy($0, $2)">(
        "aten::to.device(Tensor self, Device device, ScalarType dtype, bool non_blocking=False, "
        "bool copy=False, MemoryFormat? memory_format=None) -> Tensor",
        kToDeviceSamples),
};

}  // namespace

std::span<const ir::Operator> composite_creation_operators() { return kOperators; }

}  // namespace tessera::ops
