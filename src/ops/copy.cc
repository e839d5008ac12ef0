// SPDX-License-Identifier: MIT
#include <algorithm>

#include "base/try.h"
#include "ops/families.h"
#include "ops/move_rules.h"
#include "ops/same_shape.h"
#include "ops/shape_rules.h"
#include "ops/strided_copy.h"
#include "ops/xnnpack_rules.h"

/// Operators whose result has the elements of the argument in the same order and sizes.
namespace tessera::ops {

namespace {

using ir::KernelArguments;
using ir::KernelContext;
using ir::Operator;
using ir::TypeArguments;

Result<void> kernel(KernelContext& context, const KernelArguments& arguments,
                    std::span<Tensor> outputs) {
  copy_elements(context, arguments.tensor(0), outputs[0]);
  return {};
}

Types infer(const TypeArguments& arguments) { return std::vector{arguments.tensor(0)}; }

Types infer_clone(const TypeArguments& arguments) {
  constexpr int kLastMemoryFormat = 3;  // c10::MemoryFormat::ChannelsLast3d
  if (!arguments.is_none(1)) {
    // The format says how elements lie in memory, which is Tessera's own affair.
    static_cast<void>(TRY(integer_argument(arguments, 1, "memory_format", 0, kLastMemoryFormat)));
  }
  return infer(arguments);
}

Types infer_dim_order(const TypeArguments& arguments) {
  const std::size_t rank = arguments.tensor(0).rank();
  const auto order = TRY(dims_argument(arguments, 2, rank, "dim_order"));
  if (!arguments.is_none(2) && order.size() != rank) {
    return fail(ErrorCode::kInvalidArgument, "argument 'dim_order' has {} elements, expected {}",
                order.size(), rank);
  }
  return infer(arguments);
}

constexpr ir::Sample kSamples[] = {{"(f32[2,3,4,5])"}, {"(i64[3])"},    {"(f64[])"},
                                   {"(bool[7])"},      {"(bf16[2,5])"}, {"(u8[0,3])"}};
constexpr ir::Sample kCloneSamples[] = {{"(f32[2,3,4,5], none)"},
                                        {"(i64[3], none)"},
                                        {"(f64[], 0)"},
                                        {"(bool[2,3], 0)"},
                                        {"(f16[5], none)"}};
constexpr ir::Sample kDimOrderSamples[] = {
    {"(f32[2,3,4,5], false, [0,2,3,1])"}, {"(i8[2,3], false, none)"}, {"(f16[2], true, [0])"}};

constexpr Operator copy(std::string_view schema, std::string_view out_name) {
  return {.schema = schema,
          .out_name = out_name,
          .infer = infer,
          .kernel = kernel,
          .input_region = same_region,
          .xnnpack = unary_rule<xnnpack::NodeKind::kCopy>(),
          .samples = kSamples};
}

constexpr Operator kOperators[] = {
    {.schema = "aten::clone(Tensor self, *, MemoryFormat? memory_format=None) -> Tensor",
     .out_name = "aten::clone.out",
     .infer = infer_clone,
     .kernel = kernel,
     .input_region = same_region,
     .xnnpack = unary_rule<xnnpack::NodeKind::kCopy>(),
     .samples = kCloneSamples},
    copy("aten::alias_copy(Tensor self) -> Tensor", "aten::alias_copy.out"),
    copy("aten::detach_copy(Tensor self) -> Tensor", "aten::detach_copy.out"),
    copy("aten::lift_fresh_copy(Tensor self) -> Tensor", "aten::lift_fresh_copy.out"),
    // Between a host's and a device's memory, which are one here.
    copy("et_copy::_h2d_copy(Tensor self) -> Tensor", "et_copy::_h2d_copy.out"),
    copy("et_copy::_d2h_copy(Tensor self) -> Tensor", "et_copy::_d2h_copy.out"),
    {.schema = "dim_order_ops::_clone_dim_order(Tensor self, *, bool non_blocking=False, int[]? "
               "dim_order=None) -> Tensor",
     .out_name = "dim_order_ops::_clone_dim_order.out",
     .infer = infer_dim_order,
     .kernel = kernel,
     .input_region = same_region,
     .xnnpack = unary_rule<xnnpack::NodeKind::kCopy>(),
     .samples = kDimOrderSamples},
};

}  // namespace

std::span<const Operator> copy_operators() { return kOperators; }

}  // namespace tessera::ops
