// SPDX-License-Identifier: MIT
#include <limits>
#include <vector>

#include "base/try.h"
#include "ops/dispatch.h"
#include "ops/reduction.h"
#include "ops/shape_rules.h"

/// Extrema, and whether any element is true.
namespace tessera::ops {

namespace {

using ir::KernelArguments;
using ir::KernelContext;
using ir::TensorType;
using ir::TypeArguments;
using Types = Result<std::vector<TensorType>>;

enum : std::size_t { kSelf, kDim, kKeepdim };

// ---- kernel ------------------------------------------------------------------------------------

/// NaN wins over any number.
template <bool kIsMax, class C>
C better(C a, C b) {
  return (kIsMax ? b > a : b < a) || b != b ? b : a;
}

/// What any element is at least as good as.
template <bool kIsMax, class C>
constexpr C worst() {
  using Limits = std::numeric_limits<C>;
  if constexpr (Limits::has_infinity) {
    return kIsMax ? -Limits::infinity() : Limits::infinity();
  } else {
    return kIsMax ? Limits::lowest() : Limits::max();
  }
}

template <bool kIsMax>
void find_extrema(KernelContext& context, const Tensor& self, std::vector<bool> is_reduced,
                  Tensor& out) {
  const Reduction reduction(self.shape(), std::move(is_reduced));
  dispatch<AllTypes>(self.dtype(), [&]<class T>() {
    // A vector of bool cannot be computed with.
    using C = std::conditional_t<std::is_same_v<T, bool>, std::uint8_t, Compute<T>>;
    const auto merge = [](C a, C b) { return better<kIsMax>(a, b); };
    reduction.run(
        context, std::as_const(self).data<T>(), worst<kIsMax, C>(),
        [&](C state, T x, std::int64_t) { return merge(state, static_cast<C>(x)); }, merge,
        [&](std::int64_t first, const C* states, std::int64_t count) {
          for (std::int64_t i = 0; i < count; ++i) {
            out.data<T>()[first + i] = static_cast<T>(states[i]);
          }
        });
  });
}

template <bool kIsMax>
Result<void> extremum_kernel(KernelContext& context, const KernelArguments& arguments,
                             std::span<Tensor> outputs) {
  const Tensor& self = arguments.tensor(kSelf);
  find_extrema<kIsMax>(context, self, reduced_dims(arguments, kDim, self.rank()), outputs[0]);
  return {};
}

template <bool kIsMax>
Result<void> extremum_of_all_kernel(KernelContext& context, const KernelArguments& arguments,
                                    std::span<Tensor> outputs) {
  const Tensor& self = arguments.tensor(kSelf);
  find_extrema<kIsMax>(context, self, std::vector<bool>(self.rank(), true), outputs[0]);
  return {};
}

void find_any(KernelContext& context, const Tensor& self, std::vector<bool> is_reduced,
              Tensor& out) {
  const Reduction reduction(self.shape(), std::move(is_reduced));
  const auto merge = [](std::uint8_t a, std::uint8_t b) { return std::uint8_t(a | b); };
  dispatch<AllTypes>(self.dtype(), [&]<class T>() {
    reduction.run(
        context, std::as_const(self).data<T>(), std::uint8_t{0},
        [&](std::uint8_t state, T x, std::int64_t) {
          return merge(state, std::uint8_t(x != static_cast<T>(0)));
        },
        merge,
        [&](std::int64_t first, const std::uint8_t* states, std::int64_t count) {
          store_states(out, first, states, count);
        });
  });
}

Result<void> any_kernel(KernelContext& context, const KernelArguments& arguments,
                        std::span<Tensor> outputs) {
  const Tensor& self = arguments.tensor(kSelf);
  find_any(context, self, reduced_dims(arguments, kDim, self.rank()), outputs[0]);
  return {};
}

Result<void> any_of_all_kernel(KernelContext& context, const KernelArguments& arguments,
                               std::span<Tensor> outputs) {
  const Tensor& self = arguments.tensor(kSelf);
  find_any(context, self, std::vector<bool>(self.rank(), true), outputs[0]);
  return {};
}

// ---- shape -------------------------------------------------------------------------------------

Types infer_extremum(const TypeArguments& arguments) {
  const TensorType& self = arguments.tensor(kSelf);
  TRY(expect_types<AllTypes>(self, "self"));
  const auto is_reduced = TRY(reduced_dims(arguments, kDim, self.rank()));
  TRY(expect_elements(self.dims, is_reduced));
  return std::vector{
      TensorType{self.dtype, reduced_sizes(self.dims, is_reduced, arguments.boolean(kKeepdim))}};
}

Types infer_extremum_of_all(const TypeArguments& arguments) {
  const TensorType& self = arguments.tensor(kSelf);
  TRY(expect_types<AllTypes>(self, "self"));
  TRY(expect_elements(self.dims, std::vector<bool>(self.rank(), true)));
  return std::vector{TensorType{self.dtype, {}}};
}

/// u8 once stood for bool.
DType any_dtype(const TypeArguments& arguments) {
  return arguments.tensor(kSelf).dtype == DType::kU8 ? DType::kU8 : DType::kBool;
}

Types infer_any(const TypeArguments& arguments) {
  const TensorType& self = arguments.tensor(kSelf);
  TRY(expect_types<AllTypes>(self, "self"));
  const auto is_reduced = TRY(reduced_dims(arguments, kDim, self.rank()));
  return std::vector{TensorType{any_dtype(arguments),
                                reduced_sizes(self.dims, is_reduced, arguments.boolean(kKeepdim))}};
}

Types infer_any_of_all(const TypeArguments& arguments) {
  TRY(expect_types<AllTypes>(arguments.tensor(kSelf), "self"));
  return std::vector{TensorType{any_dtype(arguments), {}}};
}

// ---- samples, declaration ----------------------------------------------------------------------

constexpr ir::Sample kExtremumSamples[] = {
    {"(f32[2,3,7,5], [1,3], true)"}, {"(f32[5,70], [0], false)"},  {"(f64[4,6], [], false)"},
    {"(f16[4,40], [1], false)"},     {"(bf16[4,9], [-1], false)"}, {"(u8[4,50], [1], false)"},
    {"(i8[4,5], [1], false)"},       {"(i16[4,5], [0], false)"},   {"(i32[4,5], [1], false)"},
    {"(i64[4,5], [1], false)"},      {"(bool[4,2], [1], false)"},  {"(f32[], [], false)"},
    {"(f32[0,3], [1], false)"}};
constexpr ir::Sample kExtremumOfAllSamples[] = {{"(f32[3,7])"},  {"(f64[5])"},  {"(f16[5])"},
                                                {"(bf16[3,5])"}, {"(u8[30])"},  {"(i8[5])"},
                                                {"(i64[2,5])"},  {"(bool[5])"}, {"(f32[])"}};
constexpr ir::Sample kAnyDimsSamples[] = {{"(f32[3,4], [1], false)"},
                                          {"(bool[3,2,4], [0,1], true)"},
                                          {"(u8[3,2], none, false)"},
                                          {"(f32[2,0], [1], false)"},
                                          {"(bf16[3,2], [0], false)"}};
constexpr ir::Sample kAnyDimSamples[] = {{"(i64[3,1], 1, false)", 2},
                                         {"(bool[3,2,4], -1, true)"},
                                         {"(u8[3,2], 0, false)", 2},
                                         {"(f64[], 0, false)"},
                                         {"(f32[0,3], 0, false)"}};
constexpr ir::Sample kAnySamples[] = {
    {"(bool[3,1])"}, {"(u8[2])"}, {"(i32[1])", 1}, {"(f16[0])"}, {"(f32[])"}};

constexpr ir::Operator kOperators[] = {
    {.schema = "aten::amax(Tensor self, int[1] dim=[], bool keepdim=False) -> Tensor",
     .out_name = "aten::amax.out",
     .infer = infer_extremum,
     .kernel = extremum_kernel<true>,
     .samples = kExtremumSamples},
    {.schema = "aten::amin(Tensor self, int[1] dim=[], bool keepdim=False) -> Tensor",
     .out_name = "aten::amin.out",
     .infer = infer_extremum,
     .kernel = extremum_kernel<false>,
     .samples = kExtremumSamples},
    {.schema = "aten::max(Tensor self) -> Tensor",
     .out_name = "aten::max.unary_out",
     .infer = infer_extremum_of_all,
     .kernel = extremum_of_all_kernel<true>,
     .samples = kExtremumOfAllSamples},
    {.schema = "aten::min(Tensor self) -> Tensor",
     .out_name = "aten::min.unary_out",
     .infer = infer_extremum_of_all,
     .kernel = extremum_of_all_kernel<false>,
     .samples = kExtremumOfAllSamples},
    {.schema = "aten::any.dims(Tensor self, int[]? dim=None, bool keepdim=False) -> Tensor",
     .out_name = "aten::any.dims_out",
     .infer = infer_any,
     .kernel = any_kernel,
     .samples = kAnyDimsSamples},
    {.schema = "aten::any.dim(Tensor self, int dim, bool keepdim=False) -> Tensor",
     .out_name = "aten::any.out",
     .infer = infer_any,
     .kernel = any_kernel,
     .samples = kAnyDimSamples},
    {.schema = "aten::any(Tensor self) -> Tensor",
     .out_name = "aten::any.all_out",
     .infer = infer_any_of_all,
     .kernel = any_of_all_kernel,
     .samples = kAnySamples},
};

}  // namespace

std::span<const ir::Operator> extrema_operators() { return kOperators; }

}  // namespace tessera::ops
