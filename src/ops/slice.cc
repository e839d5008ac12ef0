// SPDX-License-Identifier: MIT
#include <algorithm>

#include "base/try.h"
#include "ops/along_dim.h"
#include "ops/families.h"
#include "ops/move_rules.h"
#include "ops/shape_rules.h"
#include "ops/slice_bounds.h"
#include "ops/strided_copy.h"
#include "ops/xnnpack_rules.h"
#include "xnnpack/wiring.h"

/// Operators that take a part of one dimension.
namespace tessera::ops {

namespace {

using ir::Dim;
using ir::KernelArguments;
using ir::KernelContext;
using ir::NodeView;
using ir::TensorType;
using ir::TypeArguments;

// ---- slice -------------------------------------------------------------------------------------

Types infer_slice(const TypeArguments& arguments) {
  TensorType type = arguments.tensor(0);
  TRY(expect_rank(type, "self", 1, Shape::kMaxRank));
  const std::size_t dim = TRY(dim_argument(arguments, 1, type.rank(), "dim"));
  static_cast<void>(TRY(integer_argument(arguments, 4, "step", 1)));
  type.dims[dim] = slice_bounds(arguments, 2, type.dims[dim]).length;
  return std::vector{std::move(type)};
}

Result<void> slice(KernelContext& context, const KernelArguments& arguments,
                   std::span<Tensor> outputs) {
  const Tensor& self = arguments.tensor(0);
  const std::size_t dim = dim_of(arguments.integer(1), self.rank());
  const SliceBounds bounds = slice_bounds(arguments, 2, Dim(self.size(dim)));
  Shape strides = contiguous_strides(self.shape());
  const std::int64_t offset = bounds.start.constant() * strides[dim];
  // With one element there is no step, and a large one would overflow.
  strides[dim] *= outputs[0].size(dim) > 1 ? bounds.step : 1;
  strided_copy(context, self, strides, outputs[0], offset);
  return {};
}

/// Where a part is taken, a tile's own ends would be taken for the tensor's.
Region slice_region(const ir::RegionQuery& query) {
  Region region = query.output_region;
  const std::size_t dim = dim_of(query.arguments.integer(1), region.rank());
  const std::int64_t size = query.arguments.tensor(0).dims[dim].constant();
  if (query.results[0].dims[dim] != Dim(size)) region[dim] = {0, size};
  return region;
}

// ---- narrow ------------------------------------------------------------------------------------

Types infer_narrow(const TypeArguments& arguments) {
  TensorType type = arguments.tensor(0);
  TRY(expect_rank(type, "self", 1, Shape::kMaxRank));
  const std::size_t dim = TRY(dim_argument(arguments, 1, type.rank(), "dim"));
  const Dim &start = arguments.dim(2), &length = arguments.dim(3), &size = type.dims[dim];
  if (start.is_constant() && length.is_constant() && size.is_constant()) {
    const std::int64_t from = start.constant(), count = length.constant(), all = size.constant();
    if (from < -all || from > all || count < 0 || count > all - (from < 0 ? from + all : from)) {
      return fail(ErrorCode::kInvalidArgument,
                  "arguments 'start' and 'length' are {} and {}, which size {} does not have", from,
                  count, all);
    }
  }
  type.dims[dim] = length;
  return std::vector{std::move(type)};
}

Result<void> narrow(KernelContext& context, const KernelArguments& arguments,
                    std::span<Tensor> outputs) {
  const Tensor& self = arguments.tensor(0);
  const std::size_t dim = dim_of(arguments.integer(1), self.rank());
  const Shape strides = contiguous_strides(self.shape());
  const std::int64_t start = arguments.integer(2);
  strided_copy(context, self, strides, outputs[0],
               (start < 0 ? start + self.size(dim) : start) * strides[dim]);
  return {};
}

// ---- select ------------------------------------------------------------------------------------

Types infer_select(const TypeArguments& arguments) {
  TensorType type = arguments.tensor(0);
  TRY(expect_rank(type, "self", 1, Shape::kMaxRank));
  const std::size_t dim = TRY(dim_argument(arguments, 1, type.rank(), "dim"));
  const Dim &index = arguments.dim(2), &size = type.dims[dim];
  if (index.is_constant() && size.is_constant() &&
      (index.constant() < -size.constant() || index.constant() >= size.constant())) {
    return fail(ErrorCode::kInvalidArgument, "argument 'index' is {}, expected {} to {}",
                index.constant(), -size.constant(), size.constant() - 1);
  }
  type.dims.erase(type.dims.begin() + static_cast<std::ptrdiff_t>(dim));
  return std::vector{std::move(type)};
}

Result<void> select(KernelContext& context, const KernelArguments& arguments,
                    std::span<Tensor> outputs) {
  const Tensor& self = arguments.tensor(0);
  const std::size_t dim = dim_of(arguments.integer(1), self.rank());
  const Shape strides = contiguous_strides(self.shape());
  Shape others;
  for (std::size_t i = 0; i < self.rank(); ++i) {
    if (i != dim) others.push_back(strides[i]);
  }
  const std::int64_t index = arguments.integer(2);
  strided_copy(context, self, others, outputs[0],
               (index < 0 ? index + self.size(dim) : index) * strides[dim]);
  return {};
}

Region select_region(const ir::RegionQuery& query) {
  Region region = Region::whole(shape_at(query.arguments, 0));
  const std::size_t dim = dim_of(query.arguments.integer(1), region.rank());
  for (std::size_t i = 0; i < query.output_region.rank(); ++i) {
    region[i < dim ? i : i + 1] = query.output_region[i];
  }
  return region;
}

// ---- XNNPACK -----------------------------------------------------------------------------------

/// Elements start, start + step, ... up to the end of a size that the step divides: one column of
/// the dimension seen as rows of `step` elements.
bool is_phase(const NodeView& view, std::size_t dim, const SliceBounds& bounds) {
  const TensorType& self = view.arguments.tensor(0);
  return !check_constant_sizes(view) && self.rank() < 6 && bounds.start.is_constant() &&
         bounds.start.constant() < bounds.step &&
         self.dims[dim] == bounds.length * Dim(bounds.step);
}

xnnpack::Wiring::Wire phase_of(xnnpack::Wiring& wiring, const xnnpack::Wiring::Wire& whole,
                               std::size_t axis, std::uint32_t start, std::uint32_t step) {
  auto rows = whole.dims, result = whole.dims;
  result[axis] /= step;
  rows[axis] = step;
  rows.insert(rows.begin() + static_cast<std::ptrdiff_t>(axis), result[axis]);
  return wiring.reshape(wiring.slice(wiring.reshape(whole, rows), axis + 1, start, 1), result);
}

template <auto kBounds>
Reason check_part(const NodeView& view) {
  const std::size_t dim = dim_of(view.arguments.integer(1), view.arguments.tensor(0).rank());
  const SliceBounds bounds = kBounds(view.arguments, view.arguments.tensor(0).dims[dim]);
  if (bounds.step != 1 && !is_phase(view, dim, bounds)) {
    return std::format("the step {} does not divide the constant size", bounds.step);
  }
  for (const Dim& bound : {bounds.start, bounds.length}) {
    if (!bound.is_constant()) return std::format("the bound {} varies", bound.to_string());
  }
  if (bounds.length == Dim(0)) return "the part is empty";
  return check_float_tensors(view);
}

template <auto kBounds>
Result<void> lower_part(const NodeView& view, xnnpack::Builder& builder) {
  const TensorType& self = view.arguments.tensor(0);
  const std::size_t dim = dim_of(view.arguments.integer(1), self.rank());
  const SliceBounds bounds = kBounds(view.arguments, self.dims[dim]);
  const xnnpack::Layout layout = builder.layout_of(operand(view, 0));
  xnnpack::Wiring wiring(builder);
  const auto whole = wiring.input(operand(view, 0), layout);
  const std::size_t axis = self.rank() == 4 ? axis_in(layout, dim) : dim;
  const auto start = static_cast<std::uint32_t>(bounds.start.constant());
  const auto part =
      bounds.step == 1
          ? wiring.slice(whole, axis, start, static_cast<std::uint32_t>(bounds.length.constant()))
          : phase_of(wiring, whole, axis, start, static_cast<std::uint32_t>(bounds.step));
  wiring.output(view.node.results[0], layout, part);
  return {};
}

SliceBounds bounds_of_slice(const TypeArguments& arguments, const Dim& size) {
  return slice_bounds(arguments, 2, size);
}

SliceBounds bounds_of_narrow(const TypeArguments& arguments, const Dim& size) {
  const Dim& start = arguments.dim(2);
  const bool is_from_back = start.is_constant() && start.constant() < 0;
  return {is_from_back ? start + size : start, arguments.dim(3), 1};
}

SliceBounds bounds_of_select(const TypeArguments& arguments, const Dim& size) {
  const Dim& index = arguments.dim(2);
  const bool is_from_back = index.is_constant() && index.constant() < 0;
  return {is_from_back ? index + size : index, Dim(1), 1};
}

Reason check_select(const NodeView& view) {
  if (Reason reason = check_constant_sizes(view)) return reason;
  return check_part<bounds_of_select>(view);
}

/// The selected part without its dimension.
Result<void> lower_select(const NodeView& view, xnnpack::Builder& builder) {
  const TensorType& self = view.arguments.tensor(0);
  const std::size_t dim = dim_of(view.arguments.integer(1), self.rank());
  const SliceBounds bounds = bounds_of_select(view.arguments, self.dims[dim]);
  xnnpack::Wiring wiring(builder);
  const auto part = wiring.slice(wiring.input(operand(view, 0), xnnpack::Layout::kNchw), dim,
                                 static_cast<std::uint32_t>(bounds.start.constant()), 1);
  const auto dims = builder.dims_of(view.node.results[0], xnnpack::Layout::kNchw);
  wiring.output(view.node.results[0], xnnpack::Layout::kNchw, wiring.reshape(part, dims));
  return {};
}

// ---- samples, declaration ----------------------------------------------------------------------

constexpr ir::Sample kSliceSamples[] = {
    {"(f32[2,6,5], 1, 1, 4, 1)"},     {"(f32[3,4,6,70], 3, none, none, 1)"},
    {"(f32[3,4,7], -1, -6, -1, 2)"},  {"(i64[5], 0, 2, 9223372036854775807, 1)"},
    {"(u8[2,9], 1, 3, 2, 1)"},        {"(bool[4,3], 0, 0, 100, 3)"},
    {"(f16[2,8], 1, -100, none, 5)"}, {"(f32[2,2,9], 2, 1, none, 100)"},
    {"(f32[1,2,8,9], 2, 1, none, 2)"}};
constexpr ir::Sample kNarrowSamples[] = {{"(f32[2,6,5], 1, 1, 4)"},
                                         {"(i8[2,9], -1, -3, 2)"},
                                         {"(bf16[4], 0, 4, 0)"},
                                         {"(f32[3,7], 1, 0, 7)"}};
constexpr ir::Sample kSelectSamples[] = {{"(f32[2,6,5], 1, 4)"},
                                         {"(f32[3,4,7], -1, -7)"},
                                         {"(i16[5], 0, 2)"},
                                         {"(bool[4,3], 0, -1)"},
                                         {"(f64[2,0], 0, 1)"}};

constexpr ir::Operator kOperators[] = {
    {.schema = "aten::slice_copy.Tensor(Tensor self, int dim=0, SymInt? start=None, SymInt? "
               "end=None, SymInt step=1) -> Tensor",
     .out_name = "aten::slice_copy.Tensor_out",
     .infer = infer_slice,
     .kernel = slice,
     .input_region = slice_region,
     .xnnpack = {check_part<bounds_of_slice>, lower_part<bounds_of_slice>},
     .quantize = {.kind = ir::QuantKind::kMove},
     .samples = kSliceSamples},
    {.schema = "aten::narrow_copy(Tensor self, int dim, SymInt start, SymInt length) -> Tensor",
     .out_name = "aten::narrow_copy.out",
     .infer = infer_narrow,
     .kernel = narrow,
     .input_region = slice_region,
     .xnnpack = {check_part<bounds_of_narrow>, lower_part<bounds_of_narrow>},
     .quantize = {.kind = ir::QuantKind::kMove},
     .samples = kNarrowSamples},
    {.schema = "aten::select_copy.int(Tensor self, int dim, SymInt index) -> Tensor",
     .out_name = "aten::select_copy.int_out",
     .infer = infer_select,
     .kernel = select,
     .input_region = select_region,
     .xnnpack = {check_select, lower_select},
     .quantize = {.kind = ir::QuantKind::kMove},
     .samples = kSelectSamples},
};

}  // namespace

std::span<const ir::Operator> slice_operators() { return kOperators; }

}  // namespace tessera::ops
