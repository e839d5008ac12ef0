// SPDX-License-Identifier: MIT
#include <cstring>

#include "base/try.h"
#include "ops/elementwise_rules.h"
#include "ops/families.h"
#include "ops/same_shape.h"
#include "ops/xnnpack_rules.h"

/// Operators that fill a tensor with the elements of another or with one number.
namespace tessera::ops {

namespace {

using ir::KernelArguments;
using ir::KernelContext;
using ir::TypeArguments;

// ---- kernel ------------------------------------------------------------------------------------

/// Repeats and converts the source as needed. A tensor may be copied to itself.
void copy(KernelContext& context, const Operand& source, Tensor& out) {
  const std::size_t size = size_of(out.dtype());
  const BlockFunction move = {
      &size, [](const void* state, const void* const* in, void* result, std::size_t count) {
        std::memmove(result, in[0], count * *static_cast<const std::size_t*>(state));
      }};
  run_blocks(context, {&source, 1}, out, out.dtype(), move);
}

template <std::size_t kSource>
Result<void> copy_kernel(KernelContext& context, const KernelArguments& arguments,
                         std::span<Tensor> outputs) {
  const DType dtype = outputs[0].dtype();
  copy(context, {arguments.tensor(kSource), dtype, dtype}, outputs[0]);
  return {};
}

Result<void> fill_kernel(KernelContext& context, const KernelArguments& arguments,
                         std::span<Tensor> outputs) {
  const DType dtype = outputs[0].dtype();
  copy(context, {arguments, 1, dtype, dtype}, outputs[0]);
  return {};
}

// ---- shape -------------------------------------------------------------------------------------

Types infer_copy(const TypeArguments& arguments) {
  TRY(expect_known_types(arguments));
  if (TRY(broadcast_all(arguments)) != arguments.tensor(0).dims) {
    return fail(ErrorCode::kInvalidArgument,
                "argument 'src' has sizes {}, which do not broadcast to {}",
                to_string(arguments.tensor(1).dims), to_string(arguments.tensor(0).dims));
  }
  return std::vector{arguments.tensor(0)};
}

Types infer_to_copy(const TypeArguments& arguments) {
  TRY(expect_known_types(arguments));
  const DType dtype = TRY(dtype_argument(arguments, 1, arguments.tensor(0).dtype));
  return std::vector{ir::TensorType{dtype, arguments.tensor(0).dims}};
}

Types infer_fill(const TypeArguments& arguments) {
  TRY(expect_known_types(arguments));
  if (const auto* value = std::get_if<const ir::TensorType*>(&arguments[1])) {
    TRY(expect_rank(**value, "value", 0, 0));
  }
  return std::vector{arguments.tensor(0)};
}

// ---- samples, declaration ----------------------------------------------------------------------

constexpr ir::Sample kCopySamples[] = {
    {"(f32[2,3,4], f32[2,3,4], false)"}, {"(f32[2,3,4], f32[3,1], false)"},
    {"(f16[2,9], f32[9], false)"},       {"(i32[9], f64[9], true)"},
    {"(bool[9], i8[9], false)"},         {"(i64[9], bool[], false)"},
    {"(bf16[9], u8[9], false)"},         {"(u8[0], i16[1], false)"}};
constexpr ir::Sample kToCopySamples[] = {{"(f32[2,3,4], none, none, none, none, false, none)"},
                                         {"(f32[37], 5, none, none, none, false, none)"},
                                         {"(f16[37], 6, none, none, none, false, none)"},
                                         {"(u8[9], 6, none, none, none, false, none)"},
                                         {"(f64[9], 4, none, none, none, false, none)"},
                                         {"(i64[9], 1, none, none, none, false, none)"},
                                         {"(f32[9], 15, none, none, none, false, none)"},
                                         {"(i32[], 11, none, none, none, false, none)"},
                                         {"(bool[0], 7, none, none, none, false, none)"}};
constexpr ir::Sample kFillSamples[] = {
    {"(f32[2,9], 1.5)"}, {"(i64[9], 3)"}, {"(f16[], 0.1)"}, {"(bool[4], true)"}, {"(u8[0], 1)"}};
constexpr ir::Sample kFillTensorSamples[] = {
    {"(f32[2,9], f32[])"}, {"(i64[9], u8[])"}, {"(f64[5], f32[])"}, {"(bool[4], i64[])"}};

constexpr ir::Operator kOperators[] = {
    {.schema = "aten::copy(Tensor self, Tensor src, bool non_blocking=False) -> Tensor",
     .out_name = "aten::copy.out",
     .in_place_name = "aten::copy_",
     .infer = infer_copy,
     .kernel = copy_kernel<1>,
     .input_region = operand_region,
     .samples = kCopySamples},
    {.schema = "aten::_to_copy(Tensor self, *, ScalarType? dtype=None, Layout? layout=None, "
               "Device? device=None, bool? pin_memory=None, bool non_blocking=False, "
               "MemoryFormat? memory_format=None) -> Tensor",
     .out_name = "aten::_to_copy.out",
     .infer = infer_to_copy,
     .kernel = copy_kernel<0>,
     .input_region = same_region,
     .xnnpack = unary_rule<xnnpack::NodeKind::kCopy>(),
     .samples = kToCopySamples},
    {.schema = "aten::fill.Scalar(Tensor self, Scalar value) -> Tensor",
     .out_name = "aten::fill.Scalar_out",
     .infer = infer_fill,
     .kernel = fill_kernel,
     .samples = kFillSamples},
    {.schema = "aten::fill.Tensor(Tensor self, Tensor value) -> Tensor",
     .out_name = "aten::fill.Tensor_out",
     .infer = infer_fill,
     .kernel = copy_kernel<1>,
     .samples = kFillTensorSamples},
};

}  // namespace

std::span<const ir::Operator> fill_operators() { return kOperators; }

}  // namespace tessera::ops
