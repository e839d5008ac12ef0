// SPDX-License-Identifier: MIT
#include "base/try.h"
#include "ops/elementwise_rules.h"
#include "ops/families.h"

/// Operators that take each element from one of two operands.
namespace tessera::ops {

namespace {

using ir::KernelArguments;
using ir::KernelContext;
using ir::TypeArguments;

// ---- kernel ------------------------------------------------------------------------------------

/// Only moves elements, so types of one size share the code.
template <class T>
void run_select(const void*, const void* const* in, void* out, std::size_t count) {
  map_vectorized([](std::uint8_t condition, T a, T b) { return condition != 0 ? a : b; },
                 static_cast<T*>(out), count, static_cast<const std::uint8_t*>(in[0]),
                 static_cast<const T*>(in[1]), static_cast<const T*>(in[2]));
}

void select(KernelContext& context, const Tensor& condition, const Operand& yes, const Operand& no,
            Tensor& out) {
  const Operand operands[] = {{condition, condition.dtype(), condition.dtype()}, yes, no};
  BlockFunction function;
  switch (size_of(out.dtype())) {
    case 1:
      function.run = run_select<std::uint8_t>;
      break;
    case 2:
      function.run = run_select<std::uint16_t>;
      break;
    case 4:
      function.run = run_select<std::uint32_t>;
      break;
    default:
      function.run = run_select<std::uint64_t>;
  }
  run_blocks(context, operands, out, out.dtype(), function);
}

Result<void> where_kernel(KernelContext& context, const KernelArguments& arguments,
                          std::span<Tensor> outputs) {
  const DType dtype = outputs[0].dtype();
  select(context, arguments.tensor(0), {arguments.tensor(1), dtype, dtype},
         {arguments.tensor(2), dtype, dtype}, outputs[0]);
  return {};
}

Result<void> masked_fill_kernel(KernelContext& context, const KernelArguments& arguments,
                                std::span<Tensor> outputs) {
  const DType dtype = outputs[0].dtype();
  select(context, arguments.tensor(1), {arguments, 2, dtype, dtype},
         {arguments.tensor(0), dtype, dtype}, outputs[0]);
  return {};
}

// ---- shape -------------------------------------------------------------------------------------

Types infer_where(const TypeArguments& arguments) {
  TRY(expect_dtype(arguments.tensor(0), "condition", {DType::kBool, DType::kU8}));
  TRY(expect_known_types(arguments));
  return std::vector{ir::TensorType{common_type(arguments, {1, 2}), TRY(broadcast_all(arguments))}};
}

Types infer_masked_fill(const TypeArguments& arguments) {
  TRY(expect_types<AllTypes>(arguments.tensor(0), "self"));
  TRY(expect_dtype(arguments.tensor(1), "mask", {DType::kBool}));
  return std::vector{ir::TensorType{arguments.tensor(0).dtype, TRY(broadcast_all(arguments))}};
}

// ---- samples, declaration ----------------------------------------------------------------------

constexpr ir::Sample kWhereSamples[] = {{"(bool[1,3,2,9], f32[1,3,2,9], f32[1,3,1,1])"},
                                        {"(bool[9], f32[], f64[9])"},
                                        {"(bool[2,1], i32[9], i64[])"},
                                        {"(u8[9], f16[9], f16[9])"},
                                        {"(bool[9], u8[9], i8[9])"},
                                        {"(bool[], bool[9], bool[9])"},
                                        {"(bool[9], bf16[1], i64[9])"},
                                        {"(bool[0], f32[1], f32[0])"}};
constexpr ir::Sample kMaskedFillSamples[] = {{"(f32[1,3,2,9], bool[1,3,1,1], -1e+30)"},
                                             {"(f64[9], bool[2,9], 3)"},
                                             {"(i64[9], bool[], 7)"},
                                             {"(f16[9], bool[9], 0.5)"},
                                             {"(bool[9], bool[9], true)"},
                                             {"(u8[1], bool[9], 200)"}};

constexpr ir::Operator kOperators[] = {
    {.schema = "aten::where.self(Tensor condition, Tensor self, Tensor other) -> Tensor",
     .out_name = "aten::where.self_out",
     .infer = infer_where,
     .kernel = where_kernel,
     .input_region = operand_region,
     .samples = kWhereSamples},
    {.schema = "aten::masked_fill.Scalar(Tensor self, Tensor mask, Scalar value) -> Tensor",
     .out_name = "aten::masked_fill.Scalar_out",
     .infer = infer_masked_fill,
     .kernel = masked_fill_kernel,
     .input_region = operand_region,
     .samples = kMaskedFillSamples},
};

}  // namespace

std::span<const ir::Operator> where_operators() { return kOperators; }

}  // namespace tessera::ops
