// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <span>

#include "ir/kernel_context.h"
#include "ir/operator.h"
#include "ops/convert.h"
#include "ops/dispatch.h"
#include "ops/element_types.h"
#include "ops/vectorize.h"

/// Elementwise operators of any number of operands with broadcasting and mixed dtypes. An operator
/// gives a function of numbers; it is compiled for four types only (LoopTypes). All else happens in
/// blocks that stay in the first-level cache: operands of another dtype are converted, broadcast
/// ones repeated, results converted back. Where nothing is to be done, loops run on the tensors'
/// own memory.
namespace tessera::ops {

using FloatLoopTypes = TypeList<float, double>;
using IntegerLoopTypes = TypeList<std::int32_t, std::int64_t>;
using LoopTypes = TypeList<float, double, std::int32_t, std::int64_t>;

/// The type of LoopTypes that elements of this dtype are computed in. Narrow integers and bool are
/// int32: a result that wraps around there gives the same when it is cut off.
DType loop_dtype(DType dtype);

/// One operand: a tensor's memory, or a number.
class Operand {
 public:
  /// `common` is the dtype that ATen converts the operand to before it computes; `loop` what the
  /// function takes.
  Operand(const Tensor& tensor, DType common, DType loop)
      : dtype_(tensor.dtype()),
        common_(common),
        loop_(loop),
        shape_(tensor.shape()),
        data_(tensor.bytes()) {}
  Operand(const Tensor& tensor, DType common) : Operand(tensor, common, loop_dtype(common)) {}
  /// A Scalar argument: integer, real or bool.
  Operand(const ir::KernelArguments& arguments, std::size_t position, DType common, DType loop);
  Operand(const ir::KernelArguments& arguments, std::size_t position, DType common)
      : Operand(arguments, position, common, loop_dtype(common)) {}

  DType dtype() const { return dtype_; }
  DType common() const { return common_; }
  DType loop() const { return loop_; }
  const Shape& shape() const { return shape_; }
  const std::byte* data() const { return is_number_ ? number_.data() : data_; }

 private:
  DType dtype_, common_, loop_;
  Shape shape_;
  const std::byte* data_ = nullptr;
  bool is_number_ = false;
  alignas(8) std::array<std::byte, 8> number_{};
};

/// A function over blocks: `in` are as many blocks as there are operands, of their loop types.
struct BlockFunction {
  const void* state = nullptr;
  void (*run)(const void* state, const void* const* in, void* out, std::size_t count) = nullptr;
};

inline constexpr std::size_t kMaxOperands = 3;

/// Computes `out`, of whose dtype `out_loop` is the loop type.
void run_blocks(ir::KernelContext& context, std::span<const Operand> operands, Tensor& out,
                DType out_loop, BlockFunction function);

namespace detail {
template <class Function, class Out, class... In, std::size_t... kIndex>
void run_block(const void* state, const void* const* in, void* out, std::size_t count,
               std::index_sequence<kIndex...>) {
  map_vectorized(*static_cast<const Function*>(state), static_cast<Out*>(out), count,
                 static_cast<const In*>(in[kIndex])...);
}
}  // namespace detail

/// out[i] = function(operands[i]...) with loop types In and Out (std::uint8_t for bool).
template <class Out, class... In, class Function>
void run_elementwise(ir::KernelContext& context, std::span<const Operand> operands, Tensor& out,
                     const Function& function) {
  const BlockFunction block = {
      &function, [](const void* state, const void* const* in, void* result, std::size_t count) {
        detail::run_block<Function, Out, In...>(state, in, result, count,
                                                std::index_sequence_for<In...>());
      }};
  const DType out_loop =
      out.dtype() == DType::kBool && sizeof(Out) == 1 ? DType::kBool : dtype_of<Out>();
  run_blocks(context, operands, out, out_loop, block);
}

/// A number argument as T of the loop: converted to `common` first, as tensors are.
template <class T>
T number_argument(const ir::KernelArguments& arguments, std::size_t position, DType common) {
  const Operand operand(arguments, position, common, dtype_of<T>());
  alignas(8) std::array<std::byte, 8> rounded{};
  convert_elements(operand.dtype(), operand.data(), common, rounded.data(), 1);
  T result{};
  convert_elements(common, rounded.data(), dtype_of<T>(), &result, 1);
  return result;
}

}  // namespace tessera::ops
