// SPDX-License-Identifier: MIT
#include <algorithm>

#include "base/try.h"
#include "ops/families.h"
#include "ops/permutation.h"
#include "ops/shape_rules.h"
#include "ops/strided_copy.h"
#include "ops/xnnpack_rules.h"

namespace tessera::ops {

// ---- shape -------------------------------------------------------------------------------------

Result<std::vector<std::size_t>> permutation_argument(const ir::TypeArguments& arguments,
                                                      std::size_t position, std::size_t rank) {
  const ir::Dims& dims = arguments.dims(position);
  if (dims.size() != rank) {
    return fail(ErrorCode::kInvalidArgument, "argument 'dims' has {} elements, expected {}",
                dims.size(), rank);
  }
  std::vector<std::size_t> permutation;
  for (const ir::Dim& dim : dims) {
    if (!dim.is_constant()) {
      return fail(ErrorCode::kInvalidArgument, "argument 'dims' has {}, expected constants",
                  dim.to_string());
    }
    const std::size_t source = TRY(normalize_dim(dim.constant(), rank, "dims"));
    if (std::ranges::find(permutation, source) != permutation.end()) {
      return fail(ErrorCode::kInvalidArgument, "argument 'dims' has {} twice", dim.constant());
    }
    permutation.push_back(source);
  }
  return permutation;
}

ir::TensorType permuted(const ir::TensorType& type, const std::vector<std::size_t>& permutation) {
  ir::TensorType result{type.dtype, {}};
  for (const std::size_t source : permutation) result.dims.push_back(type.dims[source]);
  return result;
}

namespace {

using ir::KernelArguments;
using ir::KernelContext;
using ir::NodeView;
using ir::TypeArguments;
using Types = Result<std::vector<ir::TensorType>>;

Types infer(const TypeArguments& arguments) {
  const ir::TensorType& self = arguments.tensor(0);
  return std::vector{permuted(self, TRY(permutation_argument(arguments, 1, self.rank())))};
}

/// The input's dimension that becomes dimension `dim`, once infer has accepted the arguments.
std::size_t source_of(const auto& arguments, std::size_t dim) {
  const std::int64_t source = arguments.integer(1, dim);
  const auto rank = static_cast<std::int64_t>(arguments.dims(1).size());
  return static_cast<std::size_t>(source < 0 ? source + rank : source);
}

// ---- kernel ------------------------------------------------------------------------------------

Result<void> kernel(KernelContext& context, const KernelArguments& arguments,
                    std::span<Tensor> outputs) {
  const Tensor& self = arguments.tensor(0);
  const Shape strides = contiguous_strides(self.shape());
  Shape permuted_strides;
  for (std::size_t dim = 0; dim < self.rank(); ++dim) {
    permuted_strides.push_back(strides[source_of(arguments, dim)]);
  }
  strided_copy(context, self, permuted_strides, outputs[0]);
  return {};
}

// ---- region ------------------------------------------------------------------------------------

Region input_region(const ir::RegionQuery& query) {
  Region region = query.output_region;
  for (std::size_t dim = 0; dim < region.rank(); ++dim) {
    region[source_of(query.arguments, dim)] = query.output_region[dim];
  }
  return region;
}

// ---- XNNPACK -----------------------------------------------------------------------------------

/// The permutations between the two layouts only change what a value is called, if it exists in the
/// one that they start from.
Result<void> lower(const NodeView& view, xnnpack::Builder& builder) {
  using xnnpack::Layout;
  xnnpack::TransposeParams params;
  for (std::size_t dim = 0; dim < view.results[0].rank(); ++dim) {
    params.permutation.push_back(static_cast<std::uint32_t>(source_of(view.arguments, dim)));
  }
  const ir::ValueId self = operand(view, 0), result = view.node.results[0];
  if (params.permutation == std::vector<std::uint32_t>{0, 2, 3, 1} &&
      builder.has(self, Layout::kNhwc)) {
    builder.alias(result, Layout::kNchw, builder.input(self, Layout::kNhwc));
  } else if (params.permutation == std::vector<std::uint32_t>{0, 3, 1, 2}) {
    builder.alias(result, Layout::kNhwc, builder.input(self, Layout::kNchw));
  } else {
    lower_node(view, builder, xnnpack::NodeKind::kStaticTranspose, Layout::kNchw,
               std::move(params));
  }
  return {};
}

// ---- samples, declaration ----------------------------------------------------------------------

constexpr ir::Sample kSamples[] = {{"(f32[2,3,5,4], [0,2,3,1])"},
                                   {"(f32[6,9], [1,0])"},
                                   {"(f32[2,3,4], [-1,0,1])"},
                                   {"(i64[3,2], [1,0])"},
                                   {"(f64[], [])"}};

constexpr ir::Operator kOperators[] = {
    {.schema = "aten::permute_copy(Tensor self, int[] dims) -> Tensor",
     .out_name = "aten::permute_copy.out",
     .infer = infer,
     .kernel = kernel,
     .input_region = input_region,
     .xnnpack = {check_float_tensors, lower},
     .quantize = {.kind = ir::QuantKind::kMove},
     .samples = kSamples},
};

}  // namespace

std::span<const ir::Operator> permute_operators() { return kOperators; }

}  // namespace tessera::ops
