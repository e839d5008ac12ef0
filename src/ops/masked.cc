// SPDX-License-Identifier: MIT
#include <algorithm>

#include "base/try.h"
#include "ops/families.h"
#include "ops/move_dispatch.h"
#include "ops/move_rules.h"
#include "ops/shape_rules.h"
#include "ops/strided_copy.h"

/// Operators whose elements a tensor of bool or the elements themselves choose.
namespace tessera::ops {

namespace {

using ir::Dim;
using ir::KernelArguments;
using ir::KernelContext;
using ir::TensorType;
using ir::TypeArguments;

/// Where elements of a tensor lie that is broadcast to these sizes.
class BroadcastPosition {
 public:
  BroadcastPosition(const Shape& shape, const Shape& sizes)
      : is_same_(shape == sizes), sizes_(sizes) {
    const Shape own = contiguous_strides(shape);
    const std::size_t added = sizes.rank() - shape.rank();
    for (std::size_t dim = 0; dim < sizes.rank(); ++dim) {
      strides_.push_back(dim < added || shape[dim - added] == 1 ? 0 : own[dim - added]);
    }
  }
  std::int64_t operator()(std::int64_t at) const {
    if (is_same_) return at;
    std::int64_t offset = 0;
    for (std::size_t dim = sizes_.rank(); dim-- > 0; at /= sizes_[dim]) {
      offset += at % sizes_[dim] * strides_[dim];
    }
    return offset;
  }

 private:
  bool is_same_;
  Shape sizes_, strides_;
};

Shape broadcast_sizes(const Tensor& a, const Tensor& b) {
  const auto sizes = broadcast(ir::type_of(a).dims, ir::type_of(b).dims);
  CHECK(sizes.has_value());
  Shape shape;
  for (const Dim& size : *sizes) shape.push_back(size.constant());
  return shape;
}

Result<ir::Dims> masked_sizes(const TypeArguments& arguments) {
  TRY(expect_dtype(arguments.tensor(1), "mask", {DType::kBool}));
  return broadcast(arguments.tensor(0).dims, arguments.tensor(1).dims);
}

// ---- masked_select -----------------------------------------------------------------------------

Types infer_select(const TypeArguments& arguments) {
  const Dim bound = num_elements(TRY(masked_sizes(arguments)));
  return std::vector{TensorType{arguments.tensor(0).dtype, {bound}}};
}

Result<void> too_many(const Tensor& output) {
  return fail(ErrorCode::kInvalidArgument,
              "its result has more elements than the {} of the program",
              output.shape().to_string());
}

Result<void> masked_select(KernelContext&, const KernelArguments& arguments,
                           std::span<Tensor> outputs) {
  const Tensor &self = arguments.tensor(0), &mask = arguments.tensor(1);
  const Shape sizes = broadcast_sizes(self, mask);
  const BroadcastPosition in_self(self.shape(), sizes), in_mask(mask.shape(), sizes);
  const std::int64_t room = outputs[0].num_elements();
  std::int64_t count = 0;
  bool fits = true;
  dispatch_size(size_of(self.dtype()), [&]<class Word>() {
    const auto* in = reinterpret_cast<const Word*>(self.bytes());
    auto* out = reinterpret_cast<Word*>(outputs[0].bytes());
    for (std::int64_t i = 0; i < sizes.num_elements() && fits; ++i) {
      if (!mask.data<bool>()[in_mask(i)]) continue;
      fits = count < room;
      if (fits) out[count++] = in[in_self(i)];
    }
  });
  if (!fits) return too_many(outputs[0]);
  outputs[0].set_shape(Shape{count});
  return {};
}

// ---- masked_scatter ----------------------------------------------------------------------------

Types infer_scatter(const TypeArguments& arguments) {
  const TensorType& self = arguments.tensor(0);
  TRY(expect_same_dtype(self, "self", arguments.tensor(2), "source"));
  return std::vector{TensorType{self.dtype, TRY(masked_sizes(arguments))}};
}

Result<void> masked_scatter(KernelContext&, const KernelArguments& arguments,
                            std::span<Tensor> outputs) {
  const Tensor &self = arguments.tensor(0), &mask = arguments.tensor(1),
               &source = arguments.tensor(2);
  const Shape& sizes = outputs[0].shape();
  const BroadcastPosition in_self(self.shape(), sizes), in_mask(mask.shape(), sizes);
  const std::int64_t room = source.num_elements();
  std::int64_t taken = 0;
  dispatch_size(size_of(self.dtype()), [&]<class Word>() {
    const auto* in = reinterpret_cast<const Word*>(self.bytes());
    const auto* chosen = reinterpret_cast<const Word*>(source.bytes());
    auto* out = reinterpret_cast<Word*>(outputs[0].bytes());
    for (std::int64_t i = 0; i < sizes.num_elements(); ++i) {
      const bool is_chosen = mask.data<bool>()[in_mask(i)];
      out[i] = is_chosen && taken < room ? chosen[taken] : in[in_self(i)];
      taken += is_chosen;
    }
  });
  if (taken <= room) return {};
  return fail(ErrorCode::kInvalidArgument, "argument 'source' has {} elements, 'mask' chooses {}",
              room, taken);
}

// ---- nonzero -----------------------------------------------------------------------------------

Types infer_nonzero(const TypeArguments& arguments) {
  const TensorType& self = arguments.tensor(0);
  TRY(expect_types<AllTypes>(self, "self"));
  return std::vector{TensorType{
      DType::kI64, {num_elements(self.dims), Dim(static_cast<std::int64_t>(self.rank()))}}};
}

/// One row of the result for each element that is not 0, with its position.
Result<void> nonzero(KernelContext&, const KernelArguments& arguments, std::span<Tensor> outputs) {
  const Tensor& self = arguments.tensor(0);
  const std::int64_t room = outputs[0].size(0);
  const auto rank = static_cast<std::int64_t>(self.rank());
  std::int64_t count = 0;
  bool fits = true;
  dispatch<AllTypes>(self.dtype(), [&]<class T>() {
    const T* in = self.data<T>();
    for (std::int64_t i = 0; i < self.num_elements() && fits; ++i) {
      if (static_cast<Compute<T>>(in[i]) == Compute<T>(0)) continue;
      fits = count < room;
      if (!fits) break;
      std::int64_t* row = outputs[0].data<std::int64_t>() + count++ * rank;
      std::int64_t rest = i;
      for (std::size_t dim = self.rank(); dim-- > 0; rest /= self.size(dim)) {
        row[dim] = rest % self.size(dim);
      }
    }
  });
  if (!fits) return too_many(outputs[0]);
  outputs[0].set_shape(Shape{count, rank});
  return {};
}

// ---- samples, declaration ----------------------------------------------------------------------

constexpr ir::Sample kSelectSamples[] = {{"(f32[3,4,5], bool[3,4,5])"},
                                         {"(i64[4], bool[3,1])"},
                                         {"(f16[2,3], bool[3])"},
                                         {"(u8[], bool[])"},
                                         {"(bool[0,2], bool[2])"}};
constexpr ir::Sample kScatterSamples[] = {{"(f32[3,4], bool[3,4], f32[12])"},
                                          {"(i8[4], bool[3,1], i8[3,5])"},
                                          {"(bf16[2,3], bool[3], bf16[7])"},
                                          {"(f64[], bool[], f64[1])"}};
constexpr ir::Sample kNonzeroSamples[] = {{"(i64[3,7])"}, {"(bool[2,3,4])"}, {"(f32[5])"},
                                          {"(bool[])"},   {"(f16[0,2])"},    {"(u8[30])"}};

constexpr ir::Operator kOperators[] = {
    {.schema = "aten::masked_select(Tensor self, Tensor mask) -> Tensor",
     .out_name = "aten::masked_select.out",
     .infer = infer_select,
     .kernel = masked_select,
     .samples = kSelectSamples,
     .sizes_from_elements = true},
    {.schema = "aten::masked_scatter(Tensor self, Tensor mask, Tensor source) -> Tensor",
     .out_name = "aten::masked_scatter.out",
     .infer = infer_scatter,
     .kernel = masked_scatter,
     .samples = kScatterSamples},
    {.schema = "aten::nonzero(Tensor self) -> Tensor",
     .out_name = "aten::nonzero.out",
     .infer = infer_nonzero,
     .kernel = nonzero,
     .samples = kNonzeroSamples,
     .sizes_from_elements = true},
};

}  // namespace

std::span<const ir::Operator> masked_operators() { return kOperators; }

}  // namespace tessera::ops
