// SPDX-License-Identifier: MIT
#include <vector>

#include "base/try.h"
#include "ops/dispatch.h"
#include "ops/families.h"
#include "ops/shape_rules.h"
#include "ops/xnnpack_rules.h"

namespace tessera::ops {

namespace {

using ir::KernelArguments;
using ir::KernelContext;
using ir::NodeView;
using ir::TensorType;
using ir::TypeArguments;
using Types = Result<std::vector<TensorType>>;

enum : std::size_t { kSelf, kDim, kKeepdim, kDtype };

/// Which dimensions are averaged over; none and an empty list stand for all.
Result<std::vector<bool>> averaged_dims(const auto& arguments, std::size_t rank) {
  if (arguments.is_none(kDim) || arguments.dims(kDim).empty()) {
    return std::vector<bool>(rank, true);
  }
  std::vector<bool> is_averaged(rank, false);
  for (const ir::Dim& dim : arguments.dims(kDim)) {
    if (!dim.is_constant()) {
      return fail(ErrorCode::kInvalidArgument, "argument 'dim' has {}, expected constants",
                  dim.to_string());
    }
    const std::size_t position = TRY(normalize_dim(dim.constant(), rank, "dim"));
    if (is_averaged[position]) {
      return fail(ErrorCode::kInvalidArgument, "argument 'dim' has {} twice", dim.constant());
    }
    is_averaged[position] = true;
  }
  return is_averaged;
}

// ---- kernel ------------------------------------------------------------------------------------

/// Offsets in elements of all positions along the chosen dimensions, in order.
std::vector<std::int64_t> offsets(const Shape& shape, const std::vector<bool>& is_chosen) {
  std::vector<std::int64_t> result{0};
  std::int64_t stride = 1;
  std::vector<std::int64_t> strides(shape.rank());
  for (std::size_t dim = shape.rank(); dim-- > 0; stride *= shape[dim]) strides[dim] = stride;
  for (std::size_t dim = 0; dim < shape.rank(); ++dim) {
    if (!is_chosen[dim]) continue;
    std::vector<std::int64_t> longer;
    longer.reserve(result.size() * static_cast<std::size_t>(shape[dim]));
    for (const std::int64_t base : result) {
      for (std::int64_t i = 0; i < shape[dim]; ++i) longer.push_back(base + i * strides[dim]);
    }
    result = std::move(longer);
  }
  return result;
}

Result<void> kernel(KernelContext& context, const KernelArguments& arguments,
                    std::span<Tensor> outputs) {
  const Tensor& self = arguments.tensor(kSelf);
  std::vector<bool> is_averaged = TRY(averaged_dims(arguments, self.rank()));
  const auto summands = offsets(self.shape(), is_averaged);
  is_averaged.flip();
  const auto starts = offsets(self.shape(), is_averaged);
  dispatch<TypeList<float, double>>(self.dtype(), [&]<class T>() {
    const std::size_t grain = kElementsPerThread / (summands.size() + 1) + 1;
    context.parallel_for(starts.size(), grain, [&](std::size_t begin, std::size_t end) {
      for (std::size_t i = begin; i < end; ++i) {
        const T* data = self.data<T>() + starts[i];
        double sum = 0;
        for (const std::int64_t offset : summands) sum += static_cast<double>(data[offset]);
        outputs[0].data<T>()[i] = static_cast<T>(sum / static_cast<double>(summands.size()));
      }
    });
  });
  return {};
}

// ---- shape -------------------------------------------------------------------------------------

Types infer(const TypeArguments& arguments) {
  const TensorType& self = arguments.tensor(kSelf);
  TRY(expect_float(self, "self"));
  if (!arguments.is_none(kDtype) &&
      TRY(integer_argument(arguments, kDtype, "dtype")) != static_cast<int>(self.dtype)) {
    return fail(ErrorCode::kNotSupported, "argument 'dtype' is {}, expected none or {}",
                arguments.integer(kDtype), name_of(self.dtype));
  }
  const auto is_averaged = TRY(averaged_dims(arguments, self.rank()));
  TensorType result{self.dtype, {}};
  for (std::size_t dim = 0; dim < self.rank(); ++dim) {
    if (!is_averaged[dim]) {
      result.dims.push_back(self.dims[dim]);
    } else if (arguments.boolean(kKeepdim)) {
      result.dims.push_back(1);
    }
  }
  return std::vector{std::move(result)};
}

// ---- XNNPACK -----------------------------------------------------------------------------------

constexpr std::uint32_t kFlagKeepDims = 0x40;

Reason check(const NodeView& view) {
  if (Reason reason = check_float_image(view)) return reason;
  const auto is_averaged = averaged_dims(view.arguments, 4);
  if (!is_averaged || *is_averaged != std::vector<bool>{false, false, true, true}) {
    return "the mean is not over height and width";
  }
  if (!view.arguments.boolean(kKeepdim)) return "keepdim is false";
  return std::nullopt;
}

Result<void> lower(const NodeView& view, xnnpack::Builder& builder) {
  lower_node(view, builder, xnnpack::NodeKind::kGlobalAvgPooling2d, xnnpack::Layout::kNhwc, {},
             kFlagKeepDims);
  return {};
}

// ---- samples, declaration ----------------------------------------------------------------------

constexpr ir::Sample kSamples[] = {{"(f32[2,3,7,5], [-1,-2], true, none)"},
                                   {"(f32[2,3,7,5], [2,3], false, none)"},
                                   {"(f32[4,6], [0], false, none)"},
                                   {"(f32[4,6], none, false, none)"},
                                   {"(f64[2,3,4], [1], true, 7)"}};

constexpr ir::Operator kOperators[] = {
    {.schema = "aten::mean.dim(Tensor self, int[1]? dim, bool keepdim=False, *, ScalarType? "
               "dtype=None) -> Tensor",
     .out_name = "aten::mean.out",
     .infer = infer,
     .kernel = kernel,
     .xnnpack = {check, lower},
     .samples = kSamples},
};

}  // namespace

std::span<const ir::Operator> mean_operators() { return kOperators; }

}  // namespace tessera::ops
