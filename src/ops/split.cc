// SPDX-License-Identifier: MIT
#include <algorithm>

#include "base/try.h"
#include "ops/along_dim.h"
#include "ops/families.h"
#include "ops/move_rules.h"
#include "ops/shape_rules.h"
#include "ops/strided_copy.h"
#include "ops/xnnpack_rules.h"
#include "xnnpack/wiring.h"

/// Operators that cut a tensor along one dimension into as many results as there are parts.
namespace tessera::ops {

namespace {

using ir::Dim;
using ir::KernelArguments;
using ir::KernelContext;
using ir::NodeView;
using ir::TensorType;
using ir::TypeArguments;

/// More results than any model has would only use up memory.
constexpr std::int64_t kMaxParts = 65536;

// ---- kernel ------------------------------------------------------------------------------------

/// The parts follow each other along the dimension; unbind's lack it.
Result<void> kernel(KernelContext& context, const KernelArguments& arguments,
                    std::span<Tensor> outputs) {
  const Tensor& self = arguments.tensor(0);
  const std::size_t dim = dim_of(arguments.integer(arguments.size() - 1), self.rank());
  const Shape strides = contiguous_strides(self.shape());
  std::int64_t start = 0;
  for (Tensor& output : outputs) {
    const bool has_dim = output.rank() == self.rank();
    Shape steps;
    for (std::size_t i = 0; i < self.rank(); ++i) {
      if (has_dim || i != dim) steps.push_back(strides[i]);
    }
    strided_copy(context, self, steps, output, start * strides[dim]);
    start += has_dim ? output.size(dim) : 1;
  }
  return {};
}

// ---- shape -------------------------------------------------------------------------------------

/// The dimension to cut along, which must have a known size if `is_constant`.
Result<std::size_t> cut_dim(const TypeArguments& arguments, std::size_t position,
                            bool is_constant) {
  const TensorType& self = arguments.tensor(0);
  TRY(expect_rank(self, "self", 1, Shape::kMaxRank));
  const std::size_t dim = TRY(dim_argument(arguments, position, self.rank(), "dim"));
  if (is_constant && !self.dims[dim].is_constant()) {
    return fail(ErrorCode::kNotSupported,
                "size {} of argument 'self' is {}, so the number of results varies", dim,
                self.dims[dim].to_string());
  }
  return dim;
}

Result<void> check_count(std::int64_t parts) {
  if (parts <= kMaxParts) return {};
  return fail(ErrorCode::kNotSupported, "it has {} results, at most {} are possible", parts,
              kMaxParts);
}

Types infer_split(const TypeArguments& arguments) {
  const std::size_t dim = TRY(cut_dim(arguments, 2, true));
  const TensorType& self = arguments.tensor(0);
  const std::int64_t whole = self.dims[dim].constant();
  const std::int64_t size = TRY(integer_argument(arguments, 1, "split_size", 0));
  if (size == 0 && whole != 0) {
    return fail(ErrorCode::kInvalidArgument, "argument 'split_size' is 0 for a size of {}", whole);
  }
  const std::int64_t count = size == 0 ? 1 : std::max<std::int64_t>((whole - 1) / size + 1, 1);
  TRY(check_count(whole == 0 ? 1 : count));
  std::vector<TensorType> types(static_cast<std::size_t>(whole == 0 ? 1 : count), self);
  std::int64_t rest = whole;
  for (TensorType& type : types) {
    type.dims[dim] = Dim(std::min(size, rest));
    rest -= std::min(size, rest);
  }
  return types;
}

Types infer_split_with_sizes(const TypeArguments& arguments) {
  const std::size_t dim = TRY(cut_dim(arguments, 2, false));
  const TensorType& self = arguments.tensor(0);
  const ir::Dims& sizes = arguments.dims(1);
  TRY(check_count(std::ssize(sizes)));
  Dim sum = 0;
  std::vector<TensorType> types;
  for (const Dim& size : sizes) {
    const std::int64_t limit = INT64_MAX / kMaxParts;
    if (size.is_constant() && (size.constant() < 0 || size.constant() > limit)) {
      return fail(ErrorCode::kInvalidArgument, "argument 'split_sizes' has {}, expected 0 to {}",
                  size.constant(), limit);
    }
    sum = sum + size;
    types.push_back(self);
    types.back().dims[dim] = size;
  }
  TRY(expect_equal(sum, "the sum of argument 'split_sizes'", self.dims[dim],
                   std::format("size {} of argument 'self'", dim)));
  return types;
}

Types infer_unbind(const TypeArguments& arguments) {
  const std::size_t dim = TRY(cut_dim(arguments, 1, true));
  TensorType type = arguments.tensor(0);
  const std::int64_t count = type.dims[dim].constant();
  TRY(check_count(count));
  if (count == 0) {
    return fail(ErrorCode::kNotSupported, "size {} of argument 'self' is 0: it has no results",
                dim);
  }
  type.dims.erase(type.dims.begin() + static_cast<std::ptrdiff_t>(dim));
  return std::vector<TensorType>(static_cast<std::size_t>(count), type);
}

// ---- region ------------------------------------------------------------------------------------

/// A tile has all parts, so it needs the whole dimension.
Region input_region(const ir::RegionQuery& query) {
  Region region = Region::whole(shape_at(query.arguments, 0));
  const std::size_t dim =
      dim_of(query.arguments.integer(query.arguments.size() - 1), region.rank());
  const bool has_dim = query.output_region.rank() == region.rank();
  for (std::size_t i = 0; i < query.output_region.rank(); ++i) {
    const std::size_t source = has_dim || i < dim ? i : i + 1;
    if (source != dim) region[source] = query.output_region[i];
  }
  return region;
}

// ---- XNNPACK -----------------------------------------------------------------------------------

/// Sizes along the cut are numbers, and no part is empty.
Reason check(const NodeView& view) {
  const TensorType& self = view.arguments.tensor(0);
  const std::size_t dim = dim_of(view.arguments.integer(view.arguments.size() - 1), self.rank());
  for (const TensorType& part : view.results) {
    if (!part.dims[dim].is_constant()) return "the size of a part varies";
    if (part.dims[dim] == Dim(0)) return "a part is empty";
  }
  return check_float_tensors(view);
}

Reason check_unbind(const NodeView& view) {
  if (Reason reason = check_constant_sizes(view)) return reason;
  return check_float_tensors(view);
}

Result<void> lower(const NodeView& view, xnnpack::Builder& builder) {
  const TensorType& self = view.arguments.tensor(0);
  const std::size_t dim = dim_of(view.arguments.integer(view.arguments.size() - 1), self.rank());
  const bool keeps_dim = view.results[0].rank() == self.rank();
  const xnnpack::Layout layout =
      keeps_dim ? builder.layout_of(operand(view, 0)) : xnnpack::Layout::kNchw;
  xnnpack::Wiring wiring(builder);
  const auto input = wiring.input(operand(view, 0), layout);
  const std::size_t axis = self.rank() == 4 ? axis_in(layout, dim) : dim;
  std::uint32_t start = 0;
  for (std::size_t i = 0; i < view.node.results.size(); ++i) {
    const ir::ValueId result = view.node.results[i];
    const std::uint32_t begin = start;
    const auto length =
        static_cast<std::uint32_t>(keeps_dim ? view.results[i].dims[dim].constant() : 1);
    start += length;
    if (view.graph.users(result).empty() && !view.graph.is_output(result)) continue;
    auto part = wiring.slice(input, axis, begin, length);
    if (!keeps_dim) part = wiring.reshape(part, builder.dims_of(result, layout));
    wiring.output(result, layout, part);
  }
  return {};
}

// ---- samples, declaration ----------------------------------------------------------------------

constexpr ir::Sample kSplitSamples[] = {{"(f32[2,7,5], 3, 1)"},
                                        {"(f32[6,4,2], 2, 0)"},
                                        {"(i64[5], 5, -1)"},
                                        {"(bool[3,2], 100, 0)"},
                                        {"(f16[0,2], 0, 0)"}};
constexpr ir::Sample kSplitWithSizesSamples[] = {{"(f32[2,7,5], [3,0,4], 1)"},
                                                 {"(f32[1,7,2,5], [3,4], 1)"},
                                                 {"(u8[6], [1,5], -1)"},
                                                 {"(bf16[4,3], [2,2], 0)"}};
constexpr ir::Sample kUnbindSamples[] = {
    {"(f32[2,3,5], 1)"}, {"(f32[3,2,4], -1)"}, {"(i32[2], 0)"}, {"(f64[2,0], 0)"}};

constexpr ir::Operator kOperators[] = {
    {.schema = "aten::split_copy.Tensor(Tensor self, SymInt split_size, int dim=0) -> Tensor[]",
     .out_name = "aten::split_copy.Tensor_out",
     .infer = infer_split,
     .kernel = kernel,
     .input_region = input_region,
     .xnnpack = {check, lower},
     .samples = kSplitSamples},
    {.schema = "aten::split_with_sizes_copy(Tensor self, SymInt[] split_sizes, int dim=0) -> "
               "Tensor[]",
     .out_name = "aten::split_with_sizes_copy.out",
     .infer = infer_split_with_sizes,
     .kernel = kernel,
     .input_region = input_region,
     .xnnpack = {check, lower},
     .samples = kSplitWithSizesSamples},
    {.schema = "aten::unbind_copy.int(Tensor self, int dim=0) -> Tensor[]",
     .out_name = "aten::unbind_copy.int_out",
     .infer = infer_unbind,
     .kernel = kernel,
     .input_region = input_region,
     .xnnpack = {check_unbind, lower},
     .samples = kUnbindSamples},
};

}  // namespace

std::span<const ir::Operator> split_operators() { return kOperators; }

}  // namespace tessera::ops
