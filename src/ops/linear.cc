// SPDX-License-Identifier: MIT
#include "base/try.h"
#include "ops/families.h"
#include "ops/rewriter.h"
#include "ops/shape_rules.h"
#include "ops/xnnpack_rules.h"

/// The linear layer: one node of XNNPACK whatever the input's rank, a product of matrices
/// elsewhere.
namespace tessera::ops {

namespace {

using ir::Dim;
using ir::Dims;
using ir::NodeView;
using ir::TensorType;
using ir::ValueId;

enum Position : std::size_t { kInput, kWeight, kBias };

Result<std::vector<TensorType>> infer_linear(const ir::TypeArguments& arguments) {
  const TensorType& input = arguments.tensor(0);
  const TensorType& weight = arguments.tensor(1);
  TRY(expect_float(input, "input"));
  TRY(expect_same_dtype(input, "input", weight, "weight"));
  TRY(expect_rank(input, "input", 1, Shape::kMaxRank));
  TRY(expect_rank(weight, "weight", 2, 2));
  TRY(expect_equal(weight.dims[1], "size 1 of argument 'weight'", input.dims.back(),
                   "the last size of argument 'input'"));
  if (const TensorType* bias = arguments.optional_tensor(2)) {
    TRY(expect_same_dtype(input, "input", *bias, "bias"));
    TRY(expect_rank(*bias, "bias", 1, 1));
    TRY(expect_equal(weight.dims[0], "size 0 of argument 'weight'", bias->dims[0],
                     "size of argument 'bias'"));
  }
  TensorType result = input;
  result.dims.back() = weight.dims[0];
  return std::vector{std::move(result)};
}

/// [addmm or mm](input, weight transposed), with the input seen as a matrix.
Result<void> decompose_linear(ir::Graph& graph, ir::NodeId id) {
  Rewriter rewriter(graph, id);
  const ValueId input = rewriter.tensor(kInput);
  const Dims sizes = rewriter.type_of(input).dims;
  const Dims rows(sizes.begin(), sizes.end() - 1);
  const ValueId matrix = TRY(rewriter.view(input, {num_elements(rows), sizes.back()}));
  const ValueId weight = TRY(rewriter.permute(rewriter.tensor(kWeight), {1, 0}));
  const ValueId product = rewriter.is_none(kBias)
                              ? TRY(rewriter.call("aten::mm", {matrix, weight}))
                              : TRY(rewriter.call("aten::addmm", {rewriter.argument(kBias), matrix,
                                                                  weight, Dim(1), Dim(1)}));
  return rewriter.finish(TRY(rewriter.view(product, rewriter.result_type().dims)));
}

// ---- XNNPACK -----------------------------------------------------------------------------------

Reason check(const NodeView& view) {
  if (constant_operand(view, kWeight) == nullptr) return "the weight is no constant";
  if (constant_operand(view, kInput) != nullptr) return "the input is a constant";
  if (!view.arguments.is_none(kBias) && constant_operand(view, kBias) == nullptr) {
    return "the bias is no constant";
  }
  return check_float_tensors(view);
}

Result<void> lower(const NodeView& view, xnnpack::Builder& builder) {
  const std::uint32_t input = builder.input(operand(view, kInput), xnnpack::Layout::kNchw);
  const ValueId weight = operand(view, kWeight);
  const std::uint32_t filter =
      builder.weight(weight, as_filter(*constant_operand(view, kWeight)), 0);
  const std::uint32_t bias_id =
      builder.bias(constant_operand(view, kBias), operand(view, kInput), weight);
  builder.add_node({.kind = xnnpack::NodeKind::kFullyConnected,
                    .inputs = {input, filter, bias_id},
                    .outputs = {builder.output(view.node.results[0], xnnpack::Layout::kNchw)}});
  return {};
}

// ---- samples, declaration ----------------------------------------------------------------------

constexpr ir::Sample kSamples[] = {
    {"(f32[3,5], f32[4,5], f32[4])"},     {"(f32[2,3,5], f32[4,5], none)"},
    {"(f32[2,3,7,5], f32[4,5], f32[4])"}, {"(f16[3,5], f16[4,5], f16[4])"},
    {"(bf16[3,5], bf16[4,5], none)"},     {"(f32[5], f32[4,5], f32[4])"}};

constexpr ir::Operator kOperators[] = {
    {.schema = "aten::linear(Tensor input, Tensor weight, Tensor? bias=None) -> Tensor",
     .infer = infer_linear,
     .decompose = decompose_linear,
     .xnnpack = {check, lower},
     .quantize = {.kind = ir::QuantKind::kWeighted, .weight = kWeight, .bias = kBias},
     .samples = kSamples},
};

}  // namespace

std::span<const ir::Operator> linear_operators() { return kOperators; }

}  // namespace tessera::ops
