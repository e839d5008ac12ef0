// SPDX-License-Identifier: MIT
#include "base/try.h"
#include "ops/convert.h"
#include "ops/dispatch.h"
#include "ops/families.h"
#include "ops/move_rules.h"
#include "ops/promotion.h"
#include "ops/same_shape.h"
#include "ops/strided_copy.h"
#include "ops/xnnpack_rules.h"

namespace tessera::ops {

namespace {

using ir::KernelArguments;
using ir::KernelContext;
using ir::TensorType;
using ir::TypeArguments;

enum : std::size_t { kSelf, kDType, kLayout, kDevice, kPinMemory, kNonBlocking, kDimOrder };

Result<void> kernel(KernelContext& context, const KernelArguments& arguments,
                    std::span<Tensor> outputs) {
  const Tensor& self = arguments.tensor(kSelf);
  if (self.dtype() == outputs[0].dtype()) {
    copy_elements(context, self, outputs[0]);
    return {};
  }
  const DType from = self.dtype(), to = outputs[0].dtype();
  const std::byte* in = self.bytes();
  std::byte* out = outputs[0].bytes();
  context.parallel_for(static_cast<std::size_t>(self.num_elements()), kElementsPerThread,
                       [=](std::size_t begin, std::size_t end) {
                         convert_elements(from, in + begin * size_of(from), to,
                                          out + begin * size_of(to), end - begin);
                       });
  return {};
}

/// The order says how elements lie in memory, which is the runtime's affair.
Types infer(const TypeArguments& arguments) {
  const TensorType& self = arguments.tensor(kSelf);
  TRY(expect_types<AllTypes>(self, "self"));
  const auto order = TRY(dims_argument(arguments, kDimOrder, self.rank(), "dim_order"));
  if (!arguments.is_none(kDimOrder) && order.size() != self.rank()) {
    return fail(ErrorCode::kInvalidArgument, "argument 'dim_order' has {} elements, expected {}",
                order.size(), self.rank());
  }
  return std::vector{TensorType{TRY(dtype_argument(arguments, kDType, self.dtype)), self.dims}};
}

/// Between the two float types of XNNPACK, by a node of its own.
Reason check(const ir::NodeView& view) {
  const DType from = view.arguments.tensor(kSelf).dtype, to = view.results[0].dtype;
  const bool is_conversion =
      (from == DType::kF32 && to == DType::kF16) || (from == DType::kF16 && to == DType::kF32);
  if (!is_conversion) return std::format("it makes {} of {}", name_of(to), name_of(from));
  if (constant_operand(view, kSelf) != nullptr) return "the input is a constant";
  return check_shape(view.results[0]);
}

Result<void> lower(const ir::NodeView& view, xnnpack::Builder& builder) {
  lower_node(view, builder, xnnpack::NodeKind::kConvert, builder.layout_of(operand(view, kSelf)),
             {});
  return {};
}

constexpr ir::Sample kSamples[] = {{"(f32[2,3,4,5], none, none, none, none, false, [0,2,3,1])"},
                                   {"(f32[7], 4, none, none, none, false, none)"},
                                   {"(f64[7], 0, none, none, none, false, [0])"},
                                   {"(i64[9], 6, none, none, none, false, none)"},
                                   {"(f32[9], 5, none, none, none, false, none)"},
                                   {"(f64[9], 15, none, none, none, false, none)"},
                                   {"(bool[5], 7, none, none, none, false, none)"},
                                   {"(i32[8], 1, none, none, none, true, none)"},
                                   {"(i8[8], 0, none, none, none, false, none)"},
                                   {"(f16[6], 11, none, none, none, false, none)"},
                                   {"(bf16[6], 3, none, none, none, false, none)"},
                                   {"(u8[0], 2, none, none, none, false, none)"}};

constexpr ir::Operator kOperators[] = {
    {.schema = "dim_order_ops::_to_dim_order_copy(Tensor self, *, ScalarType? dtype=None, Layout? "
               "layout=None, Device? device=None, bool? pin_memory=None, bool non_blocking=False, "
               "int[]? dim_order=None) -> Tensor",
     .out_name = "dim_order_ops::_to_dim_order_copy.out",
     .infer = infer,
     .kernel = kernel,
     .input_region = same_region,
     .xnnpack = {check, lower},
     .samples = kSamples},
};

}  // namespace

std::span<const ir::Operator> to_dim_order_operators() { return kOperators; }

}  // namespace tessera::ops
