// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstring>

#include "base/try.h"
#include "ops/families.h"
#include "ops/move_dispatch.h"
#include "ops/move_rules.h"
#include "ops/shape_rules.h"

namespace tessera::ops {

namespace {

using ir::KernelArguments;
using ir::KernelContext;
using ir::TypeArguments;

/// Keeps the elements up to the diagonal; what is right of it becomes 0.
Result<void> kernel(KernelContext& context, const KernelArguments& arguments,
                    std::span<Tensor> outputs) {
  const Tensor& self = arguments.tensor(0);
  if (self.num_elements() == 0) return {};
  const std::int64_t height = self.size(self.rank() - 2), width = self.size(self.rank() - 1);
  const std::int64_t diagonal = std::clamp(arguments.integer(1), -height, width);
  const std::size_t size = size_of(self.dtype()),
                    row_bytes = static_cast<std::size_t>(width) * size;
  context.parallel_for(
      static_cast<std::size_t>(self.num_elements() / width),
      kElementsPerThread / static_cast<std::size_t>(width) + 1,
      [&](std::size_t begin, std::size_t end) {
        for (std::size_t row = begin; row < end; ++row) {
          const std::int64_t y = static_cast<std::int64_t>(row) % height;
          const auto kept =
              static_cast<std::size_t>(std::clamp<std::int64_t>(y + diagonal + 1, 0, width)) * size;
          std::byte* out = outputs[0].bytes() + row * row_bytes;
          std::memcpy(out, self.bytes() + row * row_bytes, kept);
          std::memset(out + kept, 0, row_bytes - kept);
        }
      });
  return {};
}

Types infer(const TypeArguments& arguments) {
  TRY(expect_rank(arguments.tensor(0), "self", 2, Shape::kMaxRank));
  static_cast<void>(TRY(integer_argument(arguments, 1, "diagonal")));
  return std::vector{arguments.tensor(0)};
}

constexpr ir::Sample kSamples[] = {{"(f32[5,7], 0)"},
                                   {"(f32[2,6,4], -2)"},
                                   {"(i64[3,3], 1)"},
                                   {"(bool[2,4,4], 0)"},
                                   {"(f16[3,5], 9223372036854775807)"},
                                   {"(bf16[2,2], -5)"},
                                   {"(u8[0,3], 0)"}};

constexpr ir::Operator kOperators[] = {
    {.schema = "aten::tril(Tensor self, SymInt diagonal=0) -> Tensor",
     .out_name = "aten::tril.out",
     .infer = infer,
     .kernel = kernel,
     .samples = kSamples},
};

}  // namespace

std::span<const ir::Operator> tril_operators() { return kOperators; }

}  // namespace tessera::ops
