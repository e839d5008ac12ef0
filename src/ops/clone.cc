// SPDX-License-Identifier: MIT
#include <cstring>

#include "base/try.h"
#include "ir/kernel_context.h"
#include "ops/families.h"
#include "ops/same_shape.h"
#include "ops/shape_rules.h"
#include "ops/xnnpack_rules.h"

namespace tessera::ops {

namespace {

using ir::KernelArguments;
using ir::KernelContext;
using ir::TypeArguments;

Result<void> kernel(KernelContext&, const KernelArguments& arguments, std::span<Tensor> outputs) {
  const std::size_t count = outputs[0].num_bytes();
  if (count > 0) std::memcpy(outputs[0].bytes(), arguments.tensor(0).bytes(), count);
  return {};
}

Result<std::vector<ir::TensorType>> infer(const TypeArguments& arguments) {
  constexpr int kLastMemoryFormat = 3;  // c10::MemoryFormat::ChannelsLast3d
  if (!arguments.is_none(1)) {
    // The format says how elements lie in memory, which is Tessera's own affair.
    static_cast<void>(TRY(integer_argument(arguments, 1, "memory_format", 0, kLastMemoryFormat)));
  }
  return std::vector{arguments.tensor(0)};
}

constexpr ir::Sample kSamples[] = {{"(f32[2,3,4,5], none)"}, {"(i64[3], none)"}, {"(f64[], 0)"}};

constexpr ir::Operator kOperators[] = {
    {.schema = "aten::clone(Tensor self, *, MemoryFormat? memory_format=None) -> Tensor",
     .out_name = "aten::clone.out",
     .infer = infer,
     .kernel = kernel,
     .input_region = same_region,
     .xnnpack = unary_rule<xnnpack::NodeKind::kCopy>(),
     .samples = kSamples},
};

}  // namespace

std::span<const ir::Operator> clone_operators() { return kOperators; }

}  // namespace tessera::ops
