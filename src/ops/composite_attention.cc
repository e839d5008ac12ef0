// SPDX-License-Identifier: MIT
#include <cmath>
#include <limits>

#include "base/try.h"
#include "ops/families.h"
#include "ops/rewriter.h"
#include "ops/shape_rules.h"

/// softmax(query key^T scale + mask) value, as products and a softmax.
namespace tessera::ops {

namespace {

using ir::Dim;
using ir::Dims;
using ir::TensorType;
using ir::ValueId;

enum Position : std::size_t {
  kQuery,
  kKey,
  kValue,
  kMask,
  kDropout,
  kIsCausal,
  kScale,
  kEnableGqa,
};

constexpr float kMasked = -std::numeric_limits<float>::infinity();

/// query [..., L, E], key [..., S, E], value [..., S, V] -> [..., L, V].
Result<std::vector<TensorType>> infer(const ir::TypeArguments& arguments) {
  const TensorType& query = arguments.tensor(kQuery);
  const TensorType& key = arguments.tensor(kKey);
  const TensorType& value = arguments.tensor(kValue);
  TRY(expect_float(query, "query"));
  for (const auto& [type, name] : {std::pair(&query, "query"), {&key, "key"}, {&value, "value"}}) {
    TRY(expect_same_dtype(query, "query", *type, name));
    TRY(expect_rank(*type, name, 2, Shape::kMaxRank));
  }
  TRY(expect_equal(key.dims.back(), "the last size of 'key'", query.dims.back(),
                   "that of 'query'"));
  TRY(expect_equal(key.dims[key.rank() - 2], "the length of 'key'", value.dims[value.rank() - 2],
                   "that of 'value'"));
  if (arguments.real(kDropout) != 0) {
    return fail(ErrorCode::kNotSupported, "argument 'dropout_p' is {}, expected 0",
                arguments.real(kDropout));
  }
  if (arguments.boolean(kEnableGqa)) {
    return fail(ErrorCode::kNotSupported, "argument 'enable_gqa' is true, expected false");
  }
  Dims batch = TRY(broadcast(Dims(query.dims.begin(), query.dims.end() - 2),
                             Dims(key.dims.begin(), key.dims.end() - 2)));
  batch = TRY(broadcast(batch, Dims(value.dims.begin(), value.dims.end() - 2)));
  batch.push_back(query.dims[query.rank() - 2]);
  batch.push_back(value.dims.back());
  return std::vector{TensorType{query.dtype, std::move(batch)}};
}

/// 0 where position `column` is not after position `row`, else -infinity.
Result<ValueId> causal_mask(Rewriter& rewriter, const Dim& length, const Dim& source_length) {
  if (!length.is_constant() || !source_length.is_constant()) {
    return fail(ErrorCode::kNotSupported, "a causal mask of varying sizes {} and {}",
                length.to_string(), source_length.to_string());
  }
  const std::int64_t rows = length.constant(), columns = source_length.constant();
  Tensor mask = TRY(Tensor::zeros(DType::kF32, {rows, columns}));
  for (std::int64_t row = 0; row < rows; ++row) {
    for (std::int64_t column = row + 1; column < columns; ++column) {
      mask.data<float>()[row * columns + column] = kMasked;
    }
  }
  return rewriter.constant("causal_mask", std::move(mask));
}

Result<ValueId> add_mask(Rewriter& rewriter, ValueId scores, ValueId mask) {
  const DType dtype = rewriter.type_of(scores).dtype;
  if (rewriter.type_of(mask).dtype == DType::kBool) {
    mask = TRY(rewriter.call("aten::where.self",
                             {mask, rewriter.number(0, dtype), rewriter.number(kMasked, dtype)}));
  }
  return rewriter.call("aten::add.Tensor", {scores, mask, Dim(1)});
}

Result<void> decompose(ir::Graph& graph, ir::NodeId id) {
  Rewriter rewriter(graph, id);
  const TensorType query = rewriter.type_of(rewriter.tensor(kQuery));
  const TensorType key = rewriter.type_of(rewriter.tensor(kKey));
  double scale = 0;
  if (!rewriter.is_none(kScale)) {
    scale = rewriter.get<double>(kScale);
  } else if (query.dims.back().is_constant()) {
    scale = 1 / std::sqrt(static_cast<double>(query.dims.back().constant()));
  } else {
    return fail(ErrorCode::kNotSupported, "the width of 'query' varies: {}",
                query.dims.back().to_string());
  }
  // The smallest factor of the product takes the scale.
  const ValueId scaled = TRY(rewriter.call(
      "aten::mul.Tensor", {rewriter.tensor(kQuery), rewriter.number(scale, query.dtype)}));
  const ValueId transposed =
      TRY(rewriter.call("aten::transpose_copy.int", {rewriter.tensor(kKey), Dim(-2), Dim(-1)}));
  ValueId scores = TRY(rewriter.call("aten::matmul", {scaled, transposed}));
  if (rewriter.get<bool>(kIsCausal)) {
    const ValueId mask =
        TRY(causal_mask(rewriter, query.dims[query.rank() - 2], key.dims[key.rank() - 2]));
    scores = TRY(add_mask(rewriter, scores, mask));
  }
  if (!rewriter.is_none(kMask)) {
    scores = TRY(add_mask(rewriter, scores, rewriter.tensor(kMask)));
  }
  const ValueId weights = TRY(rewriter.call("aten::_softmax", {scores, Dim(-1), false}));
  return rewriter.finish("aten::matmul", {weights, rewriter.tensor(kValue)});
}

constexpr ir::Sample kSamples[] = {
    {"(f32[2,3,5,8], f32[2,3,7,8], f32[2,3,7,4], none, 0.0, false, none, false)"},
    {"(f32[2,5,8], f32[2,5,8], f32[2,5,8], none, 0.0, true, 0.5, false)"},
    {"(f32[1,2,4,8], f32[1,2,6,8], f32[1,2,6,8], f32[4,6], 0.0, false, none, false)"}};

constexpr ir::Operator kOperators[] = {
    {.schema = "aten::scaled_dot_product_attention(Tensor query, Tensor key, Tensor value, Tensor? "
               "attn_mask=None, float dropout_p=0.0, bool is_causal=False, *, float? scale=None, "
               "bool enable_gqa=False) -> Tensor",
     .infer = infer,
     .decompose = decompose,
     .samples = kSamples},
};

}  // namespace

std::span<const ir::Operator> composite_attention_operators() { return kOperators; }

}  // namespace tessera::ops
