// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstring>

#include "base/try.h"
#include "ir/kernel_context.h"
#include "ops/families.h"
#include "ops/shape_rules.h"
#include "ops/view_size.h"
#include "ops/xnnpack_rules.h"
#include "xnnpack/wiring.h"

namespace tessera::ops {

// ---- shape -------------------------------------------------------------------------------------

namespace {

Result<ir::Dim> inferred_size(const ir::Dims& from, const ir::Dims& size, const ir::Dim& known) {
  const ir::Dim total = num_elements(from);
  if (known != ir::Dim(0)) {
    const ir::Dim quotient = floor_div(total, known);
    if (quotient * known == total) return quotient;
  }
  return fail(ErrorCode::kInvalidArgument,
              "argument 'size' is {}, but the -1 cannot be computed for sizes {}", to_string(size),
              to_string(from));
}

}  // namespace

Result<ir::Dims> view_size(const ir::Dims& from, const ir::Dims& size) {
  if (size.size() > Shape::kMaxRank) {
    return fail(ErrorCode::kInvalidArgument, "argument 'size' has {} elements, expected up to {}",
                size.size(), Shape::kMaxRank);
  }
  ir::Dims result = size;
  ir::Dim known = 1;
  ir::Dim* unknown = nullptr;
  for (ir::Dim& dim : result) {
    if (dim == ir::Dim(-1) && unknown == nullptr) {
      unknown = &dim;
    } else if (dim.is_constant() && dim.constant() < 0) {
      return fail(ErrorCode::kInvalidArgument, "argument 'size' is {}, expected one -1 at most",
                  to_string(size));
    } else {
      known = known * dim;
    }
  }
  if (unknown != nullptr) *unknown = TRY(inferred_size(from, size, known));
  if (num_elements(result) != num_elements(from)) {
    return fail(ErrorCode::kInvalidArgument,
                "argument 'size' is {}, which is not as many elements as sizes {}", to_string(size),
                to_string(from));
  }
  return result;
}

namespace {

using ir::KernelArguments;
using ir::KernelContext;
using ir::NodeView;
using ir::TensorType;
using ir::TypeArguments;
using Types = Result<std::vector<TensorType>>;

Types infer(const TypeArguments& arguments) {
  const TensorType& self = arguments.tensor(0);
  return std::vector{TensorType{self.dtype, TRY(view_size(self.dims, arguments.dims(1)))}};
}

// ---- kernel ------------------------------------------------------------------------------------

Result<void> kernel(KernelContext&, const KernelArguments& arguments, std::span<Tensor> outputs) {
  const std::size_t count = outputs[0].num_bytes();
  if (count > 0) std::memcpy(outputs[0].bytes(), arguments.tensor(0).bytes(), count);
  return {};
}

// ---- XNNPACK -----------------------------------------------------------------------------------

Reason check(const NodeView& view) {
  const auto varies = [](const ir::Dim& dim) { return !dim.is_constant(); };
  if (std::ranges::count_if(view.results[0].dims, varies) > 1) {
    return "more than one size of the result varies";
  }
  return check_float_tensors(view);
}

Result<void> lower(const NodeView& view, xnnpack::Builder& builder) {
  using xnnpack::Layout;
  // The one size that varies is what the others leave.
  auto dims = builder.dims_of(view.node.results[0], Layout::kNchw);
  for (std::size_t dim = 0; dim < view.results[0].rank(); ++dim) {
    if (!view.results[0].dims[dim].is_constant()) dims[dim] = 0;
  }
  const TensorType& self = view.arguments.tensor(0);
  const bool is_pixel =
      self.rank() == 4 && self.dims[2] == ir::Dim(1) && self.dims[3] == ir::Dim(1);
  // The channels of one pixel lie alike in every layout.
  const Layout layout = is_pixel ? builder.layout_of(operand(view, 0)) : Layout::kNchw;
  xnnpack::Wiring wiring(builder);
  wiring.output(view.node.results[0], Layout::kNchw,
                wiring.reshape(wiring.input(operand(view, 0), layout), std::move(dims)));
  return {};
}

// ---- samples, declaration ----------------------------------------------------------------------

constexpr ir::Sample kSamples[] = {{"(f32[2,3,4,5], [6,20])"},
                                   {"(f32[2,3,4], [2,-1])"},
                                   {"(f32[12], [1,3,2,2])"},
                                   {"(i64[3,2], [6])"},
                                   {"(f64[1,1], [])"}};

constexpr ir::Operator kOperators[] = {
    {.schema = "aten::view_copy(Tensor self, SymInt[] size) -> Tensor",
     .out_name = "aten::view_copy.out",
     .infer = infer,
     .kernel = kernel,
     .xnnpack = {check, lower},
     .quantize = {.kind = ir::QuantKind::kMove},
     .samples = kSamples},
};

}  // namespace

std::span<const ir::Operator> view_operators() { return kOperators; }

}  // namespace tessera::ops
