// SPDX-License-Identifier: MIT
#include <algorithm>

#include "base/try.h"
#include "ops/along_dim.h"
#include "ops/families.h"
#include "ops/move_rules.h"
#include "ops/shape_rules.h"
#include "ops/strided_copy.h"

/// Operators that see a tensor's memory with other strides.
namespace tessera::ops {

namespace {

using ir::Dim;
using ir::KernelArguments;
using ir::KernelContext;
using ir::TensorType;
using ir::TypeArguments;

// ---- as_strided --------------------------------------------------------------------------------

std::int64_t storage_offset(const auto& arguments) {
  return arguments.is_none(3) ? 0 : arguments.integer(3);
}

/// The largest position that is read, or nothing if it does not fit 64 bits.
std::optional<std::int64_t> last_element(const TypeArguments& arguments) {
  std::int64_t last = storage_offset(arguments);
  for (std::size_t dim = 0; dim < arguments.dims(1).size(); ++dim) {
    std::int64_t reach = 0;
    if (__builtin_mul_overflow(arguments.integer(1, dim) - 1, arguments.integer(2, dim), &reach) ||
        __builtin_add_overflow(last, reach, &last)) {
      return std::nullopt;
    }
  }
  return last;
}

Types infer_as_strided(const TypeArguments& arguments) {
  const TensorType& self = arguments.tensor(0);
  const ir::Dims sizes = TRY(sizes_argument(arguments, 1, "size"));
  const ir::Dims strides = TRY(sizes_argument(arguments, 2, "stride"));
  if (sizes.size() != strides.size()) {
    return fail(ErrorCode::kInvalidArgument, "argument 'stride' has {} elements, expected {}",
                strides.size(), sizes.size());
  }
  if (!arguments.is_none(3)) {
    static_cast<void>(TRY(integer_argument(arguments, 3, "storage_offset", 0)));
  }
  TensorType result{self.dtype, sizes};
  const auto is_symbolic = [](const Dim& dim) { return !dim.is_constant(); };
  const bool is_known = std::ranges::none_of(sizes, is_symbolic) &&
                        std::ranges::none_of(strides, is_symbolic) &&
                        std::ranges::none_of(self.dims, is_symbolic);
  const bool is_empty = std::ranges::contains(sizes, Dim(0));
  if (!is_known || is_empty) return std::vector{std::move(result)};
  const auto last = last_element(arguments);
  if (!last || *last >= num_elements(self.dims).constant()) {
    return fail(ErrorCode::kInvalidArgument,
                "sizes {} with strides {} from {} on reach behind the {} elements of argument "
                "'self'",
                to_string(sizes), to_string(strides), storage_offset(arguments),
                num_elements(self.dims).constant());
  }
  return std::vector{std::move(result)};
}

Result<void> as_strided(KernelContext& context, const KernelArguments& arguments,
                        std::span<Tensor> outputs) {
  Shape strides;
  for (const Dim& stride : arguments.dims(2)) strides.push_back(stride.constant());
  strided_copy(context, arguments.tensor(0), strides, outputs[0], storage_offset(arguments));
  return {};
}

// ---- diagonal ----------------------------------------------------------------------------------

/// Where the diagonal begins along both dimensions.
struct Diagonal {
  std::size_t dim1 = 0, dim2 = 1;
  std::int64_t start1 = 0, start2 = 0;
};

Diagonal diagonal_of(const auto& arguments, std::size_t rank) {
  const std::int64_t offset = arguments.integer(1);
  return {dim_of(arguments.integer(2), rank), dim_of(arguments.integer(3), rank),
          std::max<std::int64_t>(-offset, 0), std::max<std::int64_t>(offset, 0)};
}

Types infer_diagonal(const TypeArguments& arguments) {
  const TensorType& self = arguments.tensor(0);
  TRY(expect_rank(self, "self", 2, Shape::kMaxRank));
  constexpr std::int64_t kMaxOffset = std::int64_t{1} << 62;
  static_cast<void>(TRY(integer_argument(arguments, 1, "offset", -kMaxOffset, kMaxOffset)));
  const std::size_t dim1 = TRY(dim_argument(arguments, 2, self.rank(), "dim1"));
  const std::size_t dim2 = TRY(dim_argument(arguments, 3, self.rank(), "dim2"));
  if (dim1 == dim2) {
    return fail(ErrorCode::kInvalidArgument, "arguments 'dim1' and 'dim2' are both {}", dim1);
  }
  const Diagonal diagonal = diagonal_of(arguments, self.rank());
  TensorType result{self.dtype, {}};
  for (std::size_t dim = 0; dim < self.rank(); ++dim) {
    if (dim != dim1 && dim != dim2) result.dims.push_back(self.dims[dim]);
  }
  const Dim length =
      min(self.dims[dim1] - Dim(diagonal.start1), self.dims[dim2] - Dim(diagonal.start2));
  result.dims.push_back(max(length, Dim(0)));
  return std::vector{std::move(result)};
}

Result<void> diagonal(KernelContext& context, const KernelArguments& arguments,
                      std::span<Tensor> outputs) {
  const Tensor& self = arguments.tensor(0);
  if (outputs[0].num_elements() == 0) return {};
  const Diagonal diagonal = diagonal_of(arguments, self.rank());
  const Shape from = contiguous_strides(self.shape());
  Shape strides;
  for (std::size_t dim = 0; dim < self.rank(); ++dim) {
    if (dim != diagonal.dim1 && dim != diagonal.dim2) strides.push_back(from[dim]);
  }
  strides.push_back(from[diagonal.dim1] + from[diagonal.dim2]);
  strided_copy(context, self, strides, outputs[0],
               diagonal.start1 * from[diagonal.dim1] + diagonal.start2 * from[diagonal.dim2]);
  return {};
}

// ---- unfold ------------------------------------------------------------------------------------

Types infer_unfold(const TypeArguments& arguments) {
  TensorType type = arguments.tensor(0);
  TRY(expect_room(type, "self"));
  const std::size_t dim = TRY(dim_argument(arguments, 1, type.rank(), "dimension"));
  const Dim whole = type.rank() == 0 ? Dim(1) : type.dims[dim];
  const std::int64_t size = TRY(integer_argument(arguments, 2, "size", 0));
  const std::int64_t step = TRY(integer_argument(arguments, 3, "step", 1));
  if (whole.is_constant() && size > whole.constant()) {
    return fail(ErrorCode::kInvalidArgument, "argument 'size' is {}, expected up to {}", size,
                whole.constant());
  }
  if (type.rank() > 0) type.dims[dim] = floor_div(whole - Dim(size), Dim(step)) + Dim(1);
  type.dims.emplace_back(size);
  return std::vector{std::move(type)};
}

Result<void> unfold(KernelContext& context, const KernelArguments& arguments,
                    std::span<Tensor> outputs) {
  const Tensor& self = arguments.tensor(0);
  Shape strides = contiguous_strides(self.shape());
  if (self.rank() == 0) {
    strides.push_back(1);
  } else {
    const std::size_t dim = dim_of(arguments.integer(1), self.rank());
    strides.push_back(strides[dim]);
    // With one window there is no step, and a large one would overflow.
    strides[dim] *= outputs[0].size(dim) > 1 ? arguments.integer(3) : 1;
  }
  strided_copy(context, self, strides, outputs[0]);
  return {};
}

// ---- samples, declaration ----------------------------------------------------------------------

constexpr ir::Sample kAsStridedSamples[] = {{"(f32[6,5], [3,2], [5,2], 1)"},
                                            {"(i8[12], [2,3,2], [1,2,1], none)"},
                                            {"(bool[4], [3,3], [0,1], 1)"},
                                            {"(f16[2,2], [], [], 3)"},
                                            {"(f64[2], [0,7], [100,100], 50)"}};
constexpr ir::Sample kDiagonalSamples[] = {{"(f32[4,5], 0, 0, 1)"},
                                           {"(f32[2,4,3,5], -1, 1, 3)"},
                                           {"(i16[3,4,2], 1, -1, 0)"},
                                           {"(bf16[3,3], 7, 0, 1)"},
                                           {"(bool[3,4], 2, 0, 1)"}};
constexpr ir::Sample kUnfoldSamples[] = {{"(f32[2,9,3], 1, 3, 2)"},
                                         {"(f32[2,8], -1, 4, 4)"},
                                         {"(u8[7], 0, 7, 9223372036854775807)"},
                                         {"(f16[3,4], 0, 0, 1)"},
                                         {"(f64[], 0, 1, 1)"}};

constexpr ir::Operator kOperators[] = {
    {.schema = "aten::as_strided_copy(Tensor self, SymInt[] size, SymInt[] stride, SymInt? "
               "storage_offset=None) -> Tensor",
     .out_name = "aten::as_strided_copy.out",
     .infer = infer_as_strided,
     .kernel = as_strided,
     .samples = kAsStridedSamples},
    {.schema = "aten::diagonal_copy(Tensor self, int offset=0, int dim1=0, int dim2=1) -> Tensor",
     .out_name = "aten::diagonal_copy.out",
     .infer = infer_diagonal,
     .kernel = diagonal,
     .samples = kDiagonalSamples},
    {.schema = "aten::unfold_copy(Tensor self, int dimension, int size, int step) -> Tensor",
     .out_name = "aten::unfold_copy.out",
     .infer = infer_unfold,
     .kernel = unfold,
     .samples = kUnfoldSamples},
};

}  // namespace

std::span<const ir::Operator> strided_view_operators() { return kOperators; }

}  // namespace tessera::ops
