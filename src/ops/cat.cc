// SPDX-License-Identifier: MIT
#include <algorithm>

#include "base/try.h"
#include "ir/kernel_context.h"
#include "ops/families.h"
#include "ops/shape_rules.h"
#include "ops/strided_copy.h"
#include "ops/xnnpack_rules.h"
#include "xnnpack/wiring.h"

namespace tessera::ops {

namespace {

using ir::KernelArguments;
using ir::KernelContext;
using ir::NodeView;
using ir::TensorType;
using ir::TypeArguments;
using Types = Result<std::vector<TensorType>>;

/// The dimension along which the tensors follow each other, which infer has checked.
std::size_t axis_of(const auto& arguments, std::size_t rank) {
  const std::int64_t dim = arguments.integer(1);
  return static_cast<std::size_t>(dim < 0 ? dim + static_cast<std::int64_t>(rank) : dim);
}

// ---- kernel ------------------------------------------------------------------------------------

Result<void> kernel(KernelContext& context, const KernelArguments& arguments,
                    std::span<Tensor> outputs) {
  Tensor& output = outputs[0];
  const std::size_t axis = axis_of(arguments, output.rank());
  const Shape strides = contiguous_strides(output.shape());
  const std::size_t element_size = size_of(output.dtype());
  std::byte* first = output.bytes();
  for (const Tensor* tensor : arguments.tensors(0)) {
    strided_copy(context, element_size, tensor->shape(),
                 {tensor->bytes(), contiguous_strides(tensor->shape())}, {first, strides});
    first += static_cast<std::size_t>(tensor->size(axis) * strides[axis]) * element_size;
  }
  return {};
}

// ---- shape -------------------------------------------------------------------------------------

Types infer(const TypeArguments& arguments) {
  const auto tensors = arguments.tensors(0);
  if (tensors.empty()) {
    return fail(ErrorCode::kInvalidArgument, "argument 'tensors' is empty, expected at least one");
  }
  TensorType result = *tensors[0];
  TRY(expect_rank(result, "tensors[0]", 1, Shape::kMaxRank));
  const std::size_t axis =
      TRY(normalize_dim(TRY(integer_argument(arguments, 1, "dim")), result.rank(), "dim"));
  for (std::size_t i = 1; i < tensors.size(); ++i) {
    const std::string name = std::format("tensors[{}]", i);
    TRY(expect_same_dtype(result, "tensors[0]", *tensors[i], name));
    TRY(expect_rank(*tensors[i], name, result.rank(), result.rank()));
    for (std::size_t dim = 0; dim < result.rank(); ++dim) {
      if (dim == axis) continue;
      TRY(expect_equal(result.dims[dim], std::format("size {} of argument 'tensors[0]'", dim),
                       tensors[i]->dims[dim], std::format("size {} of argument '{}'", dim, name)));
    }
    result.dims[axis] = result.dims[axis] + tensors[i]->dims[axis];
  }
  return std::vector{std::move(result)};
}

// ---- region ------------------------------------------------------------------------------------

Region input_region(const ir::RegionQuery& query) {
  const auto tensors = query.arguments.tensors(0);
  Region region = query.output_region;
  const std::size_t axis = axis_of(query.arguments, region.rank());
  std::int64_t start = 0;
  for (std::size_t i = 0; i < query.element; ++i) start += tensors[i]->dims[axis].constant();
  const Interval wanted = region[axis];
  region[axis] = clip({wanted.begin - start, wanted.end - start},
                      tensors[query.element]->dims[axis].constant());
  return region;
}

// ---- XNNPACK -----------------------------------------------------------------------------------

Reason check(const NodeView& view) {
  if (view.arguments.tensors(0).size() < 2) return "there is nothing to concatenate";
  return check_float_tensors(view);
}

Result<void> lower(const NodeView& view, xnnpack::Builder& builder) {
  using xnnpack::Layout;
  const auto& operands = std::get<std::vector<ir::ValueId>>(view.node.arguments[0]);
  const std::size_t rank = view.results[0].rank();
  const bool is_nhwc = rank == 4 && std::ranges::any_of(operands, [&](ir::ValueId id) {
                         return builder.layout_of(id) == Layout::kNhwc;
                       });
  const Layout layout = is_nhwc ? Layout::kNhwc : Layout::kNchw;
  xnnpack::Wiring wiring(builder);
  std::vector<xnnpack::Wiring::Wire> inputs;
  for (const ir::ValueId id : operands) inputs.push_back(wiring.input(id, layout));
  const std::size_t axis = axis_in(layout, axis_of(view.arguments, rank));
  wiring.output(view.node.results[0], layout, wiring.concatenate(std::move(inputs), axis));
  return {};
}

// ---- samples, declaration ----------------------------------------------------------------------

constexpr ir::Sample kSamples[] = {
    {"([f32[1,3,6,7], f32[1,2,6,7]], 1)"},
    {"([f32[2,3], f32[1,3], f32[4,3]], 0)"},
    {"([f32[1,2,3,4], f32[1,2,3,5], f32[1,2,3,1], f32[1,2,3,2], f32[1,2,3,3]], -1)"},
    {"([f32[3,4], f32[3,5], f32[3,1], f32[3,2]], 1)"},
    {"([f32[3], f32[3], f32[3], f32[3], f32[3], f32[3]], 0)"},
    {"([i64[2,3], i64[2,1]], 1)"},
    {"([bool[2,0], bool[2,3]], -1)"},
    {"([f16[3], f16[2]], 0)"}};

constexpr ir::Operator kOperators[] = {
    {.schema = "aten::cat(Tensor[] tensors, int dim=0) -> Tensor",
     .out_name = "aten::cat.out",
     .infer = infer,
     .kernel = kernel,
     .input_region = input_region,
     .xnnpack = {check, lower},
     .quantize = {.kind = ir::QuantKind::kMove},
     .samples = kSamples},
};

}  // namespace

std::span<const ir::Operator> cat_operators() { return kOperators; }

}  // namespace tessera::ops
