// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstring>

#include "base/try.h"
#include "ops/families.h"
#include "ops/move_dispatch.h"
#include "ops/move_rules.h"
#include "ops/shape_rules.h"
#include "ops/strided_copy.h"

namespace tessera::ops {

namespace {

using ir::KernelArguments;
using ir::KernelContext;
using ir::TensorType;
using ir::TypeArguments;

/// Without `train` it is true, as in ATen.
bool drops(const auto& arguments) {
  return (arguments.is_none(2) || arguments.boolean(2)) && arguments.real(1) > 0;
}

/// Elements that stay are divided by the probability to stay.
Result<void> kernel(KernelContext& context, const KernelArguments& arguments,
                    std::span<Tensor> outputs) {
  const Tensor& input = arguments.tensor(0);
  const std::int64_t count = input.num_elements();
  bool* mask = outputs[1].data<bool>();
  if (!drops(arguments)) {
    copy_elements(context, input, outputs[0]);
    std::fill_n(mask, count, true);
    return {};
  }
  const double probability = arguments.real(1);
  const double scale = probability < 1 ? 1 / (1 - probability) : 0;
  dispatch<FloatTypes>(input.dtype(), [&]<class T>() {
    using C = Compute<T>;
    for (std::int64_t i = 0; i < count; ++i) {
      mask[i] = static_cast<double>(context.random_bits() >> 11) * 0x1p-53 >= probability;
      outputs[0].data<T>()[i] =
          mask[i] ? static_cast<T>(static_cast<C>(input.data<T>()[i]) * static_cast<C>(scale))
                  : static_cast<T>(C(0));
    }
  });
  return {};
}

Types infer(const TypeArguments& arguments) {
  const TensorType& input = arguments.tensor(0);
  TRY(expect_types<FloatTypes>(input, "input"));
  const double probability = arguments.real(1);
  if (!(probability >= 0 && probability <= 1)) {
    return fail(ErrorCode::kInvalidArgument, "argument 'p' is {}, expected 0 to 1", probability);
  }
  return std::vector{input, TensorType{DType::kBool, input.dims}};
}

constexpr ir::Sample kSamples[] = {
    {"(f32[400], 0.25, true)"}, {"(f16[300], 0.5, none)"}, {"(f64[2,3], 0.5, false)"}};

constexpr ir::Operator kOperators[] = {
    {.schema = "aten::native_dropout(Tensor input, float p, bool? train) -> (Tensor, Tensor)",
     .out_name = "aten::native_dropout.out",
     .infer = infer,
     .kernel = kernel,
     .samples = kSamples,
     .is_random = true},
};

}  // namespace

std::span<const ir::Operator> dropout_operators() { return kOperators; }

}  // namespace tessera::ops
