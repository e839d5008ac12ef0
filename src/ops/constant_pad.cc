// SPDX-License-Identifier: MIT
#include <algorithm>

#include "base/try.h"
#include "ops/families.h"
#include "ops/move_dispatch.h"
#include "ops/move_rules.h"
#include "ops/shape_rules.h"
#include "ops/strided_copy.h"
#include "ops/xnnpack_rules.h"

namespace tessera::ops {

namespace {

using ir::KernelArguments;
using ir::KernelContext;
using ir::NodeView;
using ir::TensorType;
using ir::TypeArguments;

struct Padding {
  std::int64_t before = 0, after = 0;
};

/// The list has two numbers per dimension, the last dimension first. Negative ones cut off.
Padding padding_of(const auto& arguments, std::size_t dim, std::size_t rank) {
  const std::size_t pair = 2 * (rank - 1 - dim);
  if (pair + 1 >= arguments.dims(1).size()) return {};
  return {arguments.integer(1, pair), arguments.integer(1, pair + 1)};
}

// ---- kernel ------------------------------------------------------------------------------------

/// Copies or fills one row of the result.
template <class T>
void pad_row(const KernelArguments& arguments, std::int64_t row, Tensor& output, T fill) {
  const Tensor& self = arguments.tensor(0);
  const std::size_t inner = self.rank() - 1;
  const std::int64_t width = output.size(inner);
  T* out = output.data<T>() + row * width;
  std::int64_t source_row = 0, source_stride = 1, rest = row;
  bool is_inside = true;
  for (std::size_t dim = inner; dim-- > 0; rest /= output.size(dim)) {
    const std::int64_t index =
        rest % output.size(dim) - padding_of(arguments, dim, self.rank()).before;
    is_inside = is_inside && index >= 0 && index < self.size(dim);
    source_row += index * source_stride;
    source_stride *= self.size(dim);
  }
  const std::int64_t shift = padding_of(arguments, inner, self.rank()).before;
  const std::int64_t begin = is_inside ? std::clamp<std::int64_t>(shift, 0, width) : width;
  const std::int64_t end =
      is_inside ? std::clamp<std::int64_t>(shift + self.size(inner), begin, width) : width;
  std::fill(out, out + begin, fill);
  if (begin < end) {
    const T* in = self.data<T>() + source_row * self.size(inner);
    std::copy(in + begin - shift, in + end - shift, out + begin);
  }
  std::fill(out + end, out + width, fill);
}

Result<void> kernel(KernelContext& context, const KernelArguments& arguments,
                    std::span<Tensor> outputs) {
  Tensor& output = outputs[0];
  if (output.num_elements() == 0) return {};
  if (output.rank() == 0) {
    copy_elements(context, arguments.tensor(0), output);
    return {};
  }
  const std::int64_t width = output.size(output.rank() - 1);
  const auto num_rows = static_cast<std::size_t>(output.num_elements() / width);
  const std::size_t grain = kElementsPerThread / static_cast<std::size_t>(width) + 1;
  dispatch<AllTypes>(output.dtype(), [&]<class T>() {
    const T fill = scalar_as<T>(arguments, 2);
    context.parallel_for(num_rows, grain, [&](std::size_t begin, std::size_t end) {
      for (std::size_t row = begin; row < end; ++row) {
        pad_row<T>(arguments, static_cast<std::int64_t>(row), output, fill);
      }
    });
  });
  return {};
}

// ---- shape -------------------------------------------------------------------------------------

Types infer(const TypeArguments& arguments) {
  TensorType type = arguments.tensor(0);
  TRY(expect_scalar(arguments, 2, type.dtype, "value"));
  const std::size_t length = arguments.dims(1).size();
  if (length % 2 != 0 || length > 2 * type.rank()) {
    return fail(ErrorCode::kInvalidArgument,
                "argument 'pad' has {} elements, expected an even number up to {}", length,
                2 * type.rank());
  }
  for (const ir::Dim& pad : arguments.dims(1)) {
    if (pad.is_constant() && std::abs(pad.constant()) <= kMaxWindowParameter) continue;
    return fail(ErrorCode::kInvalidArgument, "argument 'pad' has {}, expected {} to {}",
                pad.to_string(), -kMaxWindowParameter, kMaxWindowParameter);
  }
  for (std::size_t dim = 0; dim < type.rank(); ++dim) {
    const Padding padding = padding_of(arguments, dim, type.rank());
    type.dims[dim] = type.dims[dim] + ir::Dim(padding.before + padding.after);
    if (type.dims[dim].is_constant() && type.dims[dim].constant() < 0) {
      return fail(ErrorCode::kInvalidArgument, "argument 'pad' cuts off more than size {} has",
                  dim);
    }
  }
  return std::vector{std::move(type)};
}

// ---- region ------------------------------------------------------------------------------------

Region input_region(const ir::RegionQuery& query) {
  Region region = query.output_region;
  for (std::size_t dim = 0; dim < region.rank(); ++dim) {
    const std::int64_t size = query.arguments.tensor(0).dims[dim].constant();
    const auto [before, after] = padding_of(query.arguments, dim, region.rank());
    // What is cut off belongs to the real border: a part of the tensor must not lose it again.
    const bool is_cut = before < 0 || after < 0;
    region[dim] = is_cut ? Interval{0, size}
                         : clip({region[dim].begin - before, region[dim].end - before}, size);
  }
  return region;
}

// ---- XNNPACK -----------------------------------------------------------------------------------

Reason check(const NodeView& view) {
  for (const ir::Dim& pad : view.arguments.dims(1)) {
    if (pad.constant() < 0) return std::format("padding {} is negative", pad.constant());
  }
  return check_float_tensors(view);
}

Result<void> lower(const NodeView& view, xnnpack::Builder& builder) {
  const std::size_t rank = view.results[0].rank();
  const xnnpack::Layout layout = builder.layout_of(operand(view, 0));
  const bool is_nhwc = rank == 4 && layout == xnnpack::Layout::kNhwc;
  constexpr std::size_t kNhwcOrder[] = {0, 2, 3, 1};
  xnnpack::ConstantPadParams params{.value = static_cast<float>(view.arguments.real(2))};
  for (std::size_t i = 0; i < rank; ++i) {
    const Padding padding = padding_of(view.arguments, is_nhwc ? kNhwcOrder[i] : i, rank);
    params.pre_paddings.push_back(static_cast<std::uint32_t>(padding.before));
    params.post_paddings.push_back(static_cast<std::uint32_t>(padding.after));
  }
  lower_node(view, builder, xnnpack::NodeKind::kStaticConstantPad, layout, std::move(params));
  return {};
}

// ---- samples, declaration ----------------------------------------------------------------------

constexpr ir::Sample kSamples[] = {{"(f32[1,2,5,6], [1,2,3,0], 0.5)"},
                                   {"(f32[2,7], [-1,2,-1,1], 0)"},
                                   {"(f32[2,3,4], [0,0,1,1], 0.0)"},
                                   {"(f64[5], [2,2], -1)"},
                                   {"(i64[2,3], [1,0], 9007199254740993)"},
                                   {"(u8[2,3], [0,2], -1)"},
                                   {"(bool[2,3], [1,1,1,0], true)"},
                                   {"(f16[3,2], [0,3], 0.1)"},
                                   {"(bf16[], [], 0.1)"},
                                   {"(i8[0,2], [1,0,1,1], 7)"}};

constexpr ir::Operator kOperators[] = {
    {.schema = "aten::constant_pad_nd(Tensor self, SymInt[] pad, Scalar value=0) -> Tensor",
     .out_name = "aten::constant_pad_nd.out",
     .infer = infer,
     .kernel = kernel,
     .input_region = input_region,
     .xnnpack = {check, lower},
     .quantize = {.kind = ir::QuantKind::kMove},
     .samples = kSamples},
};

}  // namespace

std::span<const ir::Operator> constant_pad_operators() { return kOperators; }

}  // namespace tessera::ops
