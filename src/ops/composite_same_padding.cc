// SPDX-License-Identifier: MIT
#include "base/try.h"
#include "ops/families.h"
#include "ops/rewriter.h"
#include "ops/shape_rules.h"

/// Convolutions whose padding is a word: "valid" for none, "same" for results of the input's size.
namespace tessera::ops {

namespace {

using ir::Dim;
using ir::Dims;
using ir::TensorType;
using ir::ValueId;

enum Position : std::size_t { kInput, kWeight, kBias, kStride, kPadding, kDilation, kGroups };

/// Padding before and after each spatial dimension; PyTorch puts the odd one behind.
struct Padding {
  std::vector<std::int64_t> before, after;
};

Result<Padding> padding_of(const std::string& word, const Dims& weight, const Dims& stride,
                           const Dims& dilation) {
  const std::size_t num_spatial = weight.size() - 2;
  Padding padding{std::vector<std::int64_t>(num_spatial, 0),
                  std::vector<std::int64_t>(num_spatial, 0)};
  if (word == "valid") return padding;
  if (word != "same") {
    return fail(ErrorCode::kInvalidArgument, "padding '{}', expected 'valid' or 'same'", word);
  }
  for (std::size_t i = 0; i < num_spatial; ++i) {
    if (stride[stride.size() == 1 ? 0 : i] != Dim(1)) {
      return fail(ErrorCode::kInvalidArgument, "padding 'same' with stride {}", to_string(stride));
    }
    const std::int64_t step = dilation[dilation.size() == 1 ? 0 : i].constant();
    const std::int64_t total = step * (weight[2 + i].constant() - 1);
    padding.before[i] = total / 2;
    padding.after[i] = total - total / 2;
  }
  return padding;
}

template <std::size_t kNumSpatial>
Result<std::vector<TensorType>> infer(const ir::TypeArguments& arguments) {
  const TensorType& input = arguments.tensor(kInput);
  const TensorType& weight = arguments.tensor(kWeight);
  TRY(expect_rank(input, "input", kNumSpatial + 2, kNumSpatial + 2));
  TRY(expect_rank(weight, "weight", kNumSpatial + 2, kNumSpatial + 2));
  TRY(ir::constant_shape(weight));
  const auto stride = TRY(integers_argument(arguments, kStride, "stride", kNumSpatial, 1));
  const auto dilation = TRY(integers_argument(arguments, kDilation, "dilation", kNumSpatial, 1));
  const Padding padding = TRY(padding_of(arguments.text(kPadding), weight.dims,
                                         arguments.dims(kStride), arguments.dims(kDilation)));
  TensorType result{input.dtype, {input.dims[0], weight.dims[0]}};
  for (std::size_t i = 0; i < kNumSpatial; ++i) {
    const Dim padded = input.dims[2 + i] + Dim(padding.before[i] + padding.after[i]);
    const WindowSize window{
        .kernel = weight.dims[2 + i].constant(), .stride = stride[i], .dilation = dilation[i]};
    result.dims.push_back(TRY(window_output(padded, window, "size of 'input'")));
  }
  return std::vector{std::move(result)};
}

/// Unequal paddings are put around the input by a node of their own.
template <std::size_t kNumSpatial>
Result<void> decompose(ir::Graph& graph, ir::NodeId id) {
  Rewriter rewriter(graph, id);
  const Dims weight = rewriter.type_of(rewriter.tensor(kWeight)).dims;
  const Padding padding =
      TRY(padding_of(rewriter.get<std::string>(kPadding), weight, rewriter.get<Dims>(kStride),
                     rewriter.get<Dims>(kDilation)));
  ValueId input = rewriter.tensor(kInput);
  Dims inside;
  for (const std::int64_t before : padding.before) inside.emplace_back(before);
  if (padding.before != padding.after) {
    Dims around;  // from the last dimension on
    for (std::size_t i = kNumSpatial; i-- > 0;) {
      around.emplace_back(padding.before[i]);
      around.emplace_back(padding.after[i]);
    }
    input = TRY(rewriter.call("aten::constant_pad_nd", {input, std::move(around), Dim(0)}));
    inside = Dims(kNumSpatial, Dim(0));
  }
  return rewriter.finish(
      "aten::convolution",
      {input, rewriter.argument(kWeight), rewriter.argument(kBias), rewriter.argument(kStride),
       std::move(inside), rewriter.argument(kDilation), false, Dims(kNumSpatial, Dim(0)),
       rewriter.argument(kGroups)});
}

constexpr ir::Sample kSamples2d[] = {
    {"(f32[1,3,8,9], f32[4,3,3,3], f32[4], [1,1], \"same\", [1,1], 1)"},
    {"(f32[1,3,8,9], f32[4,3,2,3], f32[4], [1,1], \"same\", [2,1], 1)"},
    {"(f32[1,3,8,9], f32[4,3,2,4], f32[4], [1,1], \"same\", [1,1], 1)"},
    {"(f32[1,4,8,9], f32[4,1,3,3], none, [2,2], \"valid\", [1,1], 4)"}};
constexpr ir::Sample kSamples1d[] = {{"(f32[1,3,18], f32[4,3,3], f32[4], [1], \"same\", [1], 1)"}};

constexpr ir::Operator kOperators[] = {
    {.schema = "aten::conv2d.padding(Tensor input, Tensor weight, Tensor? bias=None, SymInt[2] "
               "stride=1, str padding=\"valid\", SymInt[2] dilation=1, SymInt groups=1) -> Tensor",
     .infer = infer<2>,
     .decompose = decompose<2>,
     .samples = kSamples2d},
    {.schema = "aten::conv1d.padding(Tensor input, Tensor weight, Tensor? bias=None, SymInt[1] "
               "stride=1, str padding=\"valid\", SymInt[1] dilation=1, SymInt groups=1) -> Tensor",
     .infer = infer<1>,
     .decompose = decompose<1>,
     .samples = kSamples1d},
};

}  // namespace

std::span<const ir::Operator> composite_same_padding_operators() { return kOperators; }

}  // namespace tessera::ops
