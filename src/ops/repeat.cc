// SPDX-License-Identifier: MIT
#include <algorithm>

#include "base/try.h"
#include "ops/families.h"
#include "ops/move_rules.h"
#include "ops/shape_rules.h"
#include "ops/strided_copy.h"

/// Operators that have elements several times.
namespace tessera::ops {

namespace {

using ir::Dim;
using ir::KernelArguments;
using ir::KernelContext;
using ir::TensorType;
using ir::TypeArguments;

// ---- repeat ------------------------------------------------------------------------------------

Types infer_repeat(const TypeArguments& arguments) {
  const TensorType& self = arguments.tensor(0);
  ir::Dims repeats = TRY(sizes_argument(arguments, 1, "repeats"));
  if (repeats.size() < self.rank()) {
    return fail(ErrorCode::kInvalidArgument,
                "argument 'repeats' has {} elements, expected {} to {}", repeats.size(),
                self.rank(), Shape::kMaxRank);
  }
  const std::size_t added = repeats.size() - self.rank();
  for (std::size_t dim = added; dim < repeats.size(); ++dim) {
    std::int64_t product = 0;
    const Dim& size = self.dims[dim - added];
    if (size.is_constant() && repeats[dim].is_constant() &&
        __builtin_mul_overflow(size.constant(), repeats[dim].constant(), &product)) {
      return fail(ErrorCode::kInvalidArgument, "argument 'repeats' is {}, which is too much",
                  to_string(repeats));
    }
    repeats[dim] = repeats[dim] * size;
  }
  return std::vector{TensorType{self.dtype, std::move(repeats)}};
}

/// First copies the tensor to the front corner of the result, then doubles what is there, dimension
/// by dimension from the inside: all but the first copy are long runs.
Result<void> repeat(KernelContext& context, const KernelArguments& arguments,
                    std::span<Tensor> outputs) {
  const Tensor& self = arguments.tensor(0);
  if (outputs[0].num_elements() == 0) return {};
  const Shape from = contiguous_strides(self.shape());
  const Shape to = contiguous_strides(outputs[0].shape());
  const std::size_t added = outputs[0].rank() - self.rank();
  const std::size_t element_size = size_of(self.dtype());
  Shape box = outputs[0].shape(), strides = to;
  for (std::size_t dim = 0; dim < box.rank(); ++dim) {
    box[dim] = dim < added ? 1 : self.size(dim - added);
    strides[dim] = dim < added ? 0 : from[dim - added];
  }
  strided_copy(context, element_size, box, {self.bytes(), strides}, {outputs[0].bytes(), to});
  for (std::size_t dim = box.rank(); dim-- > 0;) {
    const std::int64_t count = outputs[0].size(dim);
    while (box[dim] < count) {
      Shape more = box;
      more[dim] = std::min(box[dim], count - box[dim]);
      const std::size_t offset = static_cast<std::size_t>(box[dim] * to[dim]) * element_size;
      strided_copy(context, element_size, more, {outputs[0].bytes(), to},
                   {outputs[0].bytes() + offset, to});
      box[dim] += more[dim];
    }
  }
  return {};
}

// ---- repeat_interleave -------------------------------------------------------------------------

/// Without `output_size` only the elements tell how many there are.
constexpr std::int64_t kMaxInterleaved = std::int64_t{1} << 20;

Types infer_interleave(const TypeArguments& arguments) {
  const TensorType& repeats = arguments.tensor(0);
  TRY(expect_index(repeats, "repeats"));
  TRY(expect_rank(repeats, "repeats", 1, 1));
  if (arguments.is_none(1)) {
    return std::vector{TensorType{repeats.dtype, {Dim(kMaxInterleaved)}}};
  }
  const Dim& size = arguments.dim(1);
  if (size.is_constant() && size.constant() < 0) {
    return fail(ErrorCode::kInvalidArgument, "argument 'output_size' is {}, expected 0 or more",
                size.constant());
  }
  return std::vector{TensorType{repeats.dtype, {size}}};
}

Result<void> interleave(KernelContext&, const KernelArguments& arguments,
                        std::span<Tensor> outputs) {
  const Tensor& repeats = arguments.tensor(0);
  const std::int64_t room = outputs[0].num_elements();
  std::int64_t total = 0;
  for (std::int64_t i = 0; i < repeats.num_elements(); ++i) {
    const std::int64_t count = index_at(repeats, i);
    if (count < 0 || count > room - total) {
      return fail(ErrorCode::kInvalidArgument,
                  "argument 'repeats' has {} at {}, expected 0 to {} there", count, i,
                  room - total);
    }
    if (repeats.dtype() == DType::kI64) {
      std::fill_n(outputs[0].data<std::int64_t>() + total, count, i);
    } else {
      std::fill_n(outputs[0].data<std::int32_t>() + total, count, static_cast<std::int32_t>(i));
    }
    total += count;
  }
  if (!arguments.is_none(1) && total != room) {
    return fail(ErrorCode::kInvalidArgument, "argument 'output_size' is {}, but the repeats are {}",
                room, total);
  }
  outputs[0].set_shape(Shape{total});
  return {};
}

// ---- samples, declaration ----------------------------------------------------------------------

constexpr ir::Sample kRepeatSamples[] = {{"(f32[2,3], [2,3])"},    {"(f32[2,1,4], [3,1,2,1])"},
                                         {"(i64[], [3])"},         {"(bool[2], [0])"},
                                         {"(f16[3], [2,1])"},      {"(u8[2,0], [2,2])"},
                                         {"(f64[3,2,2], [1,5,1])"}};
constexpr ir::Sample kInterleaveSamples[] = {
    {"(i64[5], none)", 4}, {"(i32[7], none)", 3}, {"(i64[0], 0)"}};

constexpr ir::Operator kOperators[] = {
    {.schema = "aten::repeat(Tensor self, SymInt[] repeats) -> Tensor",
     .out_name = "aten::repeat.out",
     .infer = infer_repeat,
     .kernel = repeat,
     .samples = kRepeatSamples},
    {.schema = "aten::repeat_interleave.Tensor(Tensor repeats, *, SymInt? output_size=None) -> "
               "Tensor",
     .out_name = "aten::repeat_interleave.Tensor_out",
     .infer = infer_interleave,
     .kernel = interleave,
     .samples = kInterleaveSamples,
     .sizes_from_elements = true},
};

}  // namespace

std::span<const ir::Operator> repeat_operators() { return kOperators; }

}  // namespace tessera::ops
