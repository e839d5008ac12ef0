// SPDX-License-Identifier: MIT
#include <algorithm>
#include <atomic>
#include <cstring>

#include "base/try.h"
#include "ops/along_dim.h"
#include "ops/element_sum.h"
#include "ops/families.h"
#include "ops/move_dispatch.h"
#include "ops/move_rules.h"
#include "ops/shape_rules.h"
#include "ops/strided_copy.h"

/// Operators with a tensor of indices along one dimension, one for each element.
namespace tessera::ops {

namespace {

using ir::KernelArguments;
using ir::KernelContext;
using ir::TensorType;
using ir::TypeArguments;

// ---- kernel ------------------------------------------------------------------------------------

Shape at_least_1d(const Shape& shape) { return shape.rank() == 0 ? Shape{1} : shape; }

/// Calls visit(position in the index tensor, position in `whole`) for every element of the index
/// tensor. Indices of one line along `dim` come in order from one thread, so that of several writes
/// to an element the last one stands. Fails at an index outside of the dimension.
template <class Visit>
Result<void> for_each_index(KernelContext& context, const Tensor& index, const Shape& whole,
                            std::size_t dim, const Visit& visit) {
  const Shape sizes = at_least_1d(index.shape()), target = at_least_1d(whole);
  const Shape strides = contiguous_strides(target);
  const AlongDim lines(sizes, dim);
  std::atomic<bool> is_wrong = false;
  std::atomic<std::int64_t> wrong = 0;
  const auto num_lines = static_cast<std::size_t>(lines.outer * lines.inner);
  const std::size_t grain =
      kElementsPerThread / static_cast<std::size_t>(std::max<std::int64_t>(lines.size, 1)) + 1;
  context.parallel_for(num_lines, grain, [&](std::size_t begin, std::size_t end) {
    for (auto line = static_cast<std::int64_t>(begin); line < static_cast<std::int64_t>(end);
         ++line) {
      const std::int64_t first = line / lines.inner * lines.size * lines.inner + line % lines.inner;
      std::int64_t offset = 0, rest = first;
      for (std::size_t d = sizes.rank(); d-- > 0; rest /= sizes[d]) {
        offset += d == dim ? 0 : rest % sizes[d] * strides[d];
      }
      for (std::int64_t i = 0; i < lines.size; ++i) {
        const std::int64_t position = first + i * lines.inner;
        const std::int64_t chosen = index_at(index, position);
        if (chosen < 0 || chosen >= target[dim]) {
          wrong = chosen;
          is_wrong = true;
          continue;
        }
        visit(position, offset + chosen * strides[dim], i);
      }
    }
  });
  if (!is_wrong) return {};
  return fail(ErrorCode::kInvalidArgument, "argument 'index' has {}, expected 0 to {}",
              wrong.load(), target[dim] - 1);
}

Result<void> gather(KernelContext& context, const KernelArguments& arguments,
                    std::span<Tensor> outputs) {
  const Tensor &self = arguments.tensor(0), &index = arguments.tensor(2);
  if (index.num_elements() == 0) return {};
  const std::size_t dim = dim_of(arguments.integer(1), self.rank());
  Result<void> result;
  dispatch_size(size_of(self.dtype()), [&]<class Word>() {
    const auto* in = reinterpret_cast<const Word*>(self.bytes());
    auto* out = reinterpret_cast<Word*>(outputs[0].bytes());
    result = for_each_index(
        context, index, self.shape(), dim,
        [=](std::int64_t at, std::int64_t from, std::int64_t) { out[at] = in[from]; });
  });
  return result;
}

/// Position in `source` of the element that belongs to position `at` of the index tensor, which may
/// be smaller than the source along every dimension.
class SourcePosition {
 public:
  SourcePosition(const Shape& index, const Shape& source)
      : is_same_(index == source), sizes_(index), strides_(contiguous_strides(source)) {}
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

Result<void> scatter(KernelContext& context, const KernelArguments& arguments,
                     std::span<Tensor> outputs) {
  const Tensor &self = arguments.tensor(0), &index = arguments.tensor(2),
               &source = arguments.tensor(3);
  copy_elements(context, self, outputs[0]);
  if (index.num_elements() == 0) return {};
  const std::size_t dim = dim_of(arguments.integer(1), self.rank());
  const SourcePosition position(index.shape(), source.shape());
  Result<void> result;
  dispatch_size(size_of(self.dtype()), [&]<class Word>() {
    const auto* in = reinterpret_cast<const Word*>(source.bytes());
    auto* out = reinterpret_cast<Word*>(outputs[0].bytes());
    result = for_each_index(
        context, index, self.shape(), dim,
        [&](std::int64_t at, std::int64_t to, std::int64_t) { out[to] = in[position(at)]; });
  });
  return result;
}

Result<void> scatter_value(KernelContext& context, const KernelArguments& arguments,
                           std::span<Tensor> outputs) {
  const Tensor &self = arguments.tensor(0), &index = arguments.tensor(2);
  copy_elements(context, self, outputs[0]);
  if (index.num_elements() == 0) return {};
  const std::size_t dim = dim_of(arguments.integer(1), self.rank());
  Result<void> result;
  dispatch<AllTypes>(self.dtype(), [&]<class T>() {
    const T value = scalar_as<T>(arguments, 3);
    T* out = outputs[0].data<T>();
    result = for_each_index(context, index, self.shape(), dim,
                            [=](std::int64_t, std::int64_t to, std::int64_t) { out[to] = value; });
  });
  return result;
}

Result<void> scatter_add(KernelContext& context, const KernelArguments& arguments,
                         std::span<Tensor> outputs) {
  const Tensor &self = arguments.tensor(0), &index = arguments.tensor(2),
               &source = arguments.tensor(3);
  copy_elements(context, self, outputs[0]);
  if (index.num_elements() == 0) return {};
  const std::size_t dim = dim_of(arguments.integer(1), self.rank());
  const SourcePosition position(index.shape(), source.shape());
  Result<void> result;
  dispatch<AllTypes>(self.dtype(), [&]<class T>() {
    const T* in = source.data<T>();
    T* out = outputs[0].data<T>();
    result = for_each_index(context, index, self.shape(), dim,
                            [&](std::int64_t at, std::int64_t to, std::int64_t) {
                              out[to] = plus(out[to], in[position(at)]);
                            });
  });
  return result;
}

// ---- shape -------------------------------------------------------------------------------------

std::string size_text(std::size_t dim, std::string_view name) {
  return std::format("size {} of argument '{}'", dim, name);
}

/// The index tensor may be smaller than `other` along every dimension but `except`.
Result<void> expect_inside(const TensorType& index, const TensorType& other, std::string_view name,
                           std::optional<std::size_t> except) {
  for (std::size_t dim = 0; dim < index.rank() && dim < other.rank(); ++dim) {
    const ir::Dim &size = index.dims[dim], &limit = other.dims[dim];
    if (dim == except || size == limit) continue;
    if (size.is_constant() && limit.is_constant() && size.constant() <= limit.constant()) continue;
    if (!size.is_constant() || !limit.is_constant()) continue;  // known when the program runs
    return fail(ErrorCode::kInvalidArgument, "{} is {}, expected up to {} as in argument '{}'",
                size_text(dim, "index"), size.to_string(), limit.to_string(), name);
  }
  return {};
}

/// Checks dim and index. An empty index may have any rank, as in ATen: it names nothing.
Result<std::size_t> check_index(const TypeArguments& arguments, std::string_view target) {
  const TensorType &self = arguments.tensor(0), &index = arguments.tensor(2);
  TRY(expect_index(index, "index"));
  const std::size_t dim = TRY(dim_argument(arguments, 1, self.rank(), "dim"));
  if (num_elements(index.dims) == ir::Dim(0)) return dim;
  if (std::max<std::size_t>(index.rank(), 1) != std::max<std::size_t>(self.rank(), 1)) {
    return fail(ErrorCode::kInvalidArgument, "argument 'index' has {} dimensions, expected {}",
                index.rank(), self.rank());
  }
  TRY(expect_inside(index, self, target, dim));
  if (self.rank() > 0 && self.dims[dim] == ir::Dim(0)) {
    return fail(ErrorCode::kInvalidArgument, "size {} of argument 'self' is 0", dim);
  }
  return dim;
}

Types infer_gather(const TypeArguments& arguments) {
  static_cast<void>(TRY(check_index(arguments, "self")));
  return std::vector{TensorType{arguments.tensor(0).dtype, arguments.tensor(2).dims}};
}

Types infer_scatter(const TypeArguments& arguments) {
  static_cast<void>(TRY(check_index(arguments, "self")));
  const TensorType &self = arguments.tensor(0), &index = arguments.tensor(2),
                   &source = arguments.tensor(3);
  TRY(expect_same_dtype(self, "self", source, "src"));
  if (num_elements(index.dims) != ir::Dim(0)) {
    if (std::max<std::size_t>(index.rank(), 1) != std::max<std::size_t>(source.rank(), 1)) {
      return fail(ErrorCode::kInvalidArgument, "argument 'src' has {} dimensions, expected {}",
                  source.rank(), index.rank());
    }
    TRY(expect_inside(index, source, "src", std::nullopt));
    if (num_elements(source.dims) == ir::Dim(0)) {
      return fail(ErrorCode::kInvalidArgument, "argument 'src' is empty, but 'index' is not");
    }
  }
  return std::vector{self};
}

Types infer_scatter_add(const TypeArguments& arguments) {
  TRY(expect_types<AllTypes>(arguments.tensor(0), "self"));
  return infer_scatter(arguments);
}

Types infer_scatter_value(const TypeArguments& arguments) {
  static_cast<void>(TRY(check_index(arguments, "self")));
  TRY(expect_scalar(arguments, 3, arguments.tensor(0).dtype, "value"));
  return std::vector{arguments.tensor(0)};
}

// ---- samples, declaration ----------------------------------------------------------------------

constexpr ir::Sample kGatherSamples[] = {
    {"(f32[3,4,5], 1, i64[2,6,5], false)", 4}, {"(f32[4,7], 0, i64[2,7], false)", 4},
    {"(i8[6], -1, i64[9], false)", 6},         {"(f16[2,3], 1, i32[2,2], true)", 3},
    {"(bool[], 0, i64[], false)", 1},          {"(f64[2,3], 0, i64[0], false)", 2}};
constexpr ir::Sample kScatterSamples[] = {{"(f32[3,4,5], 1, i64[3,1,5], f32[3,2,5])", 4},
                                          {"(i16[6,2], 0, i64[1,2], i16[1,2])", 6},
                                          {"(bf16[4], -1, i64[1], bf16[3])", 4},
                                          {"(bool[], 0, i64[], bool[])", 1},
                                          {"(u8[3], 0, i32[0], u8[2])", 3}};
constexpr ir::Sample kScatterValueSamples[] = {{"(f32[3,4,5], 1, i64[2,6,5], 2.5)", 4},
                                               {"(i32[6], 0, i64[3], -7)", 6},
                                               {"(bool[2,3], 1, i64[2,1], true)", 3},
                                               {"(f16[5], 0, i32[2], 0.1)", 5}};
constexpr ir::Sample kScatterAddSamples[] = {{"(f32[3,4,5], 1, i64[2,6,5], f32[3,7,5])", 4},
                                             {"(i8[6,2], 0, i64[9,2], i8[9,2])", 6},
                                             {"(f64[4], -1, i64[11], f64[12])", 4},
                                             {"(bf16[3,2], 0, i64[3,2], bf16[3,2])", 3},
                                             {"(bool[4], 0, i64[3], bool[3])", 4}};

constexpr ir::Operator kOperators[] = {
    {.schema =
         "aten::gather(Tensor self, int dim, Tensor index, *, bool sparse_grad=False) -> Tensor",
     .out_name = "aten::gather.out",
     .infer = infer_gather,
     .kernel = gather,
     .samples = kGatherSamples},
    {.schema = "aten::scatter.src(Tensor self, int dim, Tensor index, Tensor src) -> Tensor",
     .out_name = "aten::scatter.src_out",
     .infer = infer_scatter,
     .kernel = scatter,
     .samples = kScatterSamples},
    {.schema = "aten::scatter.value(Tensor self, int dim, Tensor index, Scalar value) -> Tensor",
     .out_name = "aten::scatter.value_out",
     .infer = infer_scatter_value,
     .kernel = scatter_value,
     .samples = kScatterValueSamples},
    {.schema = "aten::scatter_add(Tensor self, int dim, Tensor index, Tensor src) -> Tensor",
     .out_name = "aten::scatter_add.out",
     .infer = infer_scatter_add,
     .kernel = scatter_add,
     .samples = kScatterAddSamples},
};

}  // namespace

std::span<const ir::Operator> gather_operators() { return kOperators; }

}  // namespace tessera::ops
