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

/// Operators whose result has the argument's sizes, with elements in another order.
namespace tessera::ops {

namespace {

using ir::KernelArguments;
using ir::KernelContext;
using ir::NodeView;
using ir::TypeArguments;

// ---- flip --------------------------------------------------------------------------------------

Types infer_flip(const TypeArguments& arguments) {
  TRY(dims_argument(arguments, 1, arguments.tensor(0).rank(), "dims"));
  return std::vector{arguments.tensor(0)};
}

bool is_flipped(const auto& arguments, std::size_t dim, std::size_t rank) {
  return std::ranges::any_of(arguments.dims(1), [&](const ir::Dim& flipped) {
    return dim_of(flipped.constant(), rank) == dim;
  });
}

Result<void> flip(KernelContext& context, const KernelArguments& arguments,
                  std::span<Tensor> outputs) {
  const Tensor& self = arguments.tensor(0);
  Shape strides = contiguous_strides(self.shape());
  std::int64_t offset = 0;
  for (std::size_t dim = 0; dim < self.rank(); ++dim) {
    if (!is_flipped(arguments, dim, self.rank())) continue;
    offset += (self.size(dim) - 1) * strides[dim];
    strides[dim] = -strides[dim];
  }
  strided_copy(context, self, strides, outputs[0], offset);
  return {};
}

/// Tiles lie in the result where they lie in the input, so only along other dimensions.
Region flip_region(const ir::RegionQuery& query) {
  Region region = query.output_region;
  for (std::size_t dim = 0; dim < region.rank(); ++dim) {
    if (is_flipped(query.arguments, dim, region.rank())) {
      region[dim] = {0, query.arguments.tensor(0).dims[dim].constant()};
    }
  }
  return region;
}

// ---- roll --------------------------------------------------------------------------------------

Types infer_roll(const TypeArguments& arguments) {
  const ir::TensorType& self = arguments.tensor(0);
  const auto dims = TRY(dims_argument(arguments, 2, self.rank(), "dims"));
  const std::size_t expected = dims.empty() ? 1 : dims.size();
  if (arguments.dims(1).size() != expected) {
    return fail(ErrorCode::kInvalidArgument, "argument 'shifts' has {} elements, expected {}",
                arguments.dims(1).size(), expected);
  }
  TRY(integers_argument(arguments, 1, "shifts", expected, INT64_MIN, INT64_MAX));
  return std::vector{self};
}

/// Element i of a rolled dimension is element i - shift: the last `shift` ones come to the front.
std::int64_t positive_shift(std::int64_t shift, std::int64_t size) {
  return shift % size < 0 ? shift % size + size : shift % size;
}

/// Copies the box that no dimension from `dim` on has been cut of, in halves along each of them.
void roll_box(KernelContext& context, std::size_t element_size, const Shape& shifts,
              const Shape& strides, Shape sizes, StridedView<const std::byte> in,
              StridedView<std::byte> out, std::size_t dim) {
  while (dim < sizes.rank() && shifts[dim] == 0) ++dim;
  if (dim == sizes.rank()) {
    strided_copy(context, element_size, sizes, in, out);
    return;
  }
  const std::int64_t size = sizes[dim], shift = shifts[dim];
  const auto bytes = [&](std::int64_t index) {
    return index * strides[dim] * static_cast<std::int64_t>(element_size);
  };
  sizes[dim] = size - shift;
  roll_box(context, element_size, shifts, strides, sizes, in,
           {out.first + bytes(shift), out.strides}, dim + 1);
  sizes[dim] = shift;
  roll_box(context, element_size, shifts, strides, sizes,
           {in.first + bytes(size - shift), in.strides}, out, dim + 1);
}

Result<void> roll(KernelContext& context, const KernelArguments& arguments,
                  std::span<Tensor> outputs) {
  const Tensor& self = arguments.tensor(0);
  if (self.num_elements() == 0) return {};
  // Without dims the tensor is rolled as one row.
  const bool is_flat = arguments.dims(2).empty() || self.rank() == 0;
  const Shape sizes = is_flat ? Shape{self.num_elements()} : self.shape();
  Shape shifts;
  for (std::size_t dim = 0; dim < sizes.rank(); ++dim) shifts.push_back(0);
  for (std::size_t i = 0; i < arguments.dims(1).size(); ++i) {
    const std::size_t dim = is_flat ? 0 : dim_of(arguments.integer(2, i), self.rank());
    shifts[dim] = positive_shift(arguments.integer(1, i), sizes[dim]);
  }
  const Shape strides = contiguous_strides(sizes);
  roll_box(context, size_of(self.dtype()), shifts, strides, sizes, {self.bytes(), strides},
           {outputs[0].bytes(), strides}, 0);
  return {};
}

// ---- XNNPACK -----------------------------------------------------------------------------------

Reason check_roll(const NodeView& view) {
  if (view.arguments.dims(2).empty()) return "it is rolled as one row";
  if (Reason reason = check_constant_sizes(view)) return reason;
  return check_float_tensors(view);
}

/// The two parts of every rolled dimension change places.
Result<void> lower_roll(const NodeView& view, xnnpack::Builder& builder) {
  const std::size_t rank = view.results[0].rank();
  const xnnpack::Layout layout = builder.layout_of(operand(view, 0));
  xnnpack::Wiring wiring(builder);
  auto rolled = wiring.input(operand(view, 0), layout);
  bool is_moved = false;
  for (std::size_t i = 0; i < view.arguments.dims(1).size(); ++i) {
    const std::size_t dim = dim_of(view.arguments.integer(2, i), rank);
    const std::size_t axis = rank == 4 ? axis_in(layout, dim) : dim;
    const std::uint32_t size = rolled.dims[axis];
    const auto shift =
        static_cast<std::uint32_t>(positive_shift(view.arguments.integer(1, i), size));
    if (shift == 0) continue;
    const auto back = wiring.slice(rolled, axis, size - shift, shift);
    const auto front = wiring.slice(rolled, axis, 0, size - shift);
    rolled = wiring.concatenate({back, front}, axis);
    is_moved = true;
  }
  if (!is_moved) rolled = wiring.unary(xnnpack::NodeKind::kCopy, rolled);
  wiring.output(view.node.results[0], layout, rolled);
  return {};
}

// ---- samples, declaration ----------------------------------------------------------------------

constexpr ir::Sample kFlipSamples[] = {
    {"(f32[2,3,5], [2])"}, {"(f32[4,3,70], [0,-2])"}, {"(i64[7], [0])"}, {"(bool[2,3], [])"},
    {"(f16[3,4], [1,0])"}, {"(f64[], [0])"},          {"(i8[2,0], [1])"}};
constexpr ir::Sample kRollSamples[] = {
    {"(f32[2,3,5], [2], [2])"}, {"(f32[4,3,6], [-1,4], [0,-1])"},
    {"(i64[7,2], [3], [])"},    {"(bool[2,3], [9223372036854775807], [1])"},
    {"(bf16[5], [0], [0])"},    {"(f64[0], [1], [0])"},
    {"(u8[], [2], [])"}};

constexpr ir::Operator kOperators[] = {
    {.schema = "aten::flip(Tensor self, int[] dims) -> Tensor",
     .out_name = "aten::flip.out",
     .infer = infer_flip,
     .kernel = flip,
     .input_region = flip_region,
     .samples = kFlipSamples},
    {.schema = "aten::roll(Tensor self, SymInt[1] shifts, int[1] dims=[]) -> Tensor",
     .out_name = "aten::roll.out",
     .infer = infer_roll,
     .kernel = roll,
     .xnnpack = {check_roll, lower_roll},
     .quantize = {.kind = ir::QuantKind::kMove},
     .samples = kRollSamples},
};

}  // namespace

std::span<const ir::Operator> flip_operators() { return kOperators; }

}  // namespace tessera::ops
