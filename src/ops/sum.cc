// SPDX-License-Identifier: MIT
#include <functional>
#include <vector>

#include "base/try.h"
#include "ops/dispatch.h"
#include "ops/promotion.h"
#include "ops/reduction.h"
#include "ops/shape_rules.h"
#include "ops/xnnpack_rules.h"
#include "xnnpack/wiring.h"

/// Sums, means and products.
namespace tessera::ops {

namespace {

using ir::KernelArguments;
using ir::KernelContext;
using ir::NodeView;
using ir::TensorType;
using ir::TypeArguments;
using Types = Result<std::vector<TensorType>>;

/// Positions of the arguments; the operators over all dimensions have self and dtype only.
enum : std::size_t { kSelf, kDim, kKeepdim, kDtype };
constexpr std::size_t kDtypeOfAll = 1;

// ---- kernel ------------------------------------------------------------------------------------

/// Puts all elements of each result together with `step`. In double or, for integers, in 64 bits
/// that wrap around; elements go to the result's dtype first, as in ATen.
template <class State, class Step>
void reduce(KernelContext& context, const Tensor& self, std::vector<bool> is_reduced, Tensor& out,
            State init, const Step& step, bool is_mean) {
  const Reduction reduction(self.shape(), std::move(is_reduced));
  const auto count = static_cast<double>(reduction.count());
  const bool to_bool = out.dtype() == DType::kBool;
  dispatch<AllTypes>(self.dtype(), [&]<class T>() {
    const auto store = [&](std::int64_t first, const State* states, std::int64_t num_states) {
      if (!is_mean) return store_states(out, first, states, num_states);
      for (std::int64_t i = 0; i < num_states; ++i) {
        const double mean = static_cast<double>(states[i]) / count;
        store_states(out, first + i, &mean, 1);
      }
    };
    const T* in = std::as_const(self).data<T>();
    if (to_bool) {
      reduction.run(
          context, in, init,
          [&](State state, T x, std::int64_t) { return step(state, State(x != T(0))); }, step,
          store);
    } else {
      reduction.run(
          context, in, init,
          [&](State state, T x, std::int64_t) { return step(state, to_state<State>(x)); }, step,
          store);
    }
  });
}

template <class Step>
void reduce_to(KernelContext& context, const Tensor& self, std::vector<bool> is_reduced,
               Tensor& out, int init, const Step& step, bool is_mean = false) {
  if (is_float(out.dtype())) {
    reduce<double>(context, self, std::move(is_reduced), out, init, step, is_mean);
  } else {
    reduce<std::uint64_t>(context, self, std::move(is_reduced), out,
                          static_cast<std::uint64_t>(init), step, false);
  }
}

template <bool kIsMean>
Result<void> sum_kernel(KernelContext& context, const KernelArguments& arguments,
                        std::span<Tensor> outputs) {
  const Tensor& self = arguments.tensor(kSelf);
  reduce_to(context, self, reduced_dims(arguments, kDim, self.rank()), outputs[0], 0, std::plus(),
            kIsMean);
  return {};
}

Result<void> mean_of_all_kernel(KernelContext& context, const KernelArguments& arguments,
                                std::span<Tensor> outputs) {
  const Tensor& self = arguments.tensor(kSelf);
  reduce_to(context, self, std::vector<bool>(self.rank(), true), outputs[0], 0, std::plus(), true);
  return {};
}

Result<void> product_kernel(KernelContext& context, const KernelArguments& arguments,
                            std::span<Tensor> outputs) {
  const Tensor& self = arguments.tensor(kSelf);
  reduce_to(context, self, reduced_dims(arguments, kDim, self.rank()), outputs[0], 1,
            std::multiplies());
  return {};
}

Result<void> product_of_all_kernel(KernelContext& context, const KernelArguments& arguments,
                                   std::span<Tensor> outputs) {
  const Tensor& self = arguments.tensor(kSelf);
  reduce_to(context, self, std::vector<bool>(self.rank(), true), outputs[0], 1, std::multiplies());
  return {};
}

// ---- shape -------------------------------------------------------------------------------------

/// Integers and bool are summed up to i64 unless the argument says otherwise.
Result<DType> sum_dtype(const TypeArguments& arguments, std::size_t position) {
  const DType dtype = arguments.tensor(kSelf).dtype;
  return dtype_argument(arguments, position, is_float(dtype) ? dtype : DType::kI64);
}

Result<DType> mean_dtype(const TypeArguments& arguments, std::size_t position) {
  const DType dtype = TRY(dtype_argument(arguments, position, arguments.tensor(kSelf).dtype));
  if (is_float(dtype)) return dtype;
  return fail(ErrorCode::kInvalidType,
              "the mean would be {}, expected a floating point type (argument 'dtype')",
              name_of(dtype));
}

template <bool kIsMean>
Types infer(const TypeArguments& arguments) {
  const TensorType& self = arguments.tensor(kSelf);
  TRY(expect_types<AllTypes>(self, "self"));
  const auto is_reduced = TRY(reduced_dims(arguments, kDim, self.rank()));
  const DType dtype =
      kIsMean ? TRY(mean_dtype(arguments, kDtype)) : TRY(sum_dtype(arguments, kDtype));
  return std::vector{
      TensorType{dtype, reduced_sizes(self.dims, is_reduced, arguments.boolean(kKeepdim))}};
}

template <bool kIsMean>
Types infer_all(const TypeArguments& arguments) {
  TRY(expect_types<AllTypes>(arguments.tensor(kSelf), "self"));
  const DType dtype =
      kIsMean ? TRY(mean_dtype(arguments, kDtypeOfAll)) : TRY(sum_dtype(arguments, kDtypeOfAll));
  return std::vector{TensorType{dtype, {}}};
}

// ---- XNNPACK -----------------------------------------------------------------------------------

/// Dimensions begin .. end - 1 are averaged over.
struct Block {
  std::size_t begin = 0, end = 0;
};

std::optional<Block> averaged_block(const NodeView& view) {
  const std::size_t rank = view.arguments.tensor(kSelf).rank();
  const auto is_averaged = reduced_dims(view.arguments, kDim, rank);
  if (!is_averaged) return std::nullopt;
  Block block;
  while (block.begin < rank && !(*is_averaged)[block.begin]) ++block.begin;
  block.end = block.begin;
  while (block.end < rank && (*is_averaged)[block.end]) ++block.end;
  const auto rest = is_averaged->begin() + static_cast<std::ptrdiff_t>(block.end);
  if (block.begin == block.end || std::ranges::contains(rest, is_averaged->end(), true)) {
    return std::nullopt;
  }
  return block;
}

bool is_over_image(const NodeView& view, const Block& block) {
  return view.arguments.tensor(kSelf).rank() == 4 && block.begin == 2 && block.end == 4;
}

Reason check(const NodeView& view) {
  if (Reason reason = check_float_tensors(view)) return reason;
  const auto block = averaged_block(view);
  if (!block) return "the mean is not over neighbouring dimensions";
  const bool keeps_dims = view.arguments.boolean(kKeepdim);
  if (is_over_image(view, *block)) {
    const bool has_varying_batch = !view.arguments.tensor(kSelf).dims[0].is_constant();
    if (keeps_dims || !has_varying_batch) return std::nullopt;
  }
  return check_constant_sizes(view);
}

/// XNNPACK averages over the middle of [before, averaged, 1, after].
Result<void> lower(const NodeView& view, xnnpack::Builder& builder) {
  using xnnpack::Layout;
  const Block block = *averaged_block(view);
  xnnpack::Wiring wiring(builder);
  const auto result = view.node.results[0];
  if (is_over_image(view, block)) {
    const auto mean = wiring.mean(wiring.input(operand(view, kSelf), Layout::kNhwc));
    if (view.arguments.boolean(kKeepdim)) {
      wiring.output(result, Layout::kNhwc, mean);
    } else {
      wiring.output(result, Layout::kNchw,
                    wiring.reshape(mean, builder.dims_of(result, Layout::kNchw)));
    }
    return {};
  }
  const auto input = wiring.input(operand(view, kSelf), Layout::kNchw);
  std::vector<std::uint32_t> dims = {1, 1, 1, 1};
  for (std::size_t dim = 0; dim < input.dims.size(); ++dim) {
    dims[dim < block.begin ? 0 : dim < block.end ? 1 : 3] *= input.dims[dim];
  }
  const auto mean = wiring.mean(wiring.reshape(input, dims));
  wiring.output(result, Layout::kNchw,
                wiring.reshape(mean, builder.dims_of(result, Layout::kNchw)));
  return {};
}

/// Bounds of the scales as XNNPACK's for reductions.
Reason check_int8(const NodeView& view, std::span<const float> operands, float result) {
  const auto block = averaged_block(view);
  if (!block || !is_over_image(view, *block)) return "the mean is not over an image";
  const float ratio = operands[0] / result;
  if (ratio >= 0x1p-8f && ratio < 0x1p7f) return std::nullopt;
  return std::format("scale {} is too far from the result's {}", operands[0], result);
}

// ---- samples, declaration ----------------------------------------------------------------------

constexpr ir::Sample kMeanSamples[] = {{"(f32[2,3,7,5], [-1,-2], true, none)"},
                                       {"(f32[2,3,7,5], [2,3], false, none)"},
                                       {"(f32[4,6], [0], false, none)"},
                                       {"(f32[4,6], none, false, none)"},
                                       {"(f64[2,3,4], [1], true, 7)"},
                                       {"(f32[3,70,2], [0,2], false, none)"},
                                       {"(f16[4,40], [1], false, none)"},
                                       {"(bf16[4,40], [1], false, none)"},
                                       {"(i64[4,5], [1], false, 6)"},
                                       {"(bool[4,5], [0], false, 5)"},
                                       {"(f32[], [], false, none)"},
                                       {"(f32[2,1,4,1], [1,2], false, none)"}};
constexpr ir::Sample kMeanAllSamples[] = {
    {"(f32[3,7], none)"}, {"(bf16[3,7], 6)"}, {"(i32[3,7], 7)"}, {"(f32[], none)"}};
constexpr ir::Sample kSumSamples[] = {
    {"(f32[2,3,7,5], [1,3], true, none)"}, {"(f32[5,70], [0], false, none)"},
    {"(f64[4,6], none, false, none)"},     {"(f16[4,9], [1], false, none)"},
    {"(bf16[4,9], [1], false, 6)"},        {"(u8[4,50], [1], false, none)"},
    {"(i8[4,5], [1], false, 1)"},          {"(i16[4,5], [0], false, none)"},
    {"(i32[4,5], [1], false, none)"},      {"(i64[4,5], [1], false, 6)"},
    {"(bool[4,5], [0], false, none)"},     {"(f32[4,5], [0], false, 4)"},
    {"(f32[2,0,3], [1], false, none)"},    {"(f32[0,3], [1], false, none)"},
    {"(i64[3,4], [1], false, 11)"}};
constexpr ir::Sample kProductSamples[] = {
    {"(f32[2,3,7], 1, true, none)"}, {"(f64[4,6], -1, false, none)"},
    {"(f16[4,6], 0, false, none)"},  {"(bf16[4,6], 1, false, 6)"},
    {"(u8[4,5], 1, false, none)"},   {"(i32[4,5], 0, false, 3)"},
    {"(bool[4,5], 0, false, none)"}, {"(f32[2,0], 1, false, none)"},
    {"(f32[], 0, false, none)"}};
constexpr ir::Sample kProductAllSamples[] = {
    {"(f32[3,7], none)"}, {"(i8[3,3], none)"}, {"(f64[2,3], 6)"}, {"(f32[], none)"}};

constexpr ir::Operator kOperators[] = {
    {.schema = "aten::mean.dim(Tensor self, int[1]? dim, bool keepdim=False, *, ScalarType? "
               "dtype=None) -> Tensor",
     .out_name = "aten::mean.out",
     .infer = infer<true>,
     .kernel = sum_kernel<true>,
     .xnnpack = {check, lower},
     .quantize = {.kind = ir::QuantKind::kArithmetic, .check = check_int8},
     .samples = kMeanSamples},
    {.schema = "aten::mean(Tensor self, *, ScalarType? dtype=None) -> Tensor",
     .out_name = "aten::mean.dtype_out",
     .infer = infer_all<true>,
     .kernel = mean_of_all_kernel,
     .samples = kMeanAllSamples},
    {.schema = "aten::sum.dim_IntList(Tensor self, int[1]? dim, bool keepdim=False, *, ScalarType? "
               "dtype=None) -> Tensor",
     .out_name = "aten::sum.IntList_out",
     .infer = infer<false>,
     .kernel = sum_kernel<false>,
     .samples = kSumSamples},
    {.schema = "aten::prod.dim_int(Tensor self, int dim, bool keepdim=False, *, ScalarType? "
               "dtype=None) -> Tensor",
     .out_name = "aten::prod.int_out",
     .infer = infer<false>,
     .kernel = product_kernel,
     .samples = kProductSamples},
    {.schema = "aten::prod(Tensor self, *, ScalarType? dtype=None) -> Tensor",
     .out_name = "aten::prod.out",
     .infer = infer_all<false>,
     .kernel = product_of_all_kernel,
     .samples = kProductAllSamples},
};

}  // namespace

std::span<const ir::Operator> sum_operators() { return kOperators; }

}  // namespace tessera::ops
