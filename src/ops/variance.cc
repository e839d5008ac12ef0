// SPDX-License-Identifier: MIT
#include <limits>
#include <vector>

#include "base/try.h"
#include "ops/dispatch.h"
#include "ops/reduction.h"
#include "ops/shape_rules.h"

namespace tessera::ops {

namespace {

using ir::KernelArguments;
using ir::KernelContext;
using ir::TensorType;
using ir::TypeArguments;
using Types = Result<std::vector<TensorType>>;

enum : std::size_t { kSelf, kDim };
/// Of var.dim, and of the operators with a correction.
enum : std::size_t { kUnbiased = 2, kKeepdimOfUnbiased = 3, kCorrection = 2, kKeepdim = 3 };

// ---- kernel ------------------------------------------------------------------------------------

/// outputs[0] is the variance, outputs[1] the mean if there is one. In two passes, both in double
/// precision: the difference of large squares would have few right digits.
Result<void> compute(KernelContext& context, const KernelArguments& arguments, double correction,
                     std::span<Tensor> outputs) {
  const Tensor& self = arguments.tensor(kSelf);
  const Reduction reduction(self.shape(), reduced_dims(arguments, kDim, self.rank()));
  const auto count = static_cast<double>(reduction.count());
  std::vector<double> means(static_cast<std::size_t>(outputs[0].num_elements()));
  const auto add = [](double a, double b) { return a + b; };
  dispatch<FloatTypes>(self.dtype(), [&]<class T>() {
    const T* in = self.data<T>();
    reduction.run(
        context, in, 0.0,
        [](double sum, T x, std::int64_t) { return sum + static_cast<double>(x); }, add,
        [&](std::int64_t first, const double* sums, std::int64_t num_sums) {
          for (std::int64_t i = 0; i < num_sums; ++i) {
            means[static_cast<std::size_t>(first + i)] = sums[i] / count;
          }
        });
    reduction.run(
        context, in, 0.0,
        [&](double sum, T x, std::int64_t i) {
          const double difference = static_cast<double>(x) - means[static_cast<std::size_t>(i)];
          return sum + difference * difference;
        },
        add,
        [&](std::int64_t first, const double* sums, std::int64_t num_sums) {
          const double divisor = std::max(count - correction, 0.0);
          for (std::int64_t i = 0; i < num_sums; ++i) {
            const double variance = sums[i] / divisor;
            store_states(outputs[0], first + i, &variance, 1);
          }
        });
  });
  if (outputs.size() == 2) store_states(outputs[1], 0, means.data(), outputs[1].num_elements());
  return {};
}

Result<void> unbiased_kernel(KernelContext& context, const KernelArguments& arguments,
                             std::span<Tensor> outputs) {
  return compute(context, arguments, arguments.boolean(kUnbiased) ? 1 : 0, outputs);
}

Result<void> correction_kernel(KernelContext& context, const KernelArguments& arguments,
                               std::span<Tensor> outputs) {
  return compute(context, arguments, arguments.optional_real(kCorrection).value_or(1), outputs);
}

// ---- shape -------------------------------------------------------------------------------------

template <std::size_t kNumResults>
Types infer(const TypeArguments& arguments) {
  const TensorType& self = arguments.tensor(kSelf);
  TRY(expect_types<FloatTypes>(self, "self"));
  const auto is_reduced = TRY(reduced_dims(arguments, kDim, self.rank()));
  const TensorType result{self.dtype,
                          reduced_sizes(self.dims, is_reduced, arguments.boolean(kKeepdim))};
  return std::vector(kNumResults, result);
}
static_assert(kKeepdim == kKeepdimOfUnbiased);

// ---- samples, declaration ----------------------------------------------------------------------

constexpr ir::Sample kUnbiasedSamples[] = {{"(f32[3,40], [1], true, false)"},
                                           {"(f32[3,4,5], [0,2], false, true)"},
                                           {"(f64[3,4], none, true, false)"},
                                           {"(bf16[3,9], [1], true, false)"},
                                           {"(f32[2,1], [1], true, false)"}};
constexpr ir::Sample kCorrectionSamples[] = {
    {"(f32[3,40], [1], none, false)"}, {"(f32[5,7], [0], 0, true)"},
    {"(f64[3,4], none, 2, false)"},    {"(f16[3,9], [1], 1.5, false)"},
    {"(bf16[3,9], [1], 1, false)"},    {"(f32[2,0], [1], 0, false)"}};

constexpr ir::Operator kOperators[] = {
    {.schema = "aten::var.dim(Tensor self, int[1]? dim, bool unbiased=True, bool keepdim=False) -> "
               "Tensor",
     .out_name = "aten::var.out",
     .infer = infer<1>,
     .kernel = unbiased_kernel,
     .samples = kUnbiasedSamples},
    {.schema = "aten::var.correction(Tensor self, int[1]? dim=None, *, Scalar? correction=None, "
               "bool keepdim=False) -> Tensor",
     .out_name = "aten::var.correction_out",
     .infer = infer<1>,
     .kernel = correction_kernel,
     .samples = kCorrectionSamples},
    {.schema = "aten::var_mean.correction(Tensor self, int[1]? dim=None, *, Scalar? "
               "correction=None, bool keepdim=False) -> (Tensor, Tensor)",
     .out_name = "aten::var_mean.correction_out",
     .infer = infer<2>,
     .kernel = correction_kernel,
     .samples = kCorrectionSamples},
};

}  // namespace

std::span<const ir::Operator> variance_operators() { return kOperators; }

}  // namespace tessera::ops
