// SPDX-License-Identifier: MIT
#include <vector>

#include "base/try.h"
#include "ops/convert.h"
#include "ops/dispatch.h"
#include "ops/families.h"
#include "ops/promotion.h"
#include "ops/shape_rules.h"

/// torchao's dequantization with one scale for every block of elements: what it exports 4-bit
/// weights as. There is no such kernel in ExecuTorch: only XNNPACK runs it, elsewhere it is folded.
namespace tessera::ops {

namespace {

using ir::Dim;
using ir::Dims;
using ir::KernelArguments;
using ir::KernelContext;
using ir::TensorType;
using ir::TypeArguments;

enum Position : std::size_t {
  kInput,
  kBlockSize,
  kScale,
  kZeroPoint,
  kInputDtype,
  kQuantMin,
  kQuantMax,
  kOutputDtype
};

Result<std::vector<TensorType>> infer(const TypeArguments& arguments) {
  const TensorType& input = arguments.tensor(kInput);
  const TensorType& scale = arguments.tensor(kScale);
  TRY((expect_types<TypeList<std::int8_t, std::uint8_t>>(input, "input")));
  TRY((expect_types<FloatTypes>(scale, "scale")));
  const Dims& blocks = arguments.dims(kBlockSize);
  if (blocks.size() != input.rank()) {
    return fail(ErrorCode::kInvalidArgument, "argument 'block_size' has {} sizes, expected {}",
                blocks.size(), input.rank());
  }
  Dim num_scales = 1;
  for (std::size_t dim = 0; dim < blocks.size(); ++dim) {
    const Dim &size = input.dims[dim], &block = blocks[dim];
    if (block == size) continue;
    const bool is_constant = size.is_constant() && block.is_constant();
    if (block == Dim(1)) {
      num_scales = num_scales * size;
    } else if (is_constant && block.constant() > 1 && size.constant() % block.constant() == 0) {
      num_scales = num_scales * Dim(size.constant() / block.constant());
    } else {
      return fail(ErrorCode::kInvalidArgument,
                  "size {} of argument 'input' is {}, no multiple of the block's {}", dim,
                  size.to_string(), block.to_string());
    }
  }
  const auto expect_count = [&](const TensorType& type, std::string_view name) -> Result<void> {
    const Dim count = num_elements(type.dims);
    if (count == num_scales) return {};
    return fail(ErrorCode::kInvalidArgument, "argument '{}' has {} elements, expected {}", name,
                count.to_string(), num_scales.to_string());
  };
  TRY(expect_count(scale, "scale"));
  if (const TensorType* zero_point = arguments.optional_tensor(kZeroPoint)) {
    TRY((expect_types<RealTypes>(*zero_point, "zero_point")));
    TRY(expect_count(*zero_point, "zero_point"));
  }
  const DType dtype = TRY(dtype_argument(arguments, kOutputDtype, DType::kF32));
  if (dtype != DType::kF32) {
    return fail(ErrorCode::kInvalidType, "the result would be {}, expected f32", name_of(dtype));
  }
  return std::vector{TensorType{dtype, input.dims}};
}

std::vector<float> floats(const Tensor& tensor) {
  std::vector<float> elements(static_cast<std::size_t>(tensor.num_elements()));
  convert_elements(tensor.dtype(), tensor.bytes(), DType::kF32, elements.data(), elements.size());
  return elements;
}

Result<void> kernel(KernelContext&, const KernelArguments& arguments, std::span<Tensor> outputs) {
  const Tensor& input = arguments.tensor(kInput);
  const std::vector<float> scales = floats(arguments.tensor(kScale));
  const Tensor* zero_point = arguments.optional_tensor(kZeroPoint);
  const std::vector<float> zeros =
      zero_point == nullptr ? std::vector<float>(scales.size()) : floats(*zero_point);
  const Dims& blocks = arguments.dims(kBlockSize);
  float* out = outputs[0].data<float>();
  dispatch<TypeList<std::int8_t, std::uint8_t>>(input.dtype(), [&]<class Q>() {
    const Q* in = input.data<Q>();
    for (std::int64_t i = 0; i < input.num_elements(); ++i) {
      std::int64_t rest = i, stride = 1, block = 0;
      for (std::size_t dim = input.rank(); dim-- > 0;) {
        const std::int64_t size = blocks[dim].constant();
        block += rest % input.size(dim) / size * stride;
        rest /= input.size(dim);
        stride *= input.size(dim) / size;
      }
      const auto b = static_cast<std::size_t>(block);
      out[i] = (static_cast<float>(in[i]) - zeros[b]) * scales[b];
    }
  });
  return {};
}

constexpr ir::Sample kSamples[] = {{"(i8[3,64], [1,32], f32[3,2], none, 1, -8, 7, 6)"},
                                   {"(i8[4,6], [2,3], f32[2,2], i8[2,2], 1, none, none, 6)"},
                                   {"(u8[5], [5], bf16[1], i32[1], 0, 0, 15, 6)"}};

constexpr ir::Operator kOperators[] = {
    {.schema = "torchao::dequantize_affine(Tensor input, SymInt[] block_size, Tensor scale, "
               "Tensor? zero_point, ScalarType input_dtype, SymInt? quant_min=None, SymInt? "
               "quant_max=None, ScalarType output_dtype=6) -> Tensor",
     .out_name = "torchao::dequantize_affine.out",
     .infer = infer,
     .kernel = kernel,
     .quantize = {.kind = ir::QuantKind::kDequantizeGroups},
     .samples = kSamples},
};

}  // namespace

std::span<const ir::Operator> dequantize_groups_operators() { return kOperators; }

}  // namespace tessera::ops
