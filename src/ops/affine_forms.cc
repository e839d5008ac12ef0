// SPDX-License-Identifier: MIT
#include "ops/affine_forms.h"

#include "base/try.h"

namespace tessera::ops {
namespace {

using ir::KernelArguments;
using ir::TypeArguments;

/// Positions of the arguments; the names are those of the schemas.
constexpr std::size_t kInput = 0, kScales = 1, kZeroPoints = 2, kAxis = 3;
constexpr std::size_t kScale = kScales, kZeroPoint = kZeroPoints;

Result<void> check_numbers(const TypeArguments& arguments) {
  return expect_zero_point(arguments, kZeroPoint);
}
Result<AffineRuns> runs_of_numbers(const KernelArguments& arguments) {
  const AffineParams params{static_cast<float>(arguments.real(kScale)),
                            static_cast<std::int32_t>(arguments.integer(kZeroPoint))};
  return one_run(arguments.tensor(kInput), params);
}

Result<void> check_tensors(const TypeArguments& arguments) {
  return expect_one_param(arguments.tensor(kScale), arguments.tensor(kZeroPoint));
}
Result<AffineRuns> runs_of_tensors(const KernelArguments& arguments) {
  return one_run(arguments.tensor(kInput),
                 TRY(params_at(arguments.tensor(kScale), &arguments.tensor(kZeroPoint), 0)));
}

Result<void> check_channels(const TypeArguments& arguments) {
  return expect_channel_params(arguments, kAxis, arguments.tensor(kScales),
                               arguments.optional_tensor(kZeroPoints));
}
Result<AffineRuns> runs_of_channels(const KernelArguments& arguments) {
  return channel_runs(arguments.tensor(kInput), arguments.integer(kAxis), arguments.tensor(kScales),
                      arguments.optional_tensor(kZeroPoints));
}

Result<void> check_tokens(const TypeArguments& arguments) {
  return expect_token_params(arguments.tensor(kInput), arguments.tensor(kScales),
                             arguments.tensor(kZeroPoints));
}
Result<AffineRuns> runs_of_tokens(const KernelArguments& arguments) {
  return token_runs(arguments.tensor(kInput), arguments.tensor(kScales),
                    &arguments.tensor(kZeroPoints));
}

}  // namespace

constexpr AffineForm kPerTensor{check_numbers, runs_of_numbers, 3};
constexpr AffineForm kPerTensorOfTensors{check_tensors, runs_of_tensors, 3};
constexpr AffineForm kPerChannel{check_channels, runs_of_channels, 4};
constexpr AffineForm kPerToken{check_tokens, runs_of_tokens, 3};

}  // namespace tessera::ops
