// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/try.h"
#include "ops/families.h"
#include "ops/move_dispatch.h"
#include "ops/move_rules.h"
#include "ops/promotion.h"
#include "ops/shape_rules.h"

/// Operators that make tensors from sizes: filled with a number, random or not at all.
namespace tessera::ops {

namespace {

using ir::Dim;
using ir::KernelArguments;
using ir::KernelContext;
using ir::TensorType;
using ir::TypeArguments;

// ---- kernel ------------------------------------------------------------------------------------

template <class T>
void fill(KernelContext& context, Tensor& output, T value) {
  T* out = output.data<T>();
  context.parallel_for(
      static_cast<std::size_t>(output.num_elements()), kElementsPerThread,
      [=](std::size_t begin, std::size_t end) { std::fill(out + begin, out + end, value); });
}

/// The Scalar argument at kPosition everywhere.
template <std::size_t kPosition>
Result<void> fill_scalar(KernelContext& context, const KernelArguments& arguments,
                         std::span<Tensor> outputs) {
  dispatch<AllTypes>(outputs[0].dtype(), [&]<class T>() {
    fill(context, outputs[0], scalar_as<T>(arguments, kPosition));
  });
  return {};
}

template <int kValue>
Result<void> fill_constant(KernelContext& context, const KernelArguments&,
                           std::span<Tensor> outputs) {
  dispatch<AllTypes>(outputs[0].dtype(),
                     [&]<class T>() { fill(context, outputs[0], static_cast<T>(kValue)); });
  return {};
}

/// Elements are unspecified in ATen. Zeros keep what other programs left in memory to themselves.
constexpr ir::KernelFn kEmpty = fill_constant<0>;

/// In [0, 1), with as many bits as a float has.
double uniform(KernelContext& context) {
  return static_cast<double>(context.random_bits() >> 40) * 0x1p-24;
}

Result<void> fill_uniform(KernelContext& context, const KernelArguments&,
                          std::span<Tensor> outputs) {
  dispatch<FloatTypes>(outputs[0].dtype(), [&]<class T>() {
    for (std::int64_t i = 0; i < outputs[0].num_elements(); ++i) {
      // Rounding to 16 bits must not give 1.
      T value = static_cast<T>(uniform(context));
      while (static_cast<double>(value) >= 1) value = static_cast<T>(uniform(context));
      outputs[0].data<T>()[i] = value;
    }
  });
  return {};
}

/// Box and Muller's transform of two uniform numbers.
Result<void> fill_normal(KernelContext& context, const KernelArguments&,
                         std::span<Tensor> outputs) {
  dispatch<FloatTypes>(outputs[0].dtype(), [&]<class T>() {
    for (std::int64_t i = 0; i < outputs[0].num_elements(); ++i) {
      const double radius = std::sqrt(-2 * std::log(1 - uniform(context)));
      const double angle = 2 * std::numbers::pi * uniform(context);
      outputs[0].data<T>()[i] = static_cast<T>(radius * std::cos(angle));
    }
  });
  return {};
}

// ---- shape -------------------------------------------------------------------------------------

/// The type that a Scalar has by itself: what full and scalar_tensor take without dtype.
DType type_of_scalar(const TypeArguments& arguments, std::size_t position) {
  const auto& scalar = arguments[position];
  if (std::holds_alternative<bool>(scalar)) return DType::kBool;
  return std::holds_alternative<Dim>(scalar) ? DType::kI64 : DType::kF32;
}

Result<TensorType> new_tensor(const TypeArguments& arguments, std::size_t dtype_position,
                              DType otherwise) {
  return TensorType{TRY(dtype_argument(arguments, dtype_position, otherwise)),
                    TRY(sizes_argument(arguments, 0, "size"))};
}

Types infer_full(const TypeArguments& arguments) {
  TensorType type = TRY(new_tensor(arguments, 2, type_of_scalar(arguments, 1)));
  TRY(expect_scalar(arguments, 1, type.dtype, "fill_value"));
  return std::vector{std::move(type)};
}

Types infer_full_like(const TypeArguments& arguments) {
  TensorType type = arguments.tensor(0);
  type.dtype = TRY(dtype_argument(arguments, 2, type.dtype));
  TRY(expect_scalar(arguments, 1, type.dtype, "fill_value"));
  return std::vector{std::move(type)};
}

Types infer_scalar_tensor(const TypeArguments& arguments) {
  const DType dtype = TRY(dtype_argument(arguments, 1, DType::kF32));
  TRY(expect_scalar(arguments, 0, dtype, "s"));
  return std::vector{TensorType{dtype, {}}};
}

Types infer_sizes(const TypeArguments& arguments) {
  return std::vector{TRY(new_tensor(arguments, 1, DType::kF32))};
}

Types infer_random(const TypeArguments& arguments) {
  TensorType type = TRY(new_tensor(arguments, 1, DType::kF32));
  if (is_float(type.dtype)) return std::vector{std::move(type)};
  return fail(ErrorCode::kInvalidType, "argument 'dtype' is {}, expected {}", name_of(type.dtype),
              names_of(FloatTypes()));
}

/// Its dtype is the out tensor's, which the file alone knows: exporters write f32.
Types infer_empty_dim_order(const TypeArguments& arguments) {
  TensorType type = TRY(new_tensor(arguments, 1, DType::kF32));
  const auto order = TRY(dims_argument(arguments, 5, type.rank(), "dim_order"));
  if (!arguments.is_none(5) && order.size() != type.rank()) {
    return fail(ErrorCode::kInvalidArgument, "argument 'dim_order' has {} elements, expected {}",
                order.size(), type.rank());
  }
  return std::vector{std::move(type)};
}

// ---- samples, declaration ----------------------------------------------------------------------

constexpr ir::Sample kFullSamples[] = {
    {"([2,3], 2.5, none, none, none, none)"}, {"([4], 7, none, none, none, none)"},
    {"([], true, none, none, none, none)"},   {"([3,0], 1, 6, none, none, none)"},
    {"([2], 1.5, 3, none, none, none)"},      {"([5], -1, 0, none, none, none)"},
    {"([2,2], 0.1, 5, none, none, none)"},    {"([2], 3, 15, none, none, none)"}};
constexpr ir::Sample kFullLikeSamples[] = {
    {"(f32[2,3], 2, none, none, none, none, none)"},
    {"(i64[4], 9007199254740993, none, none, none, none, 0)"},
    {"(bool[2], 3, none, none, none, none, none)"},
    {"(f64[], 0.1, 5, none, none, none, none)"}};
constexpr ir::Sample kScalarSamples[] = {{"(2.5, none, none, none, none)"},
                                         {"(-3, 4, none, none, none)"},
                                         {"(true, 11, none, none, none)"},
                                         {"(7, none, none, none, none)"}};
constexpr ir::Sample kSizesSamples[] = {{"([2,3], none, none, none, none)"},
                                        {"([4], 4, none, none, none)"},
                                        {"([], 11, none, none, none)"},
                                        {"([0,2], 5, none, none, none)"}};
constexpr ir::Sample kEmptySamples[] = {{"([2,3], none, none, none, none, none)"},
                                        {"([4], 4, none, none, none, 0)"}};
constexpr ir::Sample kRandomSamples[] = {{"([200,3], none, none, none, none)"},
                                         {"([40], 7, none, none, none)"},
                                         {"([300], 15, none, none, none)"}};
constexpr ir::Sample kEmptyDimOrderSamples[] = {{"([2,3,4,5], none, none, none, none, [0,2,3,1])"},
                                                {"([2], none, none, none, none, none)"}};

constexpr ir::Operator kOperators[] = {
    {.schema = "aten::full(SymInt[] size, Scalar fill_value, *, ScalarType? dtype=None, Layout? "
               "layout=None, Device? device=None, bool? pin_memory=None) -> Tensor",
     .out_name = "aten::full.out",
     .infer = infer_full,
     .kernel = fill_scalar<1>,
     .samples = kFullSamples},
    {.schema = "aten::full_like(Tensor self, Scalar fill_value, *, ScalarType? dtype=None, Layout? "
               "layout=None, Device? device=None, bool? pin_memory=None, MemoryFormat? "
               "memory_format=None) -> Tensor",
     .out_name = "aten::full_like.out",
     .infer = infer_full_like,
     .kernel = fill_scalar<1>,
     .samples = kFullLikeSamples},
    {.schema = "aten::scalar_tensor(Scalar s, *, ScalarType? dtype=None, Layout? layout=None, "
               "Device? device=None, bool? pin_memory=None) -> Tensor",
     .out_name = "aten::scalar_tensor.out",
     .infer = infer_scalar_tensor,
     .kernel = fill_scalar<0>,
     .samples = kScalarSamples},
    {.schema = "aten::ones(SymInt[] size, *, ScalarType? dtype=None, Layout? layout=None, Device? "
               "device=None, bool? pin_memory=None) -> Tensor",
     .out_name = "aten::ones.out",
     .infer = infer_sizes,
     .kernel = fill_constant<1>,
     .samples = kSizesSamples},
    {.schema = "aten::zeros(SymInt[] size, *, ScalarType? dtype=None, Layout? layout=None, Device? "
               "device=None, bool? pin_memory=None) -> Tensor",
     .out_name = "aten::zeros.out",
     .infer = infer_sizes,
     .kernel = fill_constant<0>,
     .samples = kSizesSamples},
    {.schema = "aten::empty.memory_format(SymInt[] size, *, ScalarType? dtype=None, Layout? "
               "layout=None, Device? device=None, bool? pin_memory=None, MemoryFormat? "
               "memory_format=None) -> Tensor",
     .out_name = "aten::empty.out",
     .infer = infer_sizes,
     .kernel = kEmpty,
     .samples = kEmptySamples,
     .is_random = true},
    {.schema = "dim_order_ops::_empty_dim_order(SymInt[] size, *, ScalarType? dtype=None, Layout? "
               "layout=None, Device? device=None, bool? pin_memory=None, int[]? dim_order=None) -> "
               "Tensor",
     .out_name = "dim_order_ops::_empty_dim_order.out",
     .infer = infer_empty_dim_order,
     .kernel = kEmpty,
     .samples = kEmptyDimOrderSamples,
     .is_random = true},
    {.schema = "aten::rand(SymInt[] size, *, ScalarType? dtype=None, Layout? layout=None, Device? "
               "device=None, bool? pin_memory=None) -> Tensor",
     .out_name = "aten::rand.out",
     .infer = infer_random,
     .kernel = fill_uniform,
     .samples = kRandomSamples,
     .is_random = true},
    {.schema = "aten::randn(SymInt[] size, *, ScalarType? dtype=None, Layout? layout=None, Device? "
               "device=None, bool? pin_memory=None) -> Tensor",
     .out_name = "aten::randn.out",
     .infer = infer_random,
     .kernel = fill_normal,
     .samples = kRandomSamples,
     .is_random = true},
};

}  // namespace

std::span<const ir::Operator> creation_operators() { return kOperators; }

}  // namespace tessera::ops
