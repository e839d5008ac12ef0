// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>

#include "base/try.h"
#include "ops/families.h"
#include "ops/move_dispatch.h"
#include "ops/move_rules.h"
#include "ops/promotion.h"
#include "ops/shape_rules.h"

namespace tessera::ops {

namespace {

using ir::Dim;
using ir::KernelArguments;
using ir::KernelContext;
using ir::TensorType;
using ir::TypeArguments;

/// Where the arguments of arange(end) and of arange(start, end, step) stand.
struct End {
  static constexpr std::size_t kEnd = 0, kDType = 1;
  static constexpr bool kHasStart = false;
};
struct StartEndStep {
  static constexpr std::size_t kStart = 0, kEnd = 1, kStep = 2, kDType = 3;
  static constexpr bool kHasStart = true;
};

template <class Form>
double start_of(const auto& arguments) {
  if constexpr (Form::kHasStart) return arguments.real(Form::kStart);
  return 0;
}
template <class Form>
double step_of(const auto& arguments) {
  if constexpr (Form::kHasStart) return arguments.real(Form::kStep);
  return 1;
}

/// Whether all numbers are integers, which are computed exactly.
template <class Form>
bool is_exact(const auto& arguments) {
  const std::size_t last = Form::kDType;
  for (std::size_t i = 0; i < last; ++i) {
    if (!std::holds_alternative<Dim>(arguments[i])) return false;
  }
  return true;
}

template <class Form>
Result<void> kernel(KernelContext& context, const KernelArguments& arguments,
                    std::span<Tensor> outputs) {
  const auto count = static_cast<std::size_t>(outputs[0].num_elements());
  dispatch<RealTypes>(outputs[0].dtype(), [&]<class T>() {
    T* out = outputs[0].data<T>();
    context.parallel_for(count, kElementsPerThread, [&](std::size_t begin, std::size_t end) {
      if (std::is_integral_v<T> && is_exact<Form>(arguments)) {
        std::uint64_t start = 0, step = 1;  // which wrap around
        if constexpr (Form::kHasStart) {
          start = static_cast<std::uint64_t>(arguments.integer(Form::kStart));
          step = static_cast<std::uint64_t>(arguments.integer(Form::kStep));
        }
        for (std::size_t i = begin; i < end; ++i) out[i] = static_cast<T>(start + i * step);
        return;
      }
      const double start = start_of<Form>(arguments), step = step_of<Form>(arguments);
      for (std::size_t i = begin; i < end; ++i) {
        const double value = start + static_cast<double>(i) * step;
        if constexpr (std::is_integral_v<T>) {
          out[i] = static_cast<T>(static_cast<std::int64_t>(std::clamp(value, -0x1p62, 0x1p62)));
        } else {
          out[i] = static_cast<T>(value);
        }
      }
    });
  });
  return {};
}

template <class Form>
Types infer(const TypeArguments& arguments) {
  const double start = start_of<Form>(arguments), end = arguments.real(Form::kEnd),
               step = step_of<Form>(arguments);
  const double count = std::ceil((end - start) / step);
  constexpr double kMaxCount = 0x1p40;
  if (!(count >= 0 && count <= kMaxCount) || step == 0) {
    return fail(ErrorCode::kInvalidArgument, "no range from {} to {} has steps of {}", start, end,
                step);
  }
  const DType natural = is_exact<Form>(arguments) ? DType::kI64 : DType::kF32;
  const DType dtype = TRY(dtype_argument(arguments, Form::kDType, natural));
  TensorType type{dtype, {Dim(static_cast<std::int64_t>(count))}};
  TRY(expect_types<RealTypes>(type, "out"));
  return std::vector{std::move(type)};
}

constexpr ir::Sample kEndSamples[] = {{"(7, none, none, none, none)"},
                                      {"(4.5, none, none, none, none)"},
                                      {"(5, 5, none, none, none)"},
                                      {"(0, 6, none, none, none)"}};
constexpr ir::Sample kStartSamples[] = {
    {"(2, 20, 3, none, none, none, none)"},     {"(5, -4, -2, 3, none, none, none)"},
    {"(0.5, 3, 0.25, none, none, none, none)"}, {"(1, 2, 0.125, 7, none, none, none)"},
    {"(0, 6, 1, 0, none, none, none)"},         {"(-3, 3, 1, 15, none, none, none)"},
    {"(4, 4, 1, none, none, none, none)"}};

constexpr ir::Operator kOperators[] = {
    {.schema = "aten::arange(Scalar end, *, ScalarType? dtype=None, Layout? layout=None, Device? "
               "device=None, bool? pin_memory=None) -> Tensor",
     .out_name = "aten::arange.out",
     .infer = infer<End>,
     .kernel = kernel<End>,
     .samples = kEndSamples},
    {.schema = "aten::arange.start_step(Scalar start, Scalar end, Scalar step=1, *, ScalarType? "
               "dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> "
               "Tensor",
     .out_name = "aten::arange.start_out",
     .infer = infer<StartEndStep>,
     .kernel = kernel<StartEndStep>,
     .samples = kStartSamples},
};

}  // namespace

std::span<const ir::Operator> arange_operators() { return kOperators; }

}  // namespace tessera::ops
